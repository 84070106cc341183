import { afterAll, beforeAll, expect, test } from 'vitest';
import { problem, reckoner, startService, type TestService } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const PATH = '/v1/accounts/customer%3Aacme';
const accounts = (...argv: string[]) => reckoner(['--url', service.url, 'accounts', ...argv]);

const tree = {
  account: 'customer:acme',
  accounts: [
    {
      id: 'customer:acme',
      asset: 'TOKEN',
      balance: 'strict',
      status: 'open',
      posted: '1000',
      held: '20',
      available: '980',
    },
    { id: 'customer:acme:cash', asset: 'USD/2', balance: 'derived', status: 'frozen', posted: '-12345' },
  ],
  totals: [
    { asset: 'TOKEN', accounts: 1, posted: '1000', held: '20', available: '980' },
    { asset: 'USD/2', accounts: 1234, posted: '-12345' },
  ],
};

test('reckoner accounts tree lists what each account has, and what all have together', async () => {
  service.answer({ [`GET ${PATH}/tree`]: { json: tree } });
  const { code, out, err } = await accounts('tree', 'customer:acme');
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('customer:acme and what is below it\n');
  expect(out).toMatch(/customer:acme +│ open +│ 1,000 TOKEN │ 20 TOKEN │ 980 TOKEN/);
  expect(out).toMatch(/customer:acme:cash +│ frozen │ -123.45 USD │ +│ +│/);
  expect(out).toMatch(/Total of 1 account +│ +│ 1,000 TOKEN │ 20 TOKEN │ 980 TOKEN/);
  expect(out).toMatch(/Total of 1,234 accounts │ +│ -123.45 USD │ +│ +│/);
});

test('reckoner accounts tree prints JSON as it came', async () => {
  service.answer({ [`GET ${PATH}/tree`]: { json: tree } });
  expect(JSON.parse((await accounts('tree', 'customer:acme', '--json')).out)).toEqual(tree);
});

test('reckoner accounts tree tells what is refused, and that it could not be done', async () => {
  service.answer({ [`GET ${PATH}/tree`]: problem('account-unknown', 404) });
  expect(await accounts('tree', 'customer:acme')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('A detail.'),
  });
});

test('reckoner accounts usage --under asks for what is below the account too, and says how many there are', async () => {
  const range = { from: '2026-11-01', to: '2026-11-30' };
  const figures = { requests: 3, amount: '155' };
  const json = {
    ...{ account: 'customer:acme', asset: 'TOKEN', ...range, accounts: 3, ...figures },
    days: [{ day: '2026-11-18', ...figures }],
  };
  service.answer({ [`GET ${PATH}/usage?from=2026-11-01&under=true`]: { json } });
  const { code, out } = await accounts('usage', 'customer:acme', '--from', '2026-11-01', '--under');
  expect(code).toBe(0);
  expect(out).toContain('Usage of customer:acme (3 accounts): 2026-11-01 to 2026-11-30\n');
  expect(out).toMatch(/Total +│ +3 │ 155 TOKEN/);
});
