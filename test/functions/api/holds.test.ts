import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { addMilliseconds } from '../../../domain/time.ts';
import type { TestCall } from '../../support/api.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const HOLDS = 'POST /v1/holds';
const CAPTURE = 'POST /v1/holds/{holdId}/capture';
const RELEASE = 'POST /v1/holds/{holdId}/release';
const AFTER = addMilliseconds(NOW, 16 * 60_000);

const hold = (body: object, rest: TestCall = {}) => ledger.send(HOLDS, { body, ...rest });
const capture = (holdId: string, body: object, rest: TestCall = {}) =>
  ledger.send(CAPTURE, { params: { holdId }, body, ...rest });
const release = (holdId: string, body: object = {}, rest: TestCall = {}) =>
  ledger.send(RELEASE, { params: { holdId }, body, ...rest });
const show = (holdId: string, rest: TestCall = {}) =>
  ledger.send('GET /v1/holds/{holdId}', { params: { holdId }, ...rest });

/** A customer with 100, of which 10 are held for an amount. */
async function held(name: string): Promise<string> {
  const account = await ledger.openCustomer(name, 100);
  await hold({ id: name, account, amount: 10, credit: 'platform:sink' });
  return account;
}

/** The same, held for usage that is estimated at 10. */
async function heldForUsage(name: string, fields: object = {}): Promise<string> {
  const account = await ledger.openCustomer(name, 100);
  await hold({ id: name, account, operation: 'completion', quantities: { tokens: 10 }, ...fields });
  return account;
}

describe('a hold', () => {
  test('for an amount lowers what is available, and says until when', async () => {
    const account = await ledger.openCustomer('amount', 100);
    const answer = await hold({ id: 'amount', account, amount: '10', credit: 'platform:sink', description: 'A call.' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: 'amount',
      account,
      credit: 'platform:sink',
      asset: 'TOKEN',
      amount: '10',
      status: 'open',
      createdAt: NOW,
      expiresAt: '2026-11-20T08:15:00.000Z',
      description: 'A call.',
      key: 'test-key',
    });
    expect(await ledger.account(account)).toMatchObject({ held: '10', available: '90', credits: '100', debits: '0' });
    expect((await show('amount')).body).toEqual(answer.body);
  });

  test('for usage is priced by the rate card now', async () => {
    await heldForUsage('usage', { requestId: 'r-1', expiresInSeconds: 60 });
    expect((await show('usage')).body).toMatchObject({
      credit: 'platform:revenue:usage',
      amount: '10',
      operation: 'completion',
      quantities: { tokens: '10' },
      requestId: 'r-1',
      rateCard: 'standard@2026-11-01T00:00:00.000Z',
      expiresAt: '2026-11-20T08:01:00.000Z',
    });
  });

  test('is sent again and told as it is by now, also when it has expired meanwhile', async () => {
    const account = await held('again');
    const body = { id: 'again', account, amount: 10, credit: 'platform:sink' };
    const again = await hold(body);
    expect([again.status, again.headers['idempotent-replayed'], again.body.status]).toEqual([200, 'true', 'open']);
    const late = await ledger.sendWith({ now: () => AFTER }, HOLDS, { body });
    expect([late.status, late.body.status]).toEqual([200, 'expired']);
    await release('again');
    expect((await hold(body)).body).toMatchObject({ status: 'released', resolution: { freed: '10' } });
    expect(await ledger.account(account)).toMatchObject({ held: '0', available: '100' });
  });

  test('until a time that is past by now is a replay, and a new one is refused', async () => {
    const account = await ledger.openCustomer('until', 100);
    const body = { id: 'until', account, amount: 1, credit: 'platform:sink', expiresAt: '2026-11-20T08:00:30Z' };
    expect((await hold(body)).status).toBe(201);
    expect((await ledger.sendWith({ now: () => AFTER }, HOLDS, { body })).status).toBe(200);
    const late = await ledger.sendWith({ now: () => AFTER }, HOLDS, { body: { ...body, id: 'until-2' } });
    expect([late.status, late.body.errors?.[0]?.field]).toEqual([400, 'expiresAt']);
  });

  test('says which field of a repeated id differs', async () => {
    const account = await held('differs');
    const body = { id: 'differs', account, amount: 10, credit: 'platform:sink' };
    const fieldOf = async (change: object) => (await hold({ ...body, ...change })).body.errors?.[0]?.field;
    expect(await fieldOf({ amount: 9 })).toBe('amount');
    expect(await fieldOf({ credit: 'platform:other' })).toBe('credit');
    expect(await fieldOf({ expiresInSeconds: 60 })).toBe('expiresInSeconds');
    expect(await fieldOf({ description: 'Other words.' })).toBe('description');
  });

  test.each([
    ['neither amount nor usage', {}, 'amount'],
    ['both', { amount: 1, credit: 'platform:sink', operation: 'completion', quantities: {} }, 'operation'],
    ['an amount for nobody', { amount: 1 }, 'credit'],
    ['nothing', { amount: 0, credit: 'platform:sink' }, 'amount'],
    ['an operation without quantities', { operation: 'completion' }, 'quantities'],
    ['itself', { amount: 1, credit: 'customer:shape' }, 'credit'],
    ['another asset', { amount: 1, credit: 'platform:cash:bank' }, 'credit'],
    ['too long', { amount: 1, credit: 'platform:sink', expiresInSeconds: 604_801 }, 'expiresInSeconds'],
    ['until too late', { amount: 1, credit: 'platform:sink', expiresAt: '2026-11-27T08:00:00.001Z' }, 'expiresAt'],
    ['no time at all', { amount: 1, credit: 'platform:sink', expiresInSeconds: 0 }, 'expiresInSeconds'],
    [
      'two times',
      { amount: 1, credit: 'platform:sink', expiresInSeconds: 9, expiresAt: '2026-11-20T09:00:00Z' },
      'expiresInSeconds',
    ],
  ])('for %s breaks a rule', async (_, fields, field) => {
    const answer = await hold({ id: 'shape', account: 'customer:shape', ...fields });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((error) => error.field)).toContain(field);
  });
});

