import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestCall } from '../../support/api.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const AT = '2026-11-19T10:00:00.000Z';
const reverse = (transferId: string, body: object, rest: TestCall = {}) =>
  ledger.send('POST /v1/transfers/{transferId}/reversals', { params: { transferId }, body, ...rest });
const show = async (transferId: string) =>
  (await ledger.send('GET /v1/transfers/{transferId}', { params: { transferId } })).body;

async function charged(name: string): Promise<string> {
  const account = await ledger.openCustomer(name, 10);
  const use = { operation: 'completion', quantities: { tokens: 10 }, effectiveAt: AT };
  await ledger.send('POST /v1/charges', { body: { id: name, requestId: `r-${name}`, account, ...use } });
  return account;
}

describe('a reversal', () => {
  test('of a charge gives all of it back, for the same request and at the same time', async () => {
    const account = await charged('whole');
    const answer = await reverse('whole', { id: 'whole-back', description: 'Billed twice.' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: 'whole-back',
      kind: 'transfer',
      debit: 'platform:revenue:usage',
      credit: account,
      asset: 'TOKEN',
      amount: '10',
      effectiveAt: AT,
      recordedAt: NOW,
      requestId: 'r-whole',
      operation: 'completion',
      key: 'test-key',
      description: 'Billed twice.',
      corrects: 'whole',
    });
    expect(await ledger.account(account)).toMatchObject({ credits: '20', debits: '10', available: '10' });
  });

  test('and its original name each other', async () => {
    await charged('linked');
    expect(await show('linked')).not.toHaveProperty('reversedBy');
    await reverse('linked', { id: 'linked-a', amount: 3 });
    await reverse('linked', { id: 'linked-b', amount: '2' });
    expect(await show('linked')).toMatchObject({ amount: '10', reversed: '5', reversedBy: ['linked-a', 'linked-b'] });
    expect(await show('linked-a')).toMatchObject({ amount: '3', corrects: 'linked' });
  });

  test('beyond what remains is refused and told what remains', async () => {
    await charged('beyond');
    await reverse('beyond', { id: 'beyond-a', amount: 7 });
    const answer = await reverse('beyond', { id: 'beyond-b', amount: 4 });
    expect(answer.body.errors).toEqual([
      { field: 'amount', rule: 'must not be above 3, which is all that remains to be reversed' },
    ]);
  });

  test('is the same answer when it is sent again, and a conflict with other words', async () => {
    await charged('again');
    const first = await reverse('again', {}, { headers: { 'idempotency-key': '"again-a"' } });
    const second = await reverse('again', { id: 'again-a' });
    expect([first.status, second.status, second.headers['idempotent-replayed']]).toEqual([201, 200, 'true']);
    expect(second.body).toEqual(first.body);
    await charged('another');
    const other = await reverse('another', { id: 'again-a' });
    expect([other.status, other.body.errors?.[0]?.field]).toEqual([422, 'transferId']);
    const taken = await reverse('another', { id: 'again' });
    expect([taken.status, taken.body.errors?.[0]?.field]).toEqual([422, 'transferId']);
    const described = await reverse('again', { id: 'again-a', description: 'Other words.' });
    expect(described.body.errors?.[0]?.field).toBe('description');
  });

  test('may count later than its original, and not earlier', async () => {
    await charged('later');
    const early = await reverse('later', { id: 'later-a', effectiveAt: '2026-11-18T10:00:00Z' });
    expect([early.status, early.body.errors?.[0]?.field]).toEqual([400, 'effectiveAt']);
    const late = await reverse('later', { id: 'later-a', effectiveAt: '2026-11-20T07:00:00Z' });
    expect(late.body).toMatchObject({ effectiveAt: '2026-11-20T07:00:00.000Z', requestId: 'r-later' });
  });

  test('of nothing is refused, for nothing remains of it', async () => {
    const account = await ledger.openCustomer('nothing');
    const body = { id: 'nothing', account, operation: 'completion', quantities: {} };
    expect((await ledger.send('POST /v1/charges', { body })).body.amount).toBe('0');
    expect((await reverse('nothing', { id: 'nothing-a' })).status).toBe(409);
    expect((await reverse('nothing', { id: 'nothing-a', amount: 0 })).status).toBe(400);
  });

  test('is replayed while the ledger is paused', async () => {
    await charged('paused');
    await reverse('paused', { id: 'paused-a' });
    const request = { params: { transferId: 'paused' }, body: { id: 'paused-a' } };
    expect((await ledger.sendWhilePaused('POST /v1/transfers/{transferId}/reversals', request)).status).toBe(200);
  });

  test('between derived balances needs no account, and is linked all the same', async () => {
    const pay = { debit: 'merchant:m1', credit: 'platform:cash:bank', amount: 5, asset: 'USD/2' };
    await ledger.send('POST /v1/transfers', { body: { id: 'payout', ...pay } });
    expect((await reverse('payout', { id: 'payout-back' })).status).toBe(201);
    expect(await show('payout')).toMatchObject({ reversed: '5', reversedBy: ['payout-back'] });
  });

  test('is not for keys that are bound to an account', async () => {
    const account = await charged('bound');
    expect((await reverse('bound', { id: 'bound-a' }, { caller: { account } })).status).toBe(403);
  });
});
