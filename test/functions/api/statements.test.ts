import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { operations } from '../../../contract/routes.ts';
import { makeHandler } from '../../../functions/api/ledger.ts';
import { createSettingsCache } from '../../../functions/runtime/settings.ts';
import { systemClock } from '../../../store/retry.ts';
import { publishRateCard } from '../../../store/settings.ts';
import { call, type TestCall } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const ACME = 'customer:acme';
let books: TestBooks;
let handler: ReturnType<typeof makeHandler>;
let now = '2026-06-02T00:00:00.000Z';
let ids = 0;

beforeAll(async () => {
  books = await startBooks();
  const perRequest = (amount: bigint) => ({
    prices: { credits: { amount, per: 1n } },
    minimum: 0n,
    rounding: 'up' as const,
  });
  await publishRateCard(
    books,
    {
      name: 'standard',
      effectiveFrom: '2026-01-01T00:00:00.000Z',
      asset: 'TOKEN',
      revenueAccount: 'platform:revenue:usage',
      operations: { search: perRequest(1n), execute: perRequest(1n) },
    },
    now,
    'key-1',
  );
  const { client, ledgerTable } = books;
  handler = makeHandler({
    store: { client, ledgerTable, clock: systemClock, newId: () => `token-${ids++}`, listed: new Set() },
    audit: books,
    settings: createSettingsCache(books, Date.now),
    chart,
    now: () => now,
  });
  await open(ACME);
  await fund('fund', ACME, 10_000);
  await playTheStory();
});
afterAll(() => books.stop());

const open = async (id: string) =>
  expect((await call(handler, 'POST /v1/accounts', { body: { id, openedOn: '2026-06-01' } })).status).toBe(201);

async function fund(id: string, credit: string, amount: number, effectiveAt = '2026-06-02T00:00:00Z'): Promise<void> {
  const body = { id, debit: 'platform:funding', credit, amount, asset: 'TOKEN', effectiveAt };
  expect((await call(handler, 'POST /v1/transfers', { body })).status).toBe(201);
}

async function charge(fields: object, keyId = 'key-1'): Promise<void> {
  const answer = await call(handler, 'POST /v1/charges', { body: fields, caller: { keyId } });
  expect(answer.status).toBe(201);
}

type Path = 'statement' | 'balance' | 'usage';
async function read(path: Path, query?: Record<string, string>, account = ACME, rest: Partial<TestCall> = {}) {
  const request = { params: { accountId: account }, ...(query !== undefined && { query }), ...rest };
  const answer = await call(handler, `GET /v1/accounts/{accountId}/${path}`, request);
  if (answer.status === 200) {
    const { answers } = {
      statement: operations.getStatement,
      balance: operations.getBalance,
      usage: operations.getUsage,
    }[path];
    expect(answers[200]().safeParse(answer.body).error).toBeUndefined();
  }
  return answer;
}

/** 72 charges of 861: 36 searches of 1 without a key, and 36 executions that come to 825 with one, over six days. */
async function playTheStory(): Promise<void> {
  for (let index = 0; index < 36; index += 1) {
    const effectiveAt = `2026-06-0${3 + (index % 6)}T12:00:00Z`;
    now = `2026-06-0${3 + (index % 6)}T12:00:01.000Z`;
    const credits = index < 33 ? 23 : 22;
    await charge(
      { id: `search-${index}`, account: ACME, operation: 'search', quantities: { credits: 1 }, effectiveAt },
      '',
    );
    await charge({ id: `execute-${index}`, account: ACME, operation: 'execute', quantities: { credits }, effectiveAt });
  }
  now = '2026-06-21T08:00:00.000Z';
  // Counters that drifted, beside the ledger and on the account itself; whoever reads one of them is wrong.
  const { client, ledgerTable, operationsTable } = books;
  await client.send(
    new UpdateItemCommand({
      TableName: ledgerTable,
      Key: { pk: { S: `account#${ACME}` } },
      UpdateExpression: 'SET monthlyCallsCount = :drifted',
      ExpressionAttributeValues: { ':drifted': { N: '416' } },
    }),
  );
  const Item = { pk: { S: 'key#key-1' }, sk: { S: 'calls' }, calls: { N: '36' } };
  await client.send(new PutItemCommand({ TableName: operationsTable, Item }));
}

