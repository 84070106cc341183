import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const grant = {
  id: 'welcome-acme',
  kind: 'transfer',
  debit: 'platform:promotions',
  credit: 'customer:acme',
  asset: 'TOKEN',
  amount: '5000',
  effectiveAt: '2026-11-20T00:00:00.000Z',
  recordedAt: '2026-11-20T00:00:00.000Z',
  grant: { priority: 10, expiresAt: '2026-12-20T00:00:00.000Z' },
};
const run = (...argv: string[]) => reckoner(['--url', service.url, ...argv]);

describe('reckoner grants create', () => {
  const create = ['grants', 'create', 'customer:acme', '5000', '--source', 'platform:promotions'];

  test('sends what was said, and shows the grant', async () => {
    service.answer({ 'POST /v1/grants': { status: 201, json: grant } });
    const terms = ['--priority', '10', '--expires-at', '2026-12-20T00:00:00Z', '--id', 'welcome-acme'];
    const { code, out, err } = await run(...create, ...terms);
    expect([code, err]).toEqual([0, '']);
    expect(service.seen.at(-1)?.json).toEqual({
      id: 'welcome-acme',
      account: 'customer:acme',
      amount: '5000',
      source: 'platform:promotions',
      priority: 10,
      expiresAt: '2026-12-20T00:00:00Z',
    });
    expect(out).toContain('Priority     10\nExpires at   2026-12-20T00:00:00.000Z\n');
  });

  test('names the grant itself, says so first, and says when it was given before', async () => {
    service.answer({ 'POST /v1/grants': { status: 200, json: grant } });
    const { code, err } = await run(...create, '--json');
    expect(code).toBe(0);
    expect(err).toMatch(/^The grant is named grant-0123456789abcdef; to try again, add --id grant-0123456789abcdef\n/);
    expect(err).toContain('grant-0123456789abcdef was given before; nothing was given now.');
  });

  test('exits with 2 for a priority that is no number, and for a refusal', async () => {
    expect(await run(...create, '--priority', 'high')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--priority'),
    });
    service.answer({ 'POST /v1/grants': problem('too-many-grants', 409, { detail: 'It has ten.' }) });
    expect(await run(...create)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('It has ten.') });
  });
});

describe('reckoner accounts grants', () => {
  const left = {
    account: 'customer:acme',
    asset: 'TOKEN',
    at: '2026-12-21T00:00:00.000Z',
    grants: [
      {
        ...{ id: 'welcome-acme', remaining: '1200', priority: 10, grantedAt: '2026-11-20T00:00:00.000Z' },
        expiresAt: '2026-12-20T00:00:00.000Z',
      },
      { id: 'loyal-acme', remaining: '30', priority: 100, grantedAt: '2026-11-20T00:00:00.000Z' },
    ],
    granted: '1230',
    paid: '77',
    expired: '1200',
  };

  test('lists what is left in order, what is paid, and what has expired', async () => {
    service.answer({ 'GET /v1/accounts/customer%3Aacme/grants': { json: left } });
    const { code, out } = await run('accounts', 'grants', 'customer:acme');
    expect(code).toBe(0);
    expect(out).toMatch(/welcome-acme.* 10 .*2026-12-20T00:00:00.000Z \(expired\).*1,200 TOKEN/);
    expect(out).toMatch(/loyal-acme.* 100 .*never.*30 TOKEN/);
    expect(out).toContain('Paid     77 TOKEN\nExpired  1,200 TOKEN, not posted to breakage yet');
    expect(JSON.parse((await run('accounts', 'grants', 'customer:acme', '--json')).out)).toEqual(left);
  });

  test('of an account without any shows what is paid alone', async () => {
    const none = { ...left, grants: [], granted: '0', expired: '0' };
    service.answer({ 'GET /v1/accounts/customer%3Aacme/grants': { json: none } });
    expect((await run('accounts', 'grants', 'customer:acme')).out).toBe('Granted  0 TOKEN\nPaid     77 TOKEN\n');
  });
});
