import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestCall } from '../../support/api.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const change = (kind: 'freeze' | 'unfreeze' | 'close', accountId: string, body: object, rest: TestCall = {}) =>
  ledger.send(`POST /v1/accounts/{accountId}/${kind}`, { params: { accountId }, body, ...rest });
const limit = (accountId: string, creditLimit: unknown) =>
  ledger.send('PUT /v1/accounts/{accountId}/credit-limit', { params: { accountId }, body: { creditLimit } });
const charge = async (id: string, account: string, tokens: number) => {
  const body = { id, account, operation: 'completion', quantities: { tokens } };
  return (await ledger.send('POST /v1/charges', { body })).status;
};
const REASON = { reason: 'Looks like fraud.' };

describe('a frozen account', () => {
  test('shows why, takes no transfer until it is unfrozen, and then the same one', async () => {
    const id = await ledger.openCustomer('frozen', 10);
    const answer = await change('freeze', id, REASON);
    expect(answer.body).toMatchObject({
      status: 'frozen',
      statusReason: 'Looks like fraud.',
      statusChangedAt: NOW,
      statusChangedBy: 'test-key',
      available: '10',
    });
    expect(await charge('frozen-1', id, 1)).toBe(409);
    expect((await change('unfreeze', id, { reason: 'It was not.' })).body).toMatchObject({ status: 'open' });
    expect(await charge('frozen-1', id, 1)).toBe(201);
    expect(await ledger.account(id)).toMatchObject({ status: 'open', statusReason: 'It was not.' });
  });

  test('needs a reason', async () => {
    const answer = await change('freeze', 'customer:x', { reason: '' });
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, 'reason']);
    expect((await change('freeze', 'customer:x', {})).body.errors?.[0]).toEqual({
      field: 'reason',
      rule: 'is missing',
    });
  });

  test('is frozen while the ledger is paused, too', async () => {
    const params = { accountId: await ledger.openCustomer('paused') };
    const answer = await ledger.sendWhilePaused('POST /v1/accounts/{accountId}/freeze', { params, body: REASON });
    expect(answer.status).toBe(200);
  });
});

describe('a closed account', () => {
  test('is closed for ever and can be read still', async () => {
    const id = await ledger.openCustomer('closed', 10);
    const early = await change('close', id, { reason: 'They left.' });
    expect(early.body.detail).toContain('balance of 10');
    await charge('closed-1', id, 10);
    expect((await change('close', id, { reason: 'They left.' })).body).toMatchObject({ status: 'closed' });
    const again = await change('close', id, { reason: 'Once more.' });
    expect([again.status, again.body.statusReason]).toEqual([200, 'They left.']);
    expect(await charge('closed-2', id, 0)).toBe(409);
    expect((await ledger.send('POST /v1/accounts', { body: { id, openedOn: '2026-11-01' } })).body.status).toBe(
      'closed',
    );
  });

  test('is not closed while it is in debt', async () => {
    const id = await ledger.openCustomer('debt', 0, { creditLimit: 10 });
    await charge('debt-1', id, 4);
    expect((await change('close', id, { reason: 'They left.' })).body.detail).toContain('balance of -4');
  });
});

describe('a credit limit', () => {
  test('is changed with what is available, down to what is used', async () => {
    const id = await ledger.openCustomer('limit');
    expect((await limit(id, '10')).body).toMatchObject({ creditLimit: '10', available: '10' });
    await charge('limit-1', id, 4);
    const low = await limit(id, 3);
    expect(low.body.errors).toEqual([{ field: 'creditLimit', rule: 'must not be below 4, which the account uses' }]);
    expect((await limit(id, 4)).body).toMatchObject({ creditLimit: '4', available: '0' });
  });

  test.each([[-1], [1.5], ['many'], [null]])('of %s is refused', async (value) => {
    expect((await limit('customer:limit', value)).body.errors?.[0]?.field).toBe('creditLimit');
  });
});

describe('derived accounts', () => {
  test('cannot be frozen, closed or limited, and are told why', async () => {
    await ledger.send('POST /v1/accounts', { body: { id: 'postpaid:p1' } });
    for (const answer of [
      await change('freeze', 'postpaid:p1', REASON),
      await change('unfreeze', 'postpaid:p1', REASON),
      await change('close', 'postpaid:p1', REASON),
      await limit('postpaid:p1', 5),
    ]) {
      expect([answer.status, answer.body.type]).toEqual([409, 'urn:reckoner:problem:derived-balance']);
      expect(answer.body.detail).toContain('summed from transfers');
    }
  });
});

describe('changes', () => {
  test('are not for keys that are bound to an account, nor for those that only read', async () => {
    const id = await ledger.openCustomer('keys');
    expect((await change('freeze', id, REASON, { caller: { account: id } })).status).toBe(403);
    expect((await change('freeze', id, REASON, { caller: { scopes: ['ledger:read'] } })).status).toBe(403);
  });

  test('of what is no account id are 404', async () => {
    expect((await change('freeze', 'a#b', REASON)).status).toBe(404);
    expect((await limit('x'.repeat(3000), 5)).status).toBe(404);
  });
});

describe('metadata', () => {
  const open = (id: string, metadata: unknown) => ledger.send('POST /v1/accounts', { body: { id, metadata } });
  const many = (entries: number, value: string) =>
    Object.fromEntries(Array.from({ length: entries }, (_, index) => [`n${index}`, value]));

  test('is kept from the opening and shown; other metadata for the same id conflicts', async () => {
    const said = { plan: 'pro', country: 'NL' };
    expect((await open('customer:meta', said)).body.metadata).toEqual(said);
    await change('freeze', 'customer:meta', REASON);
    expect((await ledger.account('customer:meta')).metadata).toEqual(said);
    expect((await open('customer:meta', { country: 'NL', plan: 'pro' })).status).toBe(200);
    expect((await open('customer:meta', undefined)).status).toBe(200);
    const other = await open('customer:meta', { plan: 'free' });
    expect([other.status, other.body.errors?.[0]?.field]).toEqual([422, 'metadata']);
  });

  test('may have names that objects have of themselves', async () => {
    const said = { constructor: 'x', toString: 'y' };
    expect((await open('customer:names', said)).body.metadata).toEqual(said);
    expect((await ledger.account('customer:names')).metadata).toEqual(said);
  });

  test.each([
    ['eleven texts', many(11, 'x'), 'metadata'],
    ['more than 512 bytes', many(10, 'é'.repeat(26)), 'metadata'],
    ['a text with control characters', { plan: 'a\u0007' }, 'metadata.plan'],
    ['an empty text', { plan: '' }, 'metadata.plan'],
    ['a number', { plan: 5 }, 'metadata.plan'],
    ['a name with a space', { 'my plan': 'pro' }, 'metadata.my plan'],
    ['a list', ['pro'], 'metadata'],
  ])('of %s is refused', async (_, metadata, field) => {
    const answer = await open('customer:refused', metadata);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });
});
