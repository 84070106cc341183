import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chart } from '../../../../config/chart.ts';
import type { RateCard } from '../../../../domain/rating.ts';
import { createCounter } from '../../../../domain/reconciliation/summary.ts';
import { checkBalances } from '../../../../functions/workflow/reconciliation/balance-slice.ts';
import { compareUsage } from '../../../../functions/workflow/reconciliation/usage-slice.ts';
import { accountKey, bucketOf } from '../../../../store/tables.ts';
import { recordEvidence } from '../../../../store/usage.ts';
import { NOW, startLedger, type TestLedger } from '../../../support/ledger.ts';

const DAY = '2026-11-20';
const OPENED = ['customer:acme', 'customer:acme:team-1', 'customer:acme:team-1:night'];
/** Nobody opened it; its usage is known all the same. */
const STRANGER = 'customer:acme:team-2';
/** The slices of the customer's bucket, which are those of everything below it. */
const buckets = [bucketOf('customer:acme')];
const rateCards: readonly RateCard[] = [
  {
    name: 'standard',
    effectiveFrom: '2026-11-01T00:00:00.000Z',
    asset: 'TOKEN',
    revenueAccount: 'platform:revenue:usage',
    operations: { completion: { prices: { tokens: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
  },
];

let ledger: TestLedger;

beforeAll(async () => {
  ledger = await startLedger();
  for (const account of OPENED) {
    await ledger.openCustomer(account.slice('customer:'.length), 100);
    const body = { id: `req-${account}`, account, operation: 'completion', quantities: { tokens: 7 } };
    expect((await ledger.send('POST /v1/charges', { body })).status).toBe(201);
    await used(account, `req-${account}`);
  }
  await used('customer:acme:team-1', 'never-charged');
  await used(STRANGER, 'never-opened');
});
afterAll(() => ledger.books.stop());

async function used(account: string, requestId: string): Promise<void> {
  const { client, usageTable } = ledger.books;
  const store = { client, usageTable, clock: ledger.deps.store.clock, seenAccounts: new Set<string>() };
  const event = { requestId, account, operation: 'completion', quantities: { tokens: 7n }, occurredAt: NOW };
  expect(await recordEvidence(store, event, { shards: 1 }, NOW)).toBe('recorded');
}

test('usage below a customer is compared with its charges in the slice of the customer', async () => {
  const slice = { id: 'usage', kind: 'usage' as const, buckets, day: DAY };
  const counter = createCounter();
  const period = { start: DAY, end: '2026-11-21' };
  const found = await Array.fromAsync(compareUsage({ books: ledger.books, chart, rateCards }, slice, period, counter));
  expect(found.flat().map(({ kind, account, requestId }) => [kind, account, requestId])).toEqual([
    ['missing', 'customer:acme:team-1', 'never-charged'],
    ['missing', STRANGER, 'never-opened'],
  ]);
  expect(counter.result()).toMatchObject({ pairs: 3, evidenceRows: 5, ledgerRows: 3 });
});

test('balances below a customer are checked in the slice of the customer', async () => {
  const deps = {
    books: ledger.books,
    chart,
    now: () => NOW,
    wait: async () => undefined,
    sweptUntil: async () => undefined,
  };
  const check = async () => {
    const counter = createCounter();
    const slice = { id: 'balances', kind: 'balances' as const, buckets };
    const found = (await Array.fromAsync(checkBalances(deps, slice, NOW, counter))).flat();
    return { accounts: found.map(({ kind, account }) => [kind, account]), ...counter.result() };
  };
  expect(await check()).toMatchObject({ accounts: [], balancesChecked: 3, accountsSeen: 4 });
  const [, , night = ''] = OPENED;
  await ledger.books.client.send(
    new UpdateItemCommand({
      TableName: ledger.books.ledgerTable,
      Key: { pk: { S: accountKey(night) } },
      UpdateExpression: 'SET debits = debits + :one',
      ExpressionAttributeValues: { ':one': { N: '1' } },
    }),
  );
  expect(await check()).toMatchObject({ accounts: [['balance-drift', night]], balancesChecked: 3 });
});
