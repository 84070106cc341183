import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { operations } from '../../../contract/routes.ts';
import type { Chart } from '../../../domain/chart.ts';
import { makeHandler } from '../../../functions/api/ledger.ts';
import { accountKey } from '../../../store/tables.ts';
import { call, type TestCall } from '../../support/api.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

const ACME = 'customer:acme';
const TEAM = 'customer:acme:team-1';
const NIGHT = 'customer:acme:team-1:night';

/** The project's own chart, and an organisation without an account of its own, with accounts of every kind below it. */
const CHART: Chart = [
  ...chart,
  { pattern: 'org:*:prepaid:*', asset: 'TOKEN', balance: 'strict', party: 'customer', shards: 1, rateCard: 'standard' },
  {
    pattern: 'org:*:postpaid:*',
    asset: 'TOKEN',
    balance: 'derived',
    party: 'customer',
    shards: 2,
    rateCard: 'standard',
  },
  { pattern: 'org:*:money', asset: 'USD/2', balance: 'derived', party: 'customer', shards: 1 },
  { pattern: 'org:*:house', asset: 'TOKEN', balance: 'derived', party: 'platform', shards: 1 },
];

let ledger: TestLedger;
let handler: ReturnType<typeof makeHandler>;

beforeAll(async () => {
  ledger = await startLedger();
  handler = makeHandler({ ...ledger.deps, chart: CHART });
  await open(ACME, { creditLimit: 50 });
  await open(NIGHT);
  await open(TEAM);
  await open('customer:acmecorp');
  await open('customer:acmecorp:team-1');
  await transfer('platform:funding', ACME, 1_000);
  await transfer(ACME, TEAM, 300);
  await transfer('platform:funding', 'customer:acmecorp', 7);
  await charge(TEAM, 120, '2026-11-18');
  await charge(ACME, 30, '2026-11-18');
  await charge(ACME, 5, '2026-11-19');
});
afterAll(() => ledger.books.stop());

let count = 0;
async function send(route: string, status: number, request: TestCall) {
  const answer = await call(handler, route, request);
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  return answer.body;
}

const open = (id: string, terms: object = {}) =>
  send('POST /v1/accounts', 201, { body: { id, openedOn: '2026-11-01', ...terms } });
const transfer = (debit: string, credit: string, amount: number, asset = 'TOKEN') =>
  send('POST /v1/transfers', 201, { body: { id: `t-${count++}`, debit, credit, amount, asset } });
const charge = (account: string, tokens: number, day: string, rest: TestCall = {}) =>
  send('POST /v1/charges', 201, { body: chargeOf(account, tokens, day), ...rest });
const chargeOf = (account: string, tokens: number, day: string) => ({
  id: `c-${count++}`,
  account,
  operation: 'completion',
  quantities: { tokens },
  effectiveAt: `${day}T12:00:00Z`,
});

async function tree(accountId: string, rest: TestCall = {}) {
  const answer = await call(handler, 'GET /v1/accounts/{accountId}/tree', { params: { accountId }, ...rest });
  if (answer.status === 200) {
    expect(operations.getAccountTree.answers[200]().safeParse(answer.body).error).toBeUndefined();
  }
  return answer;
}

async function usage(accountId: string, query: Record<string, string>, rest: TestCall = {}) {
  const answer = await call(handler, 'GET /v1/accounts/{accountId}/usage', { params: { accountId }, query, ...rest });
  if (answer.status === 200) expect(operations.getUsage.answers[200]().safeParse(answer.body).error).toBeUndefined();
  return answer;
}

const UNKNOWN = [404, 'urn:reckoner:problem:account-unknown'];
const outcomeOf = ({ status, body }: Awaited<ReturnType<typeof tree>>) => [status, body.type];