const sumOf = (rows: unknown) => (rows as { amount: string }[]).reduce((sum, { amount }) => sum + BigInt(amount), 0n);

describe('72 charges of 861, a counter of 416 and 36 calls by key', () => {
  test('the account has 861 debited', async () => {
    const { body } = await call(handler, 'GET /v1/accounts/{accountId}', { params: { accountId: ACME } });
    expect(body).toMatchObject({ credits: '10000', debits: '861', available: '9139' });
  });

  test('the balance is summed from transfers, and is the one that is kept', async () => {
    const { body } = await read('balance');
    const sums = { credits: '10000', debits: '861', balance: '9139' };
    expect(body).toEqual({ account: ACME, asset: 'TOKEN', ...sums, kept: { ...sums, available: '9139' } });
  });

  test('the usage of all days is 861, and what remains comes from the balance', async () => {
    const { body } = await read('usage');
    expect(body).toMatchObject({
      from: '2026-03-24',
      to: '2026-06-21',
      requests: 72,
      amount: '861',
      remaining: '9139',
    });
    const days = body.days as { day: string; requests: number }[];
    expect(days.map(({ day }) => day)).toEqual([3, 4, 5, 6, 7, 8].map((day) => `2026-06-0${day}`));
    expect(days.map(({ requests }) => requests)).toEqual([12, 12, 12, 12, 12, 12]);
    expect(sumOf(days)).toBe(861n);
    expect(body.keys).toBeUndefined();
  });

  test('the usage by key is 861 too, because what was charged without a key is counted', async () => {
    const { body } = await read('usage', { by: 'key' });
    expect(body).toMatchObject({ requests: 72, amount: '861' });
    expect(body.keys).toEqual([
      { key: 'key-1', requests: 36, amount: '825' },
      { key: 'none', requests: 36, amount: '36' },
    ]);
  });

  test('the lines of the statement come to 861', async () => {
    const { body } = await read('statement', { limit: '500' });
    const lines = body.transfers as { amount: string; kind: string; key?: string; counterparty: string }[];
    const charges = lines.filter(({ kind }) => kind === 'charge');
    expect([charges.length, sumOf(charges), sumOf(lines)]).toEqual([72, -861n, 9139n]);
    expect(charges.filter(({ key }) => key === 'key-1')).toHaveLength(36);
    expect(lines[0]).toMatchObject({ id: 'fund', amount: '10000', counterparty: 'platform:funding' });
  });
});

