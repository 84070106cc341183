import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeHandler } from '../../../functions/api/ledger.ts';
import { call, type TestCall } from '../../support/api.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const TOMORROW = '2026-11-21T08:00:00.000Z';
const SOURCE = 'platform:promotions';

const give = (account: string, id: string, amount: number, fields: object = {}, rest: TestCall = {}) =>
  ledger.send('POST /v1/grants', { body: { id, account, source: SOURCE, amount, ...fields }, ...rest });
const charge = (account: string, id: string, tokens: number) =>
  ledger.send('POST /v1/charges', { body: { id, account, operation: 'completion', quantities: { tokens } } });
const grantsOf = (accountId: string, rest: TestCall = {}) =>
  ledger.send('GET /v1/accounts/{accountId}/grants', { params: { accountId }, ...rest });

/** The ledger as it answers at another time. */
const at = (now: string) => {
  const handler = makeHandler({ ...ledger.deps, now: () => now });
  return (route: string, request: TestCall) => call(handler, route, request);
};

describe('POST /v1/grants', () => {
  test('answers with the transfer that it is', async () => {
    const account = await ledger.openCustomer('made');
    const { status, body } = await give(account, 'made-1', 5, { priority: 7, expiresAt: TOMORROW, description: 'Hi' });
    expect(status).toBe(201);
    expect(body).toEqual({
      ...{ id: 'made-1', kind: 'transfer', debit: SOURCE, credit: account, asset: 'TOKEN', amount: '5' },
      ...{ effectiveAt: NOW, recordedAt: NOW, description: 'Hi', grant: { priority: 7, expiresAt: TOMORROW } },
    });
    expect((await ledger.send('GET /v1/transfers/{transferId}', { params: { transferId: 'made-1' } })).body).toEqual(
      body,
    );
  });

  test('is a replay of the same content, also after its expiry, and a conflict with other content', async () => {
    const account = await ledger.openCustomer('again');
    const made = await give(account, 'again-1', 5, { expiresAt: TOMORROW });
    const body = { id: 'again-1', account, source: SOURCE, amount: 5, expiresAt: TOMORROW };
    const late = await at('2026-12-01T00:00:00.000Z')('POST /v1/grants', { body });
    expect([late.status, late.headers['idempotent-replayed'], late.body]).toEqual([200, 'true', made.body]);
    expect((await give(account, 'again-1', 5)).status).toBe(200);
    const field = async (fields: object) => (await give(account, 'again-1', 5, fields)).body.errors?.[0]?.field;
    expect(await field({ amount: 6 })).toBe('amount');
    expect(await field({ priority: 1 })).toBe('priority');
    expect(await field({ expiresAt: '2026-11-22T00:00:00Z' })).toBe('expiresAt');
    expect(await field({ source: 'platform:other' })).toBe('source');
    const transfer = { id: 'again-1', debit: SOURCE, credit: account, amount: 5, asset: 'TOKEN' };
    expect((await ledger.send('POST /v1/transfers', { body: transfer })).status).toBe(422);
    await ledger.send('POST /v1/transfers', { body: { ...transfer, id: 'again-2' } });
    expect((await give(account, 'again-2', 5)).body.errors?.[0]?.field).toBe('id');
  });

  test.each([
    ['account', { account: 'nobody:x' }],
    ['account', { account: 'platform:x' }],
    ['source', { source: 'customer:x' }],
    ['source', { source: 'platform:cash:x' }],
    ['amount', { amount: 0 }],
    ['priority', { priority: -1 }],
    ['priority', { priority: 1001 }],
    ['priority', { priority: 0.5 }],
    ['expiresAt', { expiresAt: NOW }],
    ['expiresAt', { expiresAt: 'tomorrow' }],
    ['id', { id: 'x'.repeat(81) }],
    ['asset', { asset: 'TOKEN' }],
  ])('names %s when it breaks a rule: %j', async (field, fields) => {
    const { status, body } = await give('customer:rules', 'rules-1', 5, fields);
    expect([status, body.errors?.map((error) => error.field)]).toEqual([400, [field]]);
  });

  test('is not for keys that are bound to an account', async () => {
    const account = await ledger.openCustomer('bound');
    expect((await give(account, 'bound-1', 5, {}, { caller: { account } })).status).toBe(403);
  });
});

describe('GET /v1/accounts/{accountId}/grants', () => {
  test('lists what is left in the order of burning, and what is paid', async () => {
    const account = await ledger.openCustomer('left', 10);
    await give(account, 'left-last', 5);
    await give(account, 'left-first', 5, { priority: 1, expiresAt: TOMORROW });
    await charge(account, 'left-charge', 2);
    expect((await grantsOf(account, { caller: { account } })).body).toEqual({
      ...{ account, asset: 'TOKEN', at: NOW, granted: '8', paid: '10', expired: '0' },
      grants: [
        { id: 'left-first', remaining: '3', priority: 1, expiresAt: TOMORROW, grantedAt: NOW },
        { id: 'left-last', remaining: '5', priority: 100, grantedAt: NOW },
      ],
    });
  });

  test('is empty for an account that never had one, and unknown to who may not see it', async () => {
    const account = await ledger.openCustomer('none', 10);
    expect((await grantsOf(account)).body).toMatchObject({ grants: [], granted: '0', paid: '10' });
    expect((await grantsOf(account, { caller: { account: 'customer:other' } })).status).toBe(404);
    await ledger.send('POST /v1/accounts', { body: { id: 'merchant:grants' } });
    expect((await grantsOf('merchant:grants')).body.type).toBe('urn:reckoner:problem:derived-balance');
  });
});

describe('an account with a grant that has expired', () => {
  test('shows as available what can be spent, and owes nothing against the rest', async () => {
    const account = await ledger.openCustomer('past', 3, { creditLimit: 10 });
    await give(account, 'past-grant', 20, { expiresAt: TOMORROW });
    await charge(account, 'past-hold', 0);
    const send = at(TOMORROW);
    const shown = await send('GET /v1/accounts/{accountId}', { params: { accountId: account } });
    expect(shown.body).toMatchObject({ credits: '23', available: '13' });
    expect((await send('GET /v1/accounts/{accountId}/grants', { params: { accountId: account } })).body).toMatchObject({
      expired: '20',
    });
    const spend = { id: 'past-1', account, operation: 'completion', quantities: { tokens: 8 } };
    expect((await send('POST /v1/charges', { body: spend })).status).toBe(201);
    const limit = (creditLimit: number) =>
      send('PUT /v1/accounts/{accountId}/credit-limit', { params: { accountId: account }, body: { creditLimit } });
    expect((await limit(4)).body.detail).toContain('must not be below 5');
    expect((await limit(5)).body).toMatchObject({ creditLimit: '5', available: '0' });
  });
});

describe('statements', () => {
  test('show what a charge burned and what its reversal put back', async () => {
    const account = await ledger.openCustomer('told');
    await give(account, 'told-grant', 5);
    await charge(account, 'told-1', 4);
    await ledger.send('POST /v1/transfers/{transferId}/reversals', {
      params: { transferId: 'told-1' },
      body: { id: 'told-2', amount: 1 },
    });
    const { body } = await ledger.send('GET /v1/accounts/{accountId}/statement', { params: { accountId: account } });
    expect(body.transfers).toMatchObject([
      { id: 'told-1', burned: [{ grant: 'told-grant', amount: '4' }] },
      { id: 'told-2', restored: [{ grant: 'told-grant', amount: '1' }] },
      { id: 'told-grant', grant: { priority: 100 } },
    ]);
  });
});
