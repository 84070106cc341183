import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const PATH = '/v1/accounts/customer%3Aacme';
const range = { account: 'customer:acme', asset: 'USD/2', from: '2026-11-01', to: '2026-11-30', order: 'asc' };
const line = {
  id: 't-1',
  kind: 'charge',
  amount: '-12345',
  counterparty: 'platform:usage:revenue',
  effectiveAt: '2026-11-02T00:00:00.000Z',
  recordedAt: '2026-11-02T00:00:01.000Z',
  operation: 'chat',
};
const correction = { ...line, id: 't-2', kind: 'transfer', amount: '5', corrects: 't-1', description: 'too much' };
const lines = (count: number) => Array.from({ length: count }, () => line);

const accounts = (...argv: string[]) => reckoner(['--url', service.url, 'accounts', ...argv]);

describe('reckoner accounts statement', () => {
  test('lists the transfers of every page', async () => {
    service.answer({
      [`GET ${PATH}/statement?from=2026-11-01&to=2026-11-30&order=asc&limit=500`]: {
        json: { ...range, transfers: [line], next: 'c.1' },
      },
      [`GET ${PATH}/statement?cursor=c.1&limit=500`]: { json: { ...range, transfers: [correction] } },
    });
    const argv = ['statement', 'customer:acme', '--from', '2026-11-01', '--to', '2026-11-30', '--order', 'asc'];
    const { code, out, err } = await accounts(...argv);
    expect(code).toBe(0);
    expect(out).toContain('Statement of customer:acme: 2026-11-01 to 2026-11-30\n');
    expect(out).toMatch(/2026-11-02T00:00:00.000Z │ t-1 +│ platform:usage:revenue │ -123.45 USD │ chat/);
    expect(out).toMatch(/t-2 .*│ +0.05 USD │ chat; takes back t-1; too much/);
    expect(err).toBe('');
    expect(JSON.parse((await accounts(...argv, '--json')).out)).toEqual({ ...range, transfers: [line, correction] });
  });

  test('ends at the limit, asks for no more than that, and says that there are more', async () => {
    service.answer({
      [`GET ${PATH}/statement?limit=500`]: { json: { ...range, transfers: lines(500), next: 'c.1' } },
      [`GET ${PATH}/statement?cursor=c.1&limit=1`]: { json: { ...range, transfers: lines(1), next: 'c.2' } },
    });
    const { code, out, err } = await accounts('statement', 'customer:acme', '--limit', '501', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ transfers: { length: 501 }, next: 'c.2' });
    expect(err).toBe('There are more than 501 transfers; ask for fewer days or a higher --limit.\n');
  });

  test('ends after a thousand transfers where no limit is given', async () => {
    const page = { json: { ...range, transfers: lines(500), next: 'c.1' } };
    service.answer({
      [`GET ${PATH}/statement?limit=500`]: page,
      [`GET ${PATH}/statement?cursor=c.1&limit=500`]: page,
    });
    const { err } = await accounts('statement', 'customer:acme');
    expect(service.seen).toHaveLength(2);
    expect(err).toContain('There are more than 1,000 transfers');
  });

  test('says that there are none', async () => {
    service.answer({ [`GET ${PATH}/statement?limit=500`]: { json: { ...range, transfers: [] } } });
    expect((await accounts('statement', 'customer:acme')).out).toBe(
      'customer:acme has no transfers from 2026-11-01 to 2026-11-30.\n',
    );
  });

  test('prints nothing when a later page is refused', async () => {
    service.answer({
      [`GET ${PATH}/statement?limit=500`]: { json: { ...range, transfers: [line], next: 'c.1' } },
      [`GET ${PATH}/statement?cursor=c.1&limit=500`]: problem('invalid-request', 400),
    });
    expect(await accounts('statement', 'customer:acme')).toMatchObject({ code: 2, out: '' });
  });

  test.each([
    ['--order', 'up', 'Allowed choices are asc, desc'],
    ['--limit', '0', 'Give a whole number from 1 to 100000.'],
  ])('answers %s %s with what is wrong', async (option, value, message) => {
    expect(await accounts('statement', 'customer:acme', option, value)).toMatchObject({
      code: 2,
      err: expect.stringContaining(message),
    });
  });
});