describe('an account tree', () => {
  test('tells what each account has and what they have together', async () => {
    const strict = { asset: 'TOKEN', balance: 'strict', status: 'open', held: '0' };
    expect((await tree(ACME)).body).toEqual({
      account: ACME,
      accounts: [
        { id: ACME, ...strict, posted: '665', available: '715' },
        { id: TEAM, ...strict, posted: '180', available: '180' },
        { id: NIGHT, ...strict, posted: '0', available: '0' },
      ],
      totals: [{ asset: 'TOKEN', accounts: 3, posted: '845', held: '0', available: '895' }],
    });
  });

  test('begins at any account of it', async () => {
    const { body } = await tree(TEAM);
    expect(body.totals).toEqual([{ asset: 'TOKEN', accounts: 2, posted: '180', held: '0', available: '180' }]);
  });

  test('shows what is held, which is posted still and not available', async () => {
    await open('customer:holder:a');
    await open('customer:holder:b');
    await transfer('platform:funding', 'customer:holder:a', 100);
    await transfer('platform:funding', 'customer:holder:b', 10);
    await ledger.books.client.send(
      new UpdateItemCommand({
        TableName: ledger.books.ledgerTable,
        Key: { pk: { S: accountKey('customer:holder:a') } },
        UpdateExpression: 'SET held = :held, available = available - :held',
        ExpressionAttributeValues: { ':held': { N: '30' } },
      }),
    );
    const { body } = await tree('customer:holder');
    expect(body.accounts).toMatchObject([{ posted: '100', held: '30', available: '70' }, { held: '0' }]);
    expect(body.totals).toEqual([{ asset: 'TOKEN', accounts: 2, posted: '110', held: '30', available: '80' }]);
  });

  test('shows accounts that are frozen or closed as such', async () => {
    await open('customer:still:a');
    await open('customer:still:b');
    const change = (id: string, verb: string) =>
      send(`POST /v1/accounts/{accountId}/${verb}`, 200, { params: { accountId: id }, body: { reason: 'test' } });
    await change('customer:still:a', 'freeze');
    await change('customer:still:b', 'close');
    expect((await tree('customer:still')).body.accounts).toMatchObject([{ status: 'frozen' }, { status: 'closed' }]);
  });

  test('sums derived balances from their transfers, and keeps assets apart', async () => {
    await open('org:mixed:prepaid:a');
    await transfer('platform:funding', 'org:mixed:prepaid:a', 100);
    await transfer('org:mixed:postpaid:b', 'platform:sink', 30);
    await transfer('org:mixed:postpaid:c', 'org:mixed:postpaid:b', 4);
    await transfer('platform:cash:till', 'org:mixed:money', 250, 'USD/2');
    const { body } = await tree('org:mixed');
    expect(body.accounts).toEqual([
      { id: 'org:mixed:money', asset: 'USD/2', balance: 'derived', status: 'open', posted: '250' },
      { id: 'org:mixed:postpaid:b', asset: 'TOKEN', balance: 'derived', status: 'open', posted: '-26' },
      { id: 'org:mixed:postpaid:c', asset: 'TOKEN', balance: 'derived', status: 'open', posted: '-4' },
      {
        ...{ id: 'org:mixed:prepaid:a', asset: 'TOKEN', balance: 'strict', status: 'open' },
        ...{ posted: '100', held: '0', available: '100' },
      },
    ]);
    expect(body.totals).toEqual([
      { asset: 'TOKEN', accounts: 3, posted: '70', held: '0', available: '100' },
      { asset: 'USD/2', accounts: 1, posted: '250' },
    ]);
  });

  test('of a path with nothing at it and nothing below it is 404', async () => {
    for (const path of [
      'customer:nobody',
      'customer:acme:team-9',
      'nothing:of:the:chart',
      'customer',
      'no path at all',
    ]) {
      expect(outcomeOf(await tree(path))).toEqual(UNKNOWN);
    }
  });

  test('of platform accounts is refused, because their transfers with customers are listed at the customers', async () => {
    const refused = [422, 'urn:reckoner:problem:not-listed'];
    expect(outcomeOf(await tree('platform:revenue'))).toEqual(refused);
    await open('org:housed:house', { openedOn: undefined });
    expect(outcomeOf(await tree('org:housed'))).toEqual(refused);
  });

  test('of more days of derived balances than can be summed is refused, and says so', async () => {
    for (let year = 2014; year <= 2026; year += 1) {
      for (let month = 1; month <= 12; month += 1) {
        const effectiveAt = `${year}-${String(month).padStart(2, '0')}-01T00:00:00Z`;
        if (effectiveAt > NOW) continue;
        const body = { id: `o-${year}-${month}`, debit: 'org:old:postpaid:a', credit: 'platform:sink', asset: 'TOKEN' };
        await send('POST /v1/transfers', 201, { body: { ...body, amount: 1, effectiveAt } });
      }
    }
    const refused = await tree('org:old');
    expect(outcomeOf(refused)).toEqual([422, 'urn:reckoner:problem:too-much']);
    expect(refused.body.errors).toMatchObject([
      { field: 'accountId', rule: expect.stringContaining('at most 5000 are') },
    ]);
  });

  test('of more accounts than one answer covers is refused, and says so', async () => {
    const { client } = ledger.books;
    const listed = Array.from({ length: 1_001 }, (_, index) => ({ account: { S: `customer:huge:a${index}` } }));
    const send = vi.spyOn(client, 'send').mockImplementation(async () => ({ Items: listed }));
    const refused = await tree('customer:huge');
    send.mockRestore();
    expect(outcomeOf(refused)).toEqual([422, 'urn:reckoner:problem:too-much']);
    expect(refused.body.errors).toMatchObject([{ field: 'accountId', rule: expect.stringContaining('at most 1000') }]);
  });

  test('needs the scope to read', async () => {
    expect((await tree(ACME, { caller: { scopes: ['ledger:write'] } })).status).toBe(403);
  });
});