describe('a capture', () => {
  test('of usage charges its price, for the request that the hold was for', async () => {
    const account = await heldForUsage('captured', { requestId: 'r-captured' });
    const answer = await capture('captured', { id: 'c-1', operation: 'completion', quantities: { tokens: 7 } });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      id: 'c-1',
      kind: 'charge',
      debit: account,
      credit: 'platform:revenue:usage',
      amount: '7',
      effectiveAt: NOW,
      requestId: 'r-captured',
      rateCard: 'standard@2026-11-01T00:00:00.000Z',
      hold: 'captured',
    });
    expect(await ledger.account(account)).toMatchObject({ held: '0', debits: '7', available: '93' });
    expect((await show('captured')).body).toMatchObject({
      status: 'captured',
      resolution: { kind: 'captured', transferId: 'c-1', captured: '7', freed: '3', by: 'test-key' },
    });
  });

  test('without a word takes all that is held, as what it was held for', async () => {
    await heldForUsage('whole');
    expect((await capture('whole', { id: 'c-whole' })).body).toMatchObject({
      kind: 'charge',
      amount: '10',
      operation: 'completion',
      quantities: { tokens: '10' },
      requestId: 'whole',
    });
    await held('whole-amount');
    const taken = (await capture('whole-amount', { id: 'c-whole-amount' })).body;
    expect(taken).toMatchObject({ kind: 'transfer', amount: '10', credit: 'platform:sink' });
    expect(taken).not.toHaveProperty('requestId');
  });

  test('of an amount of what was held for usage is a charge for its request', async () => {
    await heldForUsage('part');
    const taken = (await capture('part', { id: 'c-part', amount: 4 })).body;
    expect(taken).toMatchObject({ kind: 'charge', amount: '4', requestId: 'part', operation: 'completion' });
    expect(taken).not.toHaveProperty('quantities');
  });

  test('is the same answer when it is sent again, and a conflict for another hold', async () => {
    await held('same');
    const first = await capture('same', { amount: 4 }, { headers: { 'idempotency-key': '"c-same"' } });
    const second = await capture('same', { id: 'c-same', amount: 4 });
    expect([first.status, second.status, second.headers['idempotent-replayed']]).toEqual([201, 200, 'true']);
    expect(second.body).toEqual(first.body);
    await held('other');
    const other = await capture('other', { id: 'c-same', amount: 4 });
    expect([other.status, other.body.errors?.[0]?.field]).toEqual([422, 'holdId']);
    expect((await show('other')).body.status).toBe('open');
  });

  test('under the id of a mere transfer is a conflict, and so is the other way round', async () => {
    const account = await held('named');
    await ledger.send('POST /v1/transfers', {
      body: { id: 't-named', debit: account, credit: 'platform:sink', amount: 10, asset: 'TOKEN' },
    });
    expect((await capture('named', { id: 't-named' })).status).toBe(422);
    await capture('named', { id: 'c-named' });
    const body = { id: 'c-named', debit: account, credit: 'platform:sink', amount: 10, asset: 'TOKEN' };
    expect((await ledger.send('POST /v1/transfers', { body })).status).toBe(422);
  });

  test('above what is held is charged where the chart says so, and else refused naming what is held', async () => {
    const account = await held('above');
    const strict = chart.map((entry) => ({ ...entry, overCapture: 'refuse' as const }));
    const request = { params: { holdId: 'above' }, body: { id: 'c-above', amount: 12 } };
    const refused = await ledger.sendWith({ chart: strict }, CAPTURE, request);
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      'The capture must not come to more than 10, which is what is held.',
    ]);
    const beyond = await capture('above', { id: 'c-above', amount: 101 });
    expect([beyond.status, beyond.body.errors]).toEqual([
      402,
      [{ field: 'holdId', rule: 'has less available than what the capture takes beyond its hold, 91' }],
    ]);
    expect((await capture('above', { id: 'c-above', amount: 12 })).status).toBe(201);
    expect(await ledger.account(account)).toMatchObject({ held: '0', debits: '12', available: '88' });
  });

  test('counts when it is told to, and not before the hold', async () => {
    await heldForUsage('times');
    const early = await capture('times', { id: 'c-times', effectiveAt: '2026-11-20T07:54:59Z' });
    expect([early.status, early.body.errors?.[0]?.field]).toEqual([400, 'effectiveAt']);
    const skewed = await capture('times', { id: 'c-times', effectiveAt: '2026-11-20T07:59:00Z' });
    expect(skewed.body.effectiveAt).toBe('2026-11-20T07:59:00.000Z');
  });

  test('names no request where it is no charge', async () => {
    await held('no-charge');
    const answer = await capture('no-charge', { id: 'c-no-charge', requestId: 'r-1' });
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, 'requestId']);
  });

  test('is taken back like any transfer, and the hold stays as it ended', async () => {
    const account = await heldForUsage('reversed');
    await capture('reversed', { id: 'c-reversed' });
    const route = 'POST /v1/transfers/{transferId}/reversals';
    const back = await ledger.send(route, { params: { transferId: 'c-reversed' }, body: { id: 'b-reversed' } });
    expect(back.status).toBe(201);
    expect(back.body).not.toHaveProperty('hold');
    expect(await ledger.account(account)).toMatchObject({ held: '0', available: '100' });
    expect((await show('reversed')).body.status).toBe('captured');
    expect((await capture('reversed', { id: 'c-reversed-2' })).status).toBe(409);
  });
});

