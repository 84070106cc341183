import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { makeHandler } from '../../../functions/api/ledger.ts';
import { createSettingsCache } from '../../../functions/runtime/settings.ts';
import { systemClock } from '../../../store/retry.ts';
import { publishRateCard, putLedgerControl } from '../../../store/settings.ts';
import { call, type TestCall } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const NOW = '2026-11-20T08:00:00.000Z';
let books: TestBooks;
let handler: ReturnType<typeof makeHandler>;
let ids = 0;
let clockMs = 0;

beforeAll(async () => {
  books = await startBooks();
  const perThousand = (amount: bigint) => ({ amount, per: 1000n });
  await publishRateCard(
    books,
    {
      name: 'standard',
      effectiveFrom: '2026-11-01T00:00:00.000Z',
      asset: 'TOKEN',
      revenueAccount: 'platform:revenue:usage',
      operations: { completion: { prices: { tokens: perThousand(1000n) }, minimum: 0n, rounding: 'up' } },
    },
    NOW,
    'key-1',
  );
  handler = makeHandler({
    store: {
      client: books.client,
      ledgerTable: books.ledgerTable,
      clock: systemClock,
      newId: () => `token-${ids++}`,
      listed: new Set(),
    },
    audit: books,
    settings: createSettingsCache(books, () => clockMs),
    chart,
    now: () => NOW,
  });
  await open('customer:acme');
  await post('POST /v1/transfers', {
    id: 'fund',
    debit: 'platform:funding',
    credit: 'customer:acme',
    amount: '1000',
    asset: 'TOKEN',
  });
});
afterAll(() => books.stop());

const post = (route: string, body: unknown, rest: Omit<TestCall, 'body'> = {}) =>
  call(handler, route, { body, ...rest });
const open = (id: string) => post('POST /v1/accounts', { id, openedOn: '2026-11-01' });
const charge = (fields: object, rest: Omit<TestCall, 'body'> = {}) =>
  post(
    'POST /v1/charges',
    { account: 'customer:acme', operation: 'completion', quantities: { tokens: 1 }, ...fields },
    rest,
  );
const fieldsOf = (answer: Awaited<ReturnType<typeof charge>>) => answer.body.errors?.map(({ field }) => field);

describe('a charge', () => {
  test('is priced by the rate card and posted once; a repetition is the same answer, marked', async () => {
    const first = await charge({ id: 'c-1', quantities: { tokens: '7' } });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      id: 'c-1',
      kind: 'charge',
      debit: 'customer:acme',
      credit: 'platform:revenue:usage',
      amount: '7',
      requestId: 'c-1',
      rateCard: 'standard@2026-11-01T00:00:00.000Z',
    });
    const again = await charge({ id: 'c-1', quantities: { tokens: 7 } });
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
    expect(again.body).toEqual(first.body);
  });

  test('with another content under its id is refused, and the first differing field is named', async () => {
    await charge({ id: 'c-2' });
    const other = await charge({ id: 'c-2', quantities: { tokens: 2 } });
    expect([other.status, fieldsOf(other)]).toEqual([422, ['quantities']]);
  });

  test('takes its id from the header Idempotency-Key, which must agree with the body', async () => {
    expect((await charge({}, { headers: { 'idempotency-key': '"c-3"' } })).body.id).toBe('c-3');
    expect((await charge({ id: 'c-3' }, { headers: { 'idempotency-key': 'c-3' } })).status).toBe(200);
    expect(fieldsOf(await charge({ id: 'c-4' }, { headers: { 'idempotency-key': 'c-5' } }))).toEqual([
      'Idempotency-Key',
    ]);
    expect(fieldsOf(await charge({}))).toEqual(['id']);
  });

  test('above what is available is refused with 402 and may be tried again', async () => {
    const refused = await charge({ id: 'c-6', quantities: { tokens: 1_000_000 } });
    expect([refused.status, fieldsOf(refused)]).toEqual([402, ['account']]);
    const funds = {
      id: 'fund-2',
      debit: 'platform:funding',
      credit: 'customer:acme',
      amount: '1000000',
      asset: 'TOKEN',
    };
    await post('POST /v1/transfers', funds);
    expect((await charge({ id: 'c-6', quantities: { tokens: 1_000_000 } })).status).toBe(201);
  });

  test('of what has no price is refused, but is a replay when it was charged before', async () => {
    const unpriced = await charge({ id: 'c-7', operation: 'unknown' });
    expect([unpriced.status, fieldsOf(unpriced)]).toEqual([422, ['operation']]);
    const wrongDimension = await charge({ id: 'c-7', quantities: { tokns: 1 } });
    expect([wrongDimension.status, fieldsOf(wrongDimension)]).toEqual([422, ['quantities']]);
    const conflict = await charge({ id: 'c-1', operation: 'unknown', quantities: { tokens: 7 } });
    expect([conflict.status, fieldsOf(conflict)]).toEqual([422, ['operation']]);
    expect(conflict.body.type).toBe('urn:reckoner:problem:conflict');
  });

  test('of an account that is not open is 404, before its opening 422', async () => {
    expect((await charge({ id: 'c-8', account: 'customer:nobody' })).status).toBe(404);
    await post('POST /v1/accounts', { id: 'customer:late', openedOn: '2026-11-19' });
    const early = await charge({
      id: 'c-9',
      account: 'customer:late',
      effectiveAt: '2026-11-10T00:00:00Z',
      quantities: {},
    });
    expect([early.status, fieldsOf(early)]).toEqual([422, ['effectiveAt']]);
  });
});