describe('reckoner accounts balance', () => {
  const sums = { account: 'customer:acme', asset: 'USD/2', credits: '10000', debits: '2550', balance: '7450' };

  test('prints the sums, and beside them what the account keeps', async () => {
    const body = { ...sums, kept: { credits: '10000', debits: '2600', balance: '7400', available: '8400' } };
    service.answer({ [`GET ${PATH}/balance`]: { json: body } });
    const { code, out } = await accounts('balance', 'customer:acme');
    expect(code).toBe(0);
    expect(out).toContain('Balance       74.50 USD\n');
    expect(out).toContain('Kept balance  74.00 USD\nAvailable     84.00 USD\n');
    expect(JSON.parse((await accounts('balance', 'customer:acme', '--json')).out)).toEqual(body);
  });

  test('asks as of the times that were given', async () => {
    const times = { effectiveAt: '2026-11-10T00:00:00.000Z', knownAt: '2026-11-11T00:00:00.000Z' };
    const query = new URLSearchParams({ effectiveAt: '2026-11-10T00:00:00Z', knownAt: '2026-11-11T00:00:00Z' });
    service.answer({ [`GET ${PATH}/balance?${query}`]: { json: { ...sums, ...times } } });
    const argv = ['--effective-at', '2026-11-10T00:00:00Z', '--known-at', '2026-11-11T00:00:00Z'];
    const { out } = await accounts('balance', 'customer:acme', ...argv);
    expect(out).toContain('Counted until  2026-11-10T00:00:00.000Z\nKnown by       2026-11-11T00:00:00.000Z\n');
    expect(out).not.toContain('Kept');
  });

  test('says why an account is not listed', async () => {
    service.answer({ [`GET ${PATH}/balance`]: problem('not-listed', 422, { detail: "Ask for the customer's." }) });
    expect(await accounts('balance', 'customer:acme')).toMatchObject({
      code: 2,
      err: expect.stringContaining("Ask for the customer's."),
    });
  });
});

describe('reckoner accounts usage', () => {
  const usage = {
    account: 'customer:acme',
    asset: 'USD/2',
    from: '2026-11-01',
    to: '2026-11-30',
    requests: 1_234,
    amount: '5000',
    days: [{ day: '2026-11-02', requests: 1_234, amount: '5000' }],
  };

  test('prints the days and their total', async () => {
    service.answer({ [`GET ${PATH}/usage`]: { json: usage } });
    const { code, out } = await accounts('usage', 'customer:acme');
    expect(code).toBe(0);
    expect(out).toMatch(/2026-11-02 │ +1,234 │ +50.00 USD/);
    expect(out).toMatch(/Total +│ +1,234 │ +50.00 USD/);
    expect(out).not.toContain('Key');
    expect(JSON.parse((await accounts('usage', 'customer:acme', '--json')).out)).toEqual(usage);
  });

  test('divides them by key, and says what remains', async () => {
    const keys = [{ key: '5d0c1b7fa2e94c38', requests: 1_234, amount: '5000' }];
    service.answer({
      [`GET ${PATH}/usage?from=2026-11-01&to=2026-11-30&by=key`]: { json: { ...usage, keys, remaining: '99' } },
    });
    const argv = ['--from', '2026-11-01', '--to', '2026-11-30', '--by', 'key'];
    const { out } = await accounts('usage', 'customer:acme', ...argv);
    expect(out).toMatch(/5d0c1b7fa2e94c38 │ +1,234 │ 50.00 USD/);
    expect(out).toMatch(/\nAvailable now: 0.99 USD\n$/);
  });

  test('knows nothing else to divide them by', async () => {
    expect(await accounts('usage', 'customer:acme', '--by', 'day')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Allowed choices are key'),
    });
  });
});