describe('a release', () => {
  test('gives all of it back, once, and says the same when it is sent again', async () => {
    const account = await held('released');
    const first = await release('released', { reason: 'The call failed.' });
    expect(first.body).toMatchObject({ status: 'released', resolution: { reason: 'The call failed.', freed: '10' } });
    const second = await release('released', { reason: 'Another reason.' });
    expect([second.status, second.headers['idempotent-replayed']]).toEqual([200, 'true']);
    expect(second.body).toEqual(first.body);
    expect(await ledger.account(account)).toMatchObject({ held: '0', available: '100' });
  });

  test('goes on while the account is frozen and while the ledger is paused; holds and captures do not', async () => {
    const account = await held('frozen');
    const body = { reason: 'Looks like fraud.' };
    await ledger.send('POST /v1/accounts/{accountId}/freeze', { params: { accountId: account }, body });
    expect((await capture('frozen', { id: 'c-frozen' })).status).toBe(409);
    const paused = { params: { holdId: 'frozen' }, body: {} };
    expect((await ledger.sendWhilePaused(CAPTURE, { ...paused, body: { id: 'c-frozen' } })).status).toBe(503);
    expect((await ledger.sendWhilePaused(RELEASE, paused)).status).toBe(200);
    expect(await ledger.account(account)).toMatchObject({ held: '0', status: 'frozen' });
  });

  test('lets an account be closed, which its hold did not', async () => {
    const account = await ledger.openCustomer('closing', 0, { creditLimit: 10 });
    await hold({ id: 'closing', account, amount: 10, credit: 'platform:sink' });
    const close = () =>
      ledger.send('POST /v1/accounts/{accountId}/close', {
        params: { accountId: account },
        body: { reason: 'They left.' },
      });
    expect((await close()).body.detail).toContain('Capture or release its holds first.');
    await release('closing');
    expect((await close()).status).toBe(200);
  });
});