describe('a key that is bound to an account', () => {
  const bound = { caller: { account: ACME } };

  test('sees it and what is below it, and nothing else', async () => {
    expect((await tree(ACME, bound)).body.accounts).toHaveLength(3);
    expect((await tree(TEAM, bound)).body.accounts).toHaveLength(2);
    const read = (accountId: string) =>
      call(handler, 'GET /v1/accounts/{accountId}', { params: { accountId }, ...bound });
    expect((await read(NIGHT)).status).toBe(200);
    for (const id of ['customer:acmecorp', 'customer:acmecorp:team-1']) {
      expect(outcomeOf(await tree(id, bound))).toEqual(UNKNOWN);
      expect(outcomeOf(await usage(id, { under: 'true' }, bound))).toEqual(UNKNOWN);
      expect(outcomeOf(await read(id))).toEqual(UNKNOWN);
    }
  });

  test('does not see what is above it', async () => {
    expect(outcomeOf(await tree(ACME, { caller: { account: TEAM } }))).toEqual(UNKNOWN);
  });

  test('charges what is below it too', async () => {
    await open('customer:payer');
    await open('customer:payer:a');
    await transfer('platform:funding', 'customer:payer:a', 10);
    const caller = { account: 'customer:payer' };
    await charge('customer:payer:a', 4, '2026-11-19', { caller });
    expect((await tree('customer:payer', { caller })).body.totals).toMatchObject([{ posted: '6' }]);
    await send('POST /v1/charges', 404, { body: chargeOf(TEAM, 1, '2026-11-19'), caller });
    await send('POST /v1/charges', 404, { body: chargeOf('customer:payers:a', 1, '2026-11-19'), caller });
  });
});

describe('usage', () => {
  const range = { from: '2026-11-17', to: '2026-11-20' };

  test('is of one account where nothing else is asked for', async () => {
    const { body } = await usage(ACME, range);
    expect(body).toMatchObject({ requests: 2, amount: '35', remaining: '715' });
    expect(body.accounts).toBeUndefined();
  });

  test('is summed over the account and all below it, by day and by key', async () => {
    const { body } = await usage(ACME, { ...range, under: 'true', by: 'key' });
    expect(body).toEqual({
      ...{ account: ACME, asset: 'TOKEN', ...range, accounts: 3, requests: 3, amount: '155', remaining: '895' },
      days: [
        { day: '2026-11-18', requests: 2, amount: '150' },
        { day: '2026-11-19', requests: 1, amount: '5' },
      ],
      keys: [{ key: 'test-key', requests: 3, amount: '155' }],
    });
  });

  test('of several assets has no sum, and is refused', async () => {
    const refused = await usage('org:mixed', { ...range, under: 'true' });
    expect([refused.status, refused.body.errors]).toMatchObject([
      400,
      [{ field: 'under', rule: expect.stringContaining('USD/2, TOKEN') }],
    ]);
  });

  test('of more days of accounts than can be summed is refused, and says what to do', async () => {
    for (let index = 0; index < 30; index += 1) await open(`customer:many:a${index}`, { openedOn: '2026-01-01' });
    const refused = await usage('customer:many', { under: 'true' });
    expect(outcomeOf(refused)).toEqual([422, 'urn:reckoner:problem:too-much']);
    expect(refused.body.errors).toMatchObject([{ field: 'from', rule: expect.stringContaining('must be later') }]);
    expect((await usage('customer:many', { under: 'true', ...range })).status).toBe(200);
  });

  test('asked for in another way is refused, and the field is named', async () => {
    const refused = await usage(ACME, { under: 'yes' });
    expect([refused.status, refused.body.errors?.map(({ field }) => field)]).toEqual([400, ['under']]);
  });

  test('of a platform account or of nothing answers as without', async () => {
    expect((await usage('platform:revenue:usage', { under: 'true' })).status).toBe(422);
    expect(outcomeOf(await usage('customer:nobody', { under: 'true' }))).toEqual(UNKNOWN);
  });
});