describe('a statement', () => {
  const idsOf = (answer: Awaited<ReturnType<typeof read>>) =>
    (answer.body.transfers as { id: string }[]).map(({ id }) => id);

  test('is gone through by its cursors, which know their range and order', async () => {
    const range = { from: '2026-06-03', to: '2026-06-04', order: 'desc' };
    const whole = idsOf(await read('statement', range));
    const first = await read('statement', { ...range, limit: '20' });
    const second = await read('statement', { cursor: String(first.body.next), limit: '20' });
    expect([first.body.from, second.body.from, second.body.order]).toEqual(['2026-06-03', '2026-06-03', 'desc']);
    expect([...idsOf(first), ...idsOf(second)]).toEqual(whole);
    expect([whole.length, second.body.next]).toEqual([24, undefined]);
    expect((await read('statement', { ...range, cursor: String(first.body.next) })).status).toBe(200);
  });

  test('takes no cursor of another account, of another range, or that was changed', async () => {
    await open('customer:borealis');
    const { body } = await read('statement', { from: '2026-06-01', limit: '1' });
    const cursor = String(body.next);
    for (const refused of [
      await read('statement', { cursor }, 'customer:borealis'),
      await read('statement', { cursor: cursor.slice(0, -1) }),
      await read('statement', { cursor: '' }),
      await read('statement', { cursor, from: '2026-06-02' }),
      await read('statement', { cursor, order: 'desc' }),
    ]) {
      expect([refused.status, refused.body.errors?.map(({ field }) => field)]).toEqual([400, ['cursor']]);
    }
  });

  test.each([
    ['a range that ends before it starts', { from: '2026-06-02', to: '2026-06-01' }, 'to'],
    ['a range of more than a leap year', { from: '2025-06-01', to: '2026-06-02' }, 'to'],
    ['a range that starts in the future', { from: '2026-06-22' }, 'from'],
    ['a day that does not exist', { from: '2026-02-30' }, 'from'],
    ['a time instead of a day', { to: '2026-06-02T00:00:00Z' }, 'to'],
    ['a parameter sent twice', { to: '2026-06-02,2026-06-03' }, 'to'],
    ['a page of nothing', { limit: '0' }, 'limit'],
    ['a page that is too long', { limit: '501' }, 'limit'],
    ['a page length in another form', { limit: '1e2' }, 'limit'],
    ['an unknown order', { order: 'up' }, 'order'],
    ['an unknown parameter', { page: '2' }, 'page'],
  ])('with %s is refused, and the field is named', async (_, query, field) => {
    const refused = await read('statement', query);
    expect([refused.status, refused.body.errors?.map((error) => error.field)]).toEqual([400, [field]]);
  });

  test('of one day and of 366 days are both read', async () => {
    expect(idsOf(await read('statement', { from: '2026-06-02', to: '2026-06-02' }))).toEqual(['fund']);
    const longest = await read('statement', { from: '2025-06-02', to: '2026-06-02' });
    expect([longest.status, idsOf(longest)]).toEqual([200, ['fund']]);
  });
});

describe('a reversed charge', () => {
  test('is netted on its own day and under its own key, and the request still counts', async () => {
    await open('customer:reversed');
    await fund('reversed-funds', 'customer:reversed', 100);
    const usage = { operation: 'search', quantities: { credits: 40 }, effectiveAt: '2026-06-05T12:00:00Z' };
    await charge({ id: 'reversed-1', account: 'customer:reversed', ...usage }, 'key-7');
    const reversal = { params: { transferId: 'reversed-1' }, body: { id: 'reversal-1', amount: 15 } };
    expect((await call(handler, 'POST /v1/transfers/{transferId}/reversals', reversal)).status).toBe(201);
    const { body } = await read('usage', { by: 'key' }, 'customer:reversed');
    const figures = { requests: 1, amount: '25' };
    expect(body).toMatchObject({
      ...figures,
      days: [{ day: '2026-06-05', ...figures }],
      keys: [{ key: 'key-7', ...figures }],
      remaining: '75',
    });
    const { transfers } = (await read('statement', { from: '2026-06-05' }, 'customer:reversed')).body;
    expect(transfers).toMatchObject([
      { id: 'reversal-1', amount: '15', corrects: 'reversed-1' },
      { id: 'reversed-1', amount: '-40' },
    ]);
  });
});