test('a statement and a balance by sum show nothing of what is only held', async () => {
  const accountId = await held('posted');
  const statement = await ledger.send('GET /v1/accounts/{accountId}/statement', { params: { accountId } });
  expect(statement.body.transfers).toHaveLength(1);
  const balance = await ledger.send('GET /v1/accounts/{accountId}/balance', { params: { accountId } });
  expect(balance.body).toMatchObject({ balance: '100', kept: { balance: '100', available: '90' } });
});

describe('a key that is bound to an account', () => {
  test('holds and captures by usage on its own account, and releases', async () => {
    const account = await ledger.openCustomer('bound', 100);
    const mine = { caller: { account } };
    const usage = { operation: 'completion', quantities: { tokens: 10 } };
    expect((await hold({ id: 'bound-1', account, ...usage }, mine)).status).toBe(201);
    expect((await capture('bound-1', { id: 'c-bound-1', ...usage }, mine)).status).toBe(201);
    await hold({ id: 'bound-2', account, ...usage }, mine);
    expect((await capture('bound-2', { id: 'c-bound-2' }, mine)).status).toBe(201);
    await hold({ id: 'bound-3', account, ...usage }, mine);
    expect((await release('bound-3', {}, mine)).status).toBe(200);
    expect((await show('bound-3', mine)).status).toBe(200);
  });

  test('moves no amount of its own choice', async () => {
    const account = await held('amounts');
    const mine = { caller: { account } };
    expect((await hold({ id: 'x', account, amount: 1, credit: 'platform:sink' }, mine)).status).toBe(403);
    expect((await capture('amounts', { id: 'x', amount: 1 }, mine)).status).toBe(403);
    expect((await capture('amounts', { id: 'x' }, mine)).status).toBe(403);
  });

  test('is told nothing of holds of others', async () => {
    const account = await held('hidden');
    const other = { caller: { account: 'customer:other' } };
    expect((await show('hidden', other)).status).toBe(404);
    expect((await release('hidden', {}, other)).status).toBe(404);
    expect((await capture('hidden', { id: 'x' }, other)).status).toBe(404);
    const usage = { operation: 'completion', quantities: {} };
    expect((await hold({ id: 'hidden-2', account, ...usage }, other)).status).toBe(404);
    const own = await ledger.openCustomer('prying', 1);
    const taken = await hold({ id: 'hidden', account: own, ...usage }, { caller: { account: own } });
    expect([taken.status, taken.body.detail]).toEqual([422, 'The id "hidden" is taken.']);
  });
});
