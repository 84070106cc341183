import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

const RATE_CARD = 'standard@2026-11-01T00:00:00.000Z';
const ID = 'parity-2026-10-01234567';
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

const run = {
  ...{ id: ID, kind: 'parity', month: '2026-10', status: 'requested', rateCard: RATE_CARD },
  ...{ requestedBy: 'key', requestedAt: '2026-11-03T00:00:00.000Z', progress: { slicesDone: 0 } },
};

function script(counts: Readonly<Record<string, number>>): void {
  const outcome = {
    sentence: `Parity of 2026-10 with ${RATE_CARD}.`,
    counts: { same: 1, differs: 0, 'lines-that-differ': 0, 'charges-not-priced': 0, ...counts },
    totals: [{ asset: 'USD/2', before: '8700', after: '13100' }],
  };
  const artifacts = { 'parity.csv': `${service.url}/parity.csv` };
  service.answer({
    'POST /v1/billing-runs': { status: 202, json: run },
    [`GET /v1/billing-runs/${ID}`]: [{ json: run }, { json: { ...run, status: 'succeeded', outcome, artifacts } }],
    'GET /parity.csv': { text: 'invoice_id\r\n' },
  });
}

const parity = (...more: string[]) =>
  reckoner([
    ...['invoices', 'parity', '--month', '2026-10', '--rate-card', RATE_CARD],
    ...['--url', service.url, '--key', 'k', ...more],
  ]);

describe('reckoner invoices parity', () => {
  test('starts a run, follows it, saves the lines and says by its exit code that some differ', async () => {
    script({ differs: 1, 'lines-that-differ': 2 });
    const file = join(directory, 'parity.csv');
    const { code, out } = await parity('--account', 'customer:acme', '--output', file);
    expect(code).toBe(1);
    expect(service.seen[0]?.json).toEqual({
      ...{ id: ID, kind: 'parity', month: '2026-10', rateCard: RATE_CARD, accounts: ['customer:acme'] },
    });
    expect(out).toMatch(/USD\/2 +│ +87\.00 USD │ +131\.00 USD │ +44\.00 USD/);
    expect(out.trimEnd().split('\n').at(-1)).toBe(`Parity of 2026-10 with ${RATE_CARD}.`);
    expect(await readFile(file, 'utf8')).toBe('invoice_id\r\n');
  });

  test.each([
    ['every line is the same', {}, 0],
    ['charges could not be priced', { 'charges-not-priced': 1 }, 1],
    ['there was nothing to compare', { same: 0 }, 2],
  ])('where %s', async (_, counts, code) => {
    script(counts);
    expect((await parity()).code).toBe(code);
  });

  test('announces the file of another system by its digest, sends it and has it compared', async () => {
    const file = join(directory, 'theirs.csv');
    await writeFile(file, 'invoice_id\n');
    const upload = { method: 'PUT', url: `${service.url}/input.csv`, expiresAt: '2026-11-03T00:15:00.000Z' };
    const { rateCard: _, ...announced } = { ...run, status: 'announced', upload };
    const outcome = { sentence: 'The same.', counts: { same: 1, differs: 0 } };
    service.answer({
      'POST /v1/billing-runs': { status: 202, json: announced },
      'PUT /input.csv': { text: '' },
      [`POST /v1/billing-runs/${ID}/start`]: { status: 202, json: { ...announced, status: 'requested' } },
      [`GET /v1/billing-runs/${ID}`]: { json: { ...announced, status: 'succeeded', outcome } },
    });
    const argv = ['invoices', 'parity', '--month', '2026-10', '--csv', file, '--url', service.url, '--key', 'k'];
    expect((await reckoner(argv)).code).toBe(0);
    const sha256 = createHash('sha256').update('invoice_id\n').digest('hex');
    expect(service.seen[0]?.json).toEqual({ id: ID, kind: 'parity', month: '2026-10', sha256 });
    expect(service.seen.map(({ method, path }) => `${method} ${path}`).slice(1, 3)).toEqual([
      'PUT /input.csv',
      `POST /v1/billing-runs/${ID}/start`,
    ]);
    expect(service.seen[1]?.body.toString()).toBe('invoice_id\n');
  });

  test('says what is missing where it is not told what to compare with', async () => {
    const { code, err } = await reckoner([
      'invoices',
      'parity',
      '--month',
      '2026-10',
      '--url',
      service.url,
      '--key',
      'k',
    ]);
    expect([code, err]).toEqual([2, expect.stringContaining('--rate-card, or the --csv')]);
  });

  test('tells a refusal, and nothing was done', async () => {
    const errors = [{ field: 'rateCard', rule: 'must be a published version, of which there are 1' }];
    service.answer({ 'POST /v1/billing-runs': problem('invalid-request', 400, { errors }) });
    const { code, err } = await parity();
    expect(code).toBe(2);
    expect(err).toContain('rateCard: must be a published version');
  });
});