describe('a balance', () => {
  test('says what counted by a time, as far as it was known by another', async () => {
    now = '2026-06-01T10:00:00.000Z';
    await open('customer:times');
    await fund('times-1', 'customer:times', 100, '2026-06-01T09:00:00Z');
    now = '2026-06-10T10:00:00.000Z';
    // Learned on the 10th, and counting on the 2nd.
    await charge({
      id: 'times-2',
      account: 'customer:times',
      operation: 'search',
      quantities: { credits: 30 },
      effectiveAt: '2026-06-02T12:00:00Z',
    });
    now = '2026-06-21T08:00:00.000Z';
    const at = async (query: Record<string, string>) => (await read('balance', query, 'customer:times')).body.balance;
    expect(await at({})).toBe('70');
    expect(await at({ effectiveAt: '2026-06-02T11:59:59.999Z' })).toBe('100');
    expect(await at({ effectiveAt: '2026-06-02T12:00:00Z' })).toBe('70');
    expect(await at({ effectiveAt: '2026-06-03T00:00:00Z', knownAt: '2026-06-03T00:00:00Z' })).toBe('100');
    expect(await at({ knownAt: '2026-06-10T10:00:00Z' })).toBe('70');
    expect(await at({ knownAt: '2026-06-01T09:59:59Z' })).toBe('0');
    expect(await at({ effectiveAt: '2026-05-01T00:00:00Z' })).toBe('0');
    expect(await at({ effectiveAt: '2999-12-31T00:00:00Z' })).toBe('70');
    const past = await read('balance', { knownAt: '2026-06-03T00:00:00+02:00' }, 'customer:times');
    expect(past.body).toMatchObject({ knownAt: '2026-06-02T22:00:00.000Z', balance: '100' });
    expect(past.body.kept).toBeUndefined();
  });

  test('of a derived account counts what was posted before its opening too', async () => {
    const body = { debit: 'merchant:m1', credit: 'merchant:m2', asset: 'USD/2', amount: 5 };
    await call(handler, 'POST /v1/accounts', { body: { id: 'merchant:m1' } });
    for (const day of ['2026-06-20', '2024-02-29']) {
      const sent = { body: { ...body, id: `m-${day}`, effectiveAt: `${day}T00:00:00Z` } };
      expect((await call(handler, 'POST /v1/transfers', sent)).status).toBe(201);
    }
    expect((await read('balance', {}, 'merchant:m1')).body).toEqual({
      account: 'merchant:m1',
      asset: 'USD/2',
      credits: '0',
      debits: '10',
      balance: '-10',
    });
    expect((await read('balance', {}, 'merchant:m2')).body).toMatchObject({ balance: '10' });
    const usage = await read('usage', {}, 'merchant:m1');
    expect(usage.body).toMatchObject({ requests: 0, amount: '0', days: [] });
    expect(usage.body.remaining).toBeUndefined();
  });

  test('with a time that is none is refused, and the field is named', async () => {
    const refused = await read('balance', { effectiveAt: 'now', knownAt: '2026-06-01' });
    expect(refused.body.errors?.map(({ field }) => field)).toEqual(['effectiveAt', 'knownAt']);
  });

  test('over more days than can be read is refused, and says what to do', async () => {
    const opening = { id: 'customer:old', openedOn: '2015-01-01' };
    expect((await call(handler, 'POST /v1/accounts', { body: opening })).status).toBe(201);
    const refused = await read('balance', {}, 'customer:old');
    expect([refused.status, refused.body.type]).toEqual([422, 'urn:reckoner:problem:too-much']);
    expect((await read('balance', { effectiveAt: '2015-01-02T00:00:00Z' }, 'customer:old')).status).toBe(200);
  });
});

describe.each(['statement', 'balance', 'usage'] as const)('%s', (path) => {
  test('of an account that is not there, or that a key may not see, is 404', async () => {
    const bound = { caller: { account: ACME } };
    expect((await read(path, {}, ACME, bound)).status).toBe(200);
    for (const answer of [
      await read(path, {}, 'customer:nobody'),
      await read(path, {}, 'no such account'),
      await read(path, {}, 'customer:times', bound),
      await read(path, {}, 'platform:funding', bound),
    ]) {
      expect([answer.status, answer.body.type]).toEqual([404, 'urn:reckoner:problem:account-unknown']);
    }
  });

  test('of a platform account is refused, because its transfers are listed at the customers', async () => {
    const refused = await read(path, undefined, 'platform:revenue:usage');
    expect([refused.status, refused.body.type]).toEqual([422, 'urn:reckoner:problem:not-listed']);
  });

  test('needs the scope to read', async () => {
    expect((await read(path, {}, ACME, { caller: { scopes: ['ledger:write'] } })).status).toBe(403);
  });
});
