import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
let directory: string;
beforeAll(async () => {
  service = await startService();
  directory = await mkdtemp(join(tmpdir(), 'reckoner-cli-'));
});
afterAll(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

const call = (...argv: string[]) =>
  reckoner(['--url', service.url, ...argv], { env: { RECKONER_KEY: 'from-environment' } });

describe('reckoner', () => {
  test.each([
    ['no command', [], 'Usage: reckoner'],
    ['an unknown command', ['recncile'], "unknown command 'recncile'"],
    ['an unknown option', ['runs', '--jsn'], "unknown option '--jsn'"],
    ['a missing option', ['invoices', 'generate'], "required option '--month <month>'"],
    ['half of a period', ['--url', 'http://127.0.0.1:9', 'reconcile', '--start-date', '2026-11-01'], 'Say which days'],
    ['a wrong number', ['reconcile', '--timeout', 'x'], 'Give minutes'],
  ])('answers %s with what is wrong, and exits with 2', async (_, argv, message) => {
    const { code, out, err } = await reckoner(argv);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(message);
  });

  test('prints help on request, exit codes included', async () => {
    const { code, out } = await reckoner(['reconcile', '--help']);
    expect(code).toBe(0);
    expect(out).toContain('Exit codes:\n  0  the books agree');
  });

  test.each([
    ['', 'Say where the service is: with --url, or in RECKONER_URL.'],
    ['localhost', '"localhost" is not a URL of the service'],
    ['ftp://x', '"ftp://x" is not a URL of the service'],
  ])('asks for a URL it can use (%j)', async (url, message) => {
    const { code, err } = await reckoner(['runs'], { env: { RECKONER_URL: url } });
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('takes URL and key from the environment, and options before it', async () => {
    service.answer({ 'GET /v1/reconciliations': { json: { reconciliations: [] } } });
    const env = { RECKONER_URL: service.url, RECKONER_KEY: 'from-environment' };
    await reckoner(['runs'], { env });
    await reckoner(['--key', 'from-option', 'runs'], { env });
    expect(service.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer from-environment',
      'Bearer from-option',
    ]);
  });

  test('says when something else answers than the service', async () => {
    service.answer({ 'GET /v1/reconciliations': { text: '<html>welcome</html>' } });
    const { code, err } = await call('runs');
    expect(code).toBe(2);
    expect(err).toContain('Check the URL and the versions.');
  });
});

const run = {
  id: 'daily-2026-11-19',
  status: 'running',
  startDate: '2026-11-19',
  endDate: '2026-11-19',
  trigger: 'daily',
  requestedAt: '2026-11-20T02:00:00.000Z',
  progress: { slicesDone: 3, slicesTotal: 32 },
};

describe('reckoner runs', () => {
  test('lists runs', async () => {
    service.answer({ 'GET /v1/reconciliations': { json: { reconciliations: [run] } } });
    const { code, out } = await call('runs');
    expect(code).toBe(0);
    expect(out).toContain('daily-2026-11-19 │ 2026-11-19 to 2026-11-19 │ 2026-11-20T02:00:00.000Z │ running');
  });

  test('says that there are none', async () => {
    service.answer({ 'GET /v1/reconciliations': { json: { reconciliations: [] } } });
    expect((await call('runs')).out).toBe('There are no reconciliation runs yet.\n');
  });

  test('shows a run that goes on', async () => {
    service.answer({ 'GET /v1/reconciliations/daily-2026-11-19': { json: run } });
    expect((await call('runs', 'daily-2026-11-19')).out).toContain('Progress  3 of 32 slices');
  });

  test('shows why a run failed', async () => {
    const failed = { ...run, status: 'failed', error: { name: 'SliceError', cause: 'no such table' } };
    service.answer({ 'GET /v1/reconciliations/daily-2026-11-19': { json: failed } });
    expect((await call('runs', 'daily-2026-11-19')).out).toContain('SliceError: no such table');
  });

  test('exits with 2 for a run that nobody knows', async () => {
    service.answer({ 'GET /v1/reconciliations/x': problem('not-found', 404, { detail: 'There is no run "x".' }) });
    expect(await call('runs', 'x')).toMatchObject({
      code: 2,
      err: 'A title. There is no run "x".\n(not-found, status 404)\n',
    });
  });
});

describe('reckoner accounts', () => {
  const account = {
    id: 'customer:acme',
    asset: 'USD/2',
    balance: 'strict',
    status: 'open',
    openedOn: '2026-11-01',
    createdAt: '2026-11-01T00:00:00.000Z',
    creditLimit: '5000',
    credits: '100',
    debits: '30',
    available: '5070',
  };

  test('open sends what was said and nothing else', async () => {
    service.answer({ 'POST /v1/accounts': { status: 201, json: account } });
    await call('accounts', 'open', 'customer:acme', '--credit-limit', '5000');
    expect(service.seen[0]?.json).toEqual({ id: 'customer:acme', creditLimit: '5000' });
  });

  test('show prints the figures in units of the asset', async () => {
    service.answer({ 'GET /v1/accounts/customer%3Aacme': { json: account } });
    const { out } = await call('accounts', 'show', 'customer:acme');
    expect(out).toContain('Available     50.70 USD\n');
    expect(out).toContain('Credit limit  50.00 USD\n');
  });
});

describe('reckoner rate-cards', () => {
  const card = {
    name: 'standard',
    effectiveFrom: '2026-11-01T00:00:00.000Z',
    asset: 'USD/6',
    revenueAccount: 'platform:usage:revenue',
    operations: {
      chat: {
        prices: { input: { amount: '3000000', per: '1000000' }, requests: { amount: '1', per: '1' } },
        minimum: '5',
        rounding: 'half-up',
      },
    },
  };

  test('list prints prices as people say them', async () => {
    service.answer({ 'GET /v1/rate-cards': { json: { rateCards: [card] } } });
    const { out } = await call('rate-cards', 'list');
    expect(out).toContain('3.000000 USD per 1000000 input; 0.000001 USD per requests');
  });

  test('list tells whose prices an override is', async () => {
    const overrides = { 'customer:acme': { chat: { ...card.operations.chat, minimum: '0' } } };
    service.answer({ 'GET /v1/rate-cards': { json: { rateCards: [{ ...card, overrides }] } } });
    const { out } = await call('rate-cards', 'list');
    expect(out.split('\n').filter((line) => line.includes('standard'))).toHaveLength(2);
    expect(out).toContain('│ customer:acme │ chat');
  });

  test.each([
    [201, 'is published.'],
    [200, 'was published before, with the same content.'],
  ])('publish sends the file as it is (%i)', async (status, said) => {
    service.answer({ 'PUT /v1/rate-cards': { status, json: card } });
    const file = join(directory, 'card.json');
    await writeFile(file, JSON.stringify(card));
    const { out } = await call('rate-cards', 'publish', '--file', file);
    expect(service.seen[0]?.json).toEqual(card);
    expect(out).toBe(`Rate card standard of 2026-11-01T00:00:00.000Z ${said}\n`);
  });

  test('publish says when the file is no JSON or not there', async () => {
    const file = join(directory, 'bad.json');
    await writeFile(file, '{');
    expect(await call('rate-cards', 'publish', '--file', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`${file} cannot be read as JSON`),
    });
    expect(await call('rate-cards', 'publish', '--file', join(directory, 'gone'))).toMatchObject({ code: 2 });
  });
});

describe('reckoner controls', () => {
  test.each([
    ['pause', true],
    ['resume', false],
  ])('%s says what was said, and why', async (name, paused) => {
    const control = { paused, reason: 'drill', changedAt: '2026-11-20T00:00:00.000Z', changedBy: 'k1' };
    service.answer({ 'PUT /v1/controls/ledger': { json: control } });
    const { out } = await call('controls', name, '--reason', 'drill');
    expect(service.seen[0]?.json).toEqual({ paused, reason: 'drill' });
    expect(out).toContain(`Ledger  ${paused ? 'paused' : 'open'}\nReason  drill\n`);
  });

  test('show tells the state', async () => {
    service.answer({ 'GET /v1/controls/ledger': { json: { paused: false, reason: '' } } });
    expect((await call('controls', 'show')).out).toBe('Ledger  open\n');
  });

  test('pause asks for a reason', async () => {
    expect(await call('controls', 'pause')).toMatchObject({
      code: 2,
      err: expect.stringContaining("'--reason <text>'"),
    });
  });
});

test('reckoner openapi prints the document and needs no key', async () => {
  service.answer({ 'GET /v1/openapi.json': { json: { openapi: '3.1.0' } } });
  const { code, out } = await reckoner(['openapi', '--url', service.url]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ openapi: '3.1.0' });
});
