import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

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
  metadata: { plan: 'pro', region: 'eu' },
};

const accounts = (...argv: string[]) => reckoner(['--url', service.url, 'accounts', ...argv]);

describe('reckoner accounts', () => {
  test.each([
    ['freeze', 'frozen'],
    ['unfreeze', 'open'],
    ['close', 'closed'],
  ])('%s sends the reason, is tried again, and shows the account with it', async (name, status) => {
    const changed = { ...account, status, statusReason: 'a dispute', statusChangedBy: '5d0c1b7fa2e94c38' };
    service.answer({
      [`POST /v1/accounts/customer%3Aacme/${name}`]: [problem('unavailable', 503), { json: changed }],
    });
    const { code, out } = await accounts(name, 'customer:acme', '--reason', 'a dispute');
    expect(code).toBe(0);
    expect(service.seen.map(({ json }) => json)).toEqual([{ reason: 'a dispute' }, { reason: 'a dispute' }]);
    expect(out).toContain(`Status        ${status}\nReason        a dispute\nBy            5d0c1b7fa2e94c38\n`);
    expect(out).toContain('Metadata      plan=pro, region=eu\n');
    const { out: json } = await accounts(name, 'customer:acme', '--reason', 'a dispute', '--json');
    expect(JSON.parse(json)).toEqual(changed);
  });

  test.each(['freeze', 'unfreeze', 'close'])('%s asks for a reason', async (name) => {
    expect(await accounts(name, 'customer:acme')).toMatchObject({
      code: 2,
      err: expect.stringContaining("'--reason <text>'"),
    });
  });

  test('close says why it cannot be', async () => {
    const refusal = problem('account-not-empty', 409, { detail: 'The balance is 0.70 USD.' });
    service.answer({ 'POST /v1/accounts/customer%3Aacme/close': refusal });
    expect(await accounts('close', 'customer:acme', '--reason', 'gone')).toEqual({
      code: 2,
      out: '',
      err: 'A title. The balance is 0.70 USD.\n(account-not-empty, status 409)\n',
    });
  });

  test('limit sends minor units as they were given', async () => {
    service.answer({ 'PUT /v1/accounts/customer%3Aacme/credit-limit': { json: account } });
    const { code, out } = await accounts('limit', 'customer:acme', '9007199254740993');
    expect(code).toBe(0);
    expect(service.seen[0]?.json).toEqual({ creditLimit: '9007199254740993' });
    expect(out).toContain('Credit limit  50.00 USD\n');
    expect(JSON.parse((await accounts('limit', 'customer:acme', '5000', '--json')).out)).toEqual(account);
  });

  test('limit asks for an amount', async () => {
    expect(await accounts('limit', 'customer:acme')).toMatchObject({
      code: 2,
      err: expect.stringContaining("missing required argument 'amount'"),
    });
  });
});