describe('bad input is a 4xx that names the field, and leaves nothing behind', () => {
  const transfer = { id: 't-1', debit: 'customer:acme', credit: 'platform:revenue:usage', amount: '1', asset: 'TOKEN' };
  test.each([
    ['an unknown field', { ...transfer, colour: 'red' }, 'colour'],
    ['a fraction', { ...transfer, amount: 1.5 }, 'amount'],
    ['a fraction as text', { ...transfer, amount: '1.5' }, 'amount'],
    ['a negative amount', { ...transfer, amount: -1 }, 'amount'],
    ['an amount beyond the largest', { ...transfer, amount: '1'.repeat(25) }, 'amount'],
    ['an unsafe JSON integer', { ...transfer, amount: 2 ** 53 }, 'amount'],
    ['an amount of another type', { ...transfer, amount: { value: 1 } }, 'amount'],
    ['a missing amount', { ...transfer, amount: undefined }, 'amount'],
    ['the wrong asset', { ...transfer, asset: 'USD/2' }, 'asset'],
    ['a garbled asset', { ...transfer, asset: 'usd' }, 'asset'],
    ['an id with control characters', { ...transfer, id: 'a\u0000b' }, 'id'],
    ['an id that is too long', { ...transfer, id: 'a'.repeat(129) }, 'id'],
    ['a date that does not exist', { ...transfer, effectiveAt: '2026-02-30T00:00:00Z' }, 'effectiveAt'],
    ['a time without an offset', { ...transfer, effectiveAt: '2026-11-20T08:00:00' }, 'effectiveAt'],
    ['a time in the future', { ...transfer, effectiveAt: '2026-11-21T08:00:00Z' }, 'effectiveAt'],
    ['an account outside the chart', { ...transfer, debit: 'nobody:acme' }, 'debit'],
    ['an account path with a hash', { ...transfer, credit: 'platform:a#b' }, 'credit'],
    ['one account on both sides', { ...transfer, credit: 'customer:acme' }, 'credit'],
    ['control characters in a description', { ...transfer, description: 'a\u001b[31m' }, 'description'],
    ['broken Unicode in a description', { ...transfer, description: 'a\ud800' }, 'description'],
    ['a list', [transfer], 'body'],
    ['null', null, 'body'],
  ])('%s', async (_, body, field) => {
    const answer = await post('POST /v1/transfers', body);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
    expect(fieldsOf(answer)).toContain(field);
    expect((await call(handler, 'GET /v1/transfers/{transferId}', { params: { transferId: 't-1' } })).status).toBe(404);
  });

  test.each([
    ['invalid JSON', { rawBody: '{"id":' }, 400],
    ['a number that rounds to a whole one', { rawBody: '{"amount": 0.99999999999999999}' }, 400],
    ['a name that prototypes have', { rawBody: '{"__proto__": {"amount": 1}}' }, 400],
    ['an empty body', { rawBody: '' }, 400],
    ['a body of 1 MB', { rawBody: `"${'a'.repeat(1024 * 1024)}"` }, 413],
    [
      'another content type',
      { rawBody: 'id=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
    ],
  ])('%s', async (_, request, status) => {
    expect((await call(handler, 'POST /v1/transfers', request)).status).toBe(status);
  });

  test.each([
    ['fractions of a quantity', { tokens: 0.5 }, 'quantities.tokens'],
    ['a dimension with a space in its name', { 'input tokens': 1 }, 'quantities.input tokens'],
    ['quantities that are no object', 'many', 'quantities'],
  ])('%s', async (_, quantities, field) => {
    expect(fieldsOf(await charge({ id: 'bad-1', quantities }))).toContain(field);
  });
});

test.each([
  ['a missing field', { id: 't-2', credit: 'platform:x', amount: 1, asset: 'TOKEN' }, 'debit', 'is missing'],
  [
    'a field of another type',
    { id: 't-2', debit: 5, credit: 'platform:x', amount: 1, asset: 'TOKEN' },
    'debit',
    'must be text',
  ],
  ['a body of another type', [], 'body', 'must be a JSON object'],
])('%s is told as such', async (_, body, field, rule) => {
  expect((await post('POST /v1/transfers', body)).body.errors).toEqual([{ field, rule }]);
});

describe('an account', () => {
  test('with a derived balance exists from its first transfer on, and not from a refused one', async () => {
    const pay = { debit: 'merchant:m1', credit: 'platform:cash:bank', amount: 5, asset: 'USD/2' };
    await post('POST /v1/transfers', { ...pay, id: 'derived-1' });
    const conflict = await post('POST /v1/transfers', { ...pay, id: 'derived-1', debit: 'merchant:m2' });
    expect([conflict.status, fieldsOf(conflict)]).toEqual([422, ['debit']]);
    const show = (accountId: string) => call(handler, 'GET /v1/accounts/{accountId}', { params: { accountId } });
    expect((await show('merchant:m1')).body).toMatchObject({ balance: 'derived', openedOn: '2026-11-20' });
    expect((await show('merchant:m2')).status).toBe(404);
    expect((await show('x'.repeat(3000))).status).toBe(404);
  });

  test('is opened once; other words for the same id conflict', async () => {
    expect((await open('customer:new')).status).toBe(201);
    expect((await open('customer:new')).status).toBe(200);
    const other = await post('POST /v1/accounts', { id: 'customer:new', creditLimit: '5' });
    expect([other.status, fieldsOf(other)]).toEqual([422, ['creditLimit']]);
  });

  test('shows its strict balance; a credit limit lets it go below zero', async () => {
    await post('POST /v1/accounts', { id: 'customer:credit', openedOn: '2026-11-01', creditLimit: 5 });
    await charge({ id: 'credit-1', account: 'customer:credit', quantities: { tokens: 5 } });
    const answer = await call(handler, 'GET /v1/accounts/{accountId}', { params: { accountId: 'customer:credit' } });
    expect(answer.body).toMatchObject({ credits: '0', debits: '5', available: '0', creditLimit: '5' });
  });
});

describe('a key', () => {
  test('without the scope of a route is told which one it lacks', async () => {
    const answer = await charge({ id: 'scope-1' }, { caller: { scopes: ['ledger:read'] } });
    expect(answer.status).toBe(403);
    expect(answer.body.detail).toContain('ledger:write');
  });

  test('that is bound to an account sees nothing of others, not even that they exist', async () => {
    const caller = { account: 'customer:new' };
    const theirs = await charge({ id: 'bound-1' }, { caller });
    const nobodys = await charge({ id: 'bound-1', account: 'customer:nobody' }, { caller });
    expect([theirs.status, nobodys.status]).toEqual([404, 404]);
    expect(JSON.stringify(theirs.body).replaceAll('customer:acme', 'X')).toBe(
      JSON.stringify(nobodys.body).replaceAll('customer:nobody', 'X'),
    );
    const show = (accountId: string) =>
      call(handler, 'GET /v1/accounts/{accountId}', { params: { accountId }, caller });
    expect((await show('customer:new')).status).toBe(200);
    expect((await show('customer:acme')).status).toBe(404);
    expect(
      (await call(handler, 'GET /v1/transfers/{transferId}', { params: { transferId: 'c-1' }, caller })).status,
    ).toBe(404);
    const taken = await charge({ id: 'c-1', account: 'customer:new', quantities: {} }, { caller });
    expect([taken.status, fieldsOf(taken)]).toEqual([422, ['id']]);
    expect((await post('POST /v1/accounts', { id: 'customer:new' }, { caller })).status).toBe(403);
  });
});

test('a paused ledger refuses new transfers with 503 and still answers replays', async () => {
  await charge({ id: 'pause-1' });
  await putLedgerControl(books, {
    paused: true,
    reason: 'Trial balance broken.',
    changedAt: NOW,
    changedBy: 'key-1',
  });
  clockMs += 100_000;
  const refused = await charge({ id: 'pause-2' });
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
  expect((await charge({ id: 'pause-1' })).status).toBe(200);
});
