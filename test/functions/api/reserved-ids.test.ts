import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { HOLD_SECONDS_MAX } from '../../../contract/limits.ts';
import { usageEvent } from '../../../contract/schemas/usage.ts';
import { addMilliseconds } from '../../../domain/time.ts';
import { sweepGrant } from '../../../store/grant-expiry.ts';
import { systemClock } from '../../../store/retry.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
let account: string;
beforeAll(async () => {
  ledger = await startLedger();
  account = await ledger.openCustomer('reserved', 50);
});
afterAll(() => ledger.books.stop());

const RULE = 'must not begin with "breakage:" or "repair:": the ledger gives such ids itself';
const used = { operation: 'completion', quantities: { tokens: 1 } };
const errorsOf = (answer: Awaited<ReturnType<TestLedger['send']>>) => [answer.status, answer.body.errors];

describe.each(['breakage:promo:1.99', 'repair:0123456789abcdef0123456789abcdef'])('the id %s', (id) => {
  test.each([
    ['POST /v1/charges', { ...used }],
    ['POST /v1/transfers', { debit: 'platform:funding', credit: 'customer:reserved', amount: 1, asset: 'TOKEN' }],
    ['POST /v1/grants', { source: 'platform:promotions', amount: 1 }],
    ['POST /v1/holds', { amount: 1, credit: 'platform:sink' }],
  ])('is none that a caller of %s may choose, in the body or as the header', async (route, rest) => {
    const body = route === 'POST /v1/transfers' ? rest : { ...rest, account };
    const told = (field: string) => [400, [{ field, rule: RULE }]];
    expect(errorsOf(await ledger.send(route, { body: { ...body, id } }))).toEqual(told('id'));
    const headers = { 'idempotency-key': id };
    expect(errorsOf(await ledger.send(route, { body, headers }))).toEqual(told('Idempotency-Key'));
  });

  test('is none of a request, whose charge a repair would post under it', async () => {
    const body = { id: `plain-${id.length}`, account, requestId: id, ...used };
    expect(errorsOf(await ledger.send('POST /v1/charges', { body }))).toEqual([
      400,
      [{ field: 'requestId', rule: RULE }],
    ]);
    expect(usageEvent.safeParse({ requestId: id, account, ...used, occurredAt: NOW }).success).toBe(false);
  });
});

test('what the ledger posted under such an id is read, reversed and listed page by page', async () => {
  const expiresAt = addMilliseconds(NOW, 60_000);
  const grant = { id: 'promo', account, source: 'platform:promotions', amount: 100, expiresAt };
  expect((await ledger.send('POST /v1/grants', { body: grant })).status).toBe(201);
  const sweep = { store: { ...ledger.deps.store, clock: systemClock }, chart, holdMs: HOLD_SECONDS_MAX * 1_000 };
  await sweepGrant(sweep, { grant: 'promo', account }, addMilliseconds(NOW, 120_000));
  const transferId = 'breakage:promo:1.100';
  const read = await ledger.send('GET /v1/transfers/{transferId}', { params: { transferId } });
  expect(read).toMatchObject({ status: 200, body: { id: transferId, amount: '100' } });

  const ids: string[] = [];
  let query: Record<string, string> | undefined = { limit: '1' };
  while (query !== undefined) {
    const route = 'GET /v1/accounts/{accountId}/statement';
    const { status, body } = await ledger.send(route, { params: { accountId: account }, query });
    expect(status).toBe(200);
    ids.push(...(body.transfers as { id: string }[]).map(({ id }) => id));
    query = body.next === undefined ? undefined : { limit: '1', cursor: String(body.next) };
  }
  expect(ids.toSorted()).toEqual([transferId, 'fund-reserved', 'promo']);

  const reversal = { params: { transferId }, body: { id: 'breakage-back' } };
  expect((await ledger.send('POST /v1/transfers/{transferId}/reversals', reversal)).status).toBe(201);
});
