import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { makeHandler } from '../../../functions/workflow/sweep-expired.ts';
import { toItem } from '../../../store/items.ts';
import { systemClock } from '../../../store/retry.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const at = (minutes: number) => new Date(Date.parse(NOW) + minutes * 60_000).toISOString();

/** A transfer that is no expiry. */
const SOMETHING_ELSE = toItem({
  ...{ id: 'other', kind: 'transfer', debit: 'platform:a', credit: 'platform:b', asset: 'TOKEN', amount: 1n },
  ...{ effectiveAt: NOW, recordedAt: NOW },
});

/** Sweeps as the schedule would, at a time. */
const sweepAt = (now: string) => {
  const { client, operationsTable } = ledger.books;
  const store = { ...ledger.deps.store, clock: systemClock };
  return makeHandler({ store, sweeps: { client, operationsTable }, chart, now: () => now })();
};

const give = (account: string, id: string, expiresAt: string) =>
  ledger.send('POST /v1/grants', { body: { id, account, source: 'platform:promotions', amount: 10, expiresAt } });

const grantsAt = async (accountId: string, now: string) =>
  (await ledger.sendWith({ now: () => now }, 'GET /v1/accounts/{accountId}/grants', { params: { accountId } })).body;

test('the sweep posts what has expired to breakage once, and leaves the rest', async () => {
  const account = await ledger.openCustomer('swept', 5);
  await give(account, 'swept-soon', at(10));
  await give(account, 'swept-late', at(5_000));
  await sweepAt(at(9));
  expect((await grantsAt(account, at(9))).granted).toBe('20');
  for (const minute of [10, 11, 12, 13]) await sweepAt(at(minute));
  expect(await grantsAt(account, at(13))).toMatchObject({
    grants: [{ id: 'swept-late', remaining: '10' }],
    ...{ paid: '5', expired: '0' },
  });
  const { body } = await ledger.send('GET /v1/accounts/{accountId}/statement', { params: { accountId: account } });
  expect(body.transfers).toContainEqual(
    expect.objectContaining({
      ...{ id: 'breakage:swept-soon:2.10', amount: '-10', counterparty: 'platform:breakage', effectiveAt: at(10) },
      burned: [{ grant: 'swept-soon', amount: '10' }],
    }),
  );
});

test('what a hold may need is looked at again every hour, listed once however often it was swept', async () => {
  const account = await ledger.openCustomer('held');
  await give(account, 'held-grant', at(20));
  const hold = { id: 'held-hold', account, amount: 10, credit: 'platform:revenue:usage', expiresInSeconds: 3 * 3_600 };
  expect((await ledger.send('POST /v1/holds', { body: hold })).status).toBe(201);
  for (const minute of [20, 21, 22, 59, 60, 61, 62, 119, 120, 121]) await sweepAt(at(minute));
  const { Items: items = [] } = await ledger.books.client.send(
    new ScanCommand({
      TableName: ledger.books.ledgerTable,
      FilterExpression: 'begins_with(pk, :pk)',
      ExpressionAttributeValues: { ':pk': { S: 'expiry#held-grant#' } },
    }),
  );
  expect(items.map(({ pk }) => pk?.S).sort()).toEqual([
    'expiry#held-grant#2026-11-20T09:00:00.000Z',
    'expiry#held-grant#2026-11-20T10:00:00.000Z',
    'expiry#held-grant#2026-11-20T11:00:00.000Z',
  ]);
  const release = { params: { holdId: 'held-hold' }, body: {} };
  await ledger.sendWith({ now: () => at(130) }, 'POST /v1/holds/{holdId}/release', release);
  await sweepAt(at(181));
  expect(await grantsAt(account, at(181))).toMatchObject({ grants: [], paid: '0', expired: '0' });
});

test('what a reversal puts back into an expired grant is swept, too', async () => {
  const account = await ledger.openCustomer('returned');
  await give(account, 'returned-grant', at(200));
  const charge = { id: 'returned-1', account, operation: 'completion', quantities: { tokens: 10 } };
  await ledger.send('POST /v1/charges', { body: charge });
  await sweepAt(at(300));
  const reversal = { params: { transferId: 'returned-1' }, body: { id: 'returned-2' } };
  await ledger.sendWith({ now: () => at(310) }, 'POST /v1/transfers/{transferId}/reversals', reversal);
  expect(await grantsAt(account, at(310))).toMatchObject({ granted: '10', expired: '10' });
  await sweepAt(at(311));
  await sweepAt(at(312));
  await sweepAt(at(313));
  expect(await grantsAt(account, at(313))).toMatchObject({ grants: [], granted: '0' });
});

test('what cannot be posted because its id is taken is counted, and keeps no other waiting', async () => {
  const account = await ledger.openCustomer('taken');
  await give(account, 'taken-a', at(400));
  await give(account, 'taken-b', at(401));
  const item = { pk: { S: 'transfer#breakage:taken-a:2.10' }, ...SOMETHING_ELSE };
  await ledger.books.client.send(new PutItemCommand({ TableName: ledger.books.ledgerTable, Item: item }));
  await expect(sweepAt(at(402))).rejects.toThrow('1 of what expired could not be ended');
  expect(await grantsAt(account, at(402))).toMatchObject({ grants: [{ id: 'taken-a' }], expired: '10' });
});
