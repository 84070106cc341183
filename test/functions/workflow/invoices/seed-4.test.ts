import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { chart } from '../../../../config/chart.ts';
import { chartEntryOf } from '../../../../domain/chart.ts';
import { makeHandler as makeLedgerApi } from '../../../../functions/api/ledger.ts';
import { toItem } from '../../../../store/items.ts';
import { systemClock } from '../../../../store/retry.ts';
import { accountKey } from '../../../../store/tables.ts';
import { recordEvidence } from '../../../../store/usage.ts';
import { call } from '../../../support/api.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

/**
 * The fourth seed: 72 debits came to 861, the balance had fallen by 861, and an invoice that read a counter beside the
 * ledger said 416.
 */
const ACME = 'customer:acme';
const POSTPAID = 'postpaid:acme';
let world: BillingWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startBillingWorld();
  await world.opened(ACME, 10_000n);
  for (const account of [ACME, POSTPAID]) {
    for (let index = 0; index < 72; index += 1) {
      const at = `${MONTH}-${String(1 + (index % 28)).padStart(2, '0')}T10:00:00.000Z`;
      await world.charged(account, `${account}-${index}`, index === 0 ? 80n : 11n, { effectiveAt: at });
    }
  }
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});

afterAll(() => world.stop());

function ledgerApi() {
  const settings = { rateCards: world.rateCards, ledgerControl: { paused: false, reason: '' } };
  return makeLedgerApi({
    store: world.ledger,
    audit: { client: world.tables.client, operationsTable: world.tables.operationsTable },
    settings: { get: async () => settings } as never,
    chart,
    now: () => world.now,
  });
}

async function edit(account: string, UpdateExpression: string, values: Parameters<typeof toItem>[0] = {}) {
  await world.tables.client.send(
    new UpdateItemCommand({
      TableName: world.tables.ledgerTable,
      Key: toItem({ pk: accountKey(account) }),
      UpdateExpression,
      ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: toItem(values) }),
    }),
  );
}

test('72 debits of 861 are 861 on the invoice, in the balance and in usage', async () => {
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  const invoice = await world.invoice(ACME);
  expect(invoice).toMatchObject({ due: '861', opening: '0', closing: '9139', blocked: [] });
  expect(invoice.lines).toContainEqual(expect.objectContaining({ type: 'usage', quantity: '72', amount: '861' }));
  const params = { accountId: ACME };
  const query = { from: `${MONTH}-01`, to: `${MONTH}-31` };
  const usage = await call(ledgerApi(), 'GET /v1/accounts/{accountId}/usage', { params, query });
  expect(usage.body).toMatchObject({ requests: 72, amount: '861' });
  const balance = await call(ledgerApi(), 'GET /v1/accounts/{accountId}/balance', { params });
  expect(balance.body).toMatchObject({ balance: '9139' });
});

test('whatever is derived drifts, and lines and due do not move', async () => {
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  const before = await Promise.all([ACME, POSTPAID].map((account) => world.invoice(account)));
  expect(before.map(({ due }) => due)).toEqual(['861', '861']);

  // Counters of the account, what holds reserve of it, and what is left of its grants.
  await edit(
    ACME,
    'SET debits = debits - :by, credits = credits + :one, available = :by, held = :by, holdChanges = :one',
    {
      ':by': 445n,
      ':one': 1n,
    },
  );
  const grant = { remaining: 36n, priority: 1n, at: world.now };
  await edit(ACME, 'SET grants = :grants, grantsShape = :shape', { ':grants': { 'made-up': grant }, ':shape': 1n });
  // The months that an account is said to have transfers in.
  await edit(POSTPAID, 'REMOVE months');
  // Evidence of much that was never charged.
  const book = { ...world.tables, clock: systemClock, seenAccounts: new Set<string>() };
  for (const account of [ACME, POSTPAID]) {
    const entry = chartEntryOf(chart, account);
    if (entry === undefined) throw new Error(`The chart has no entry for ${account}.`);
    const event = { account, operation: 'chat', quantities: { units: 416n }, occurredAt: `${MONTH}-15T00:00:00.000Z` };
    for (const requestId of ['e-1', 'e-2']) await recordEvidence(book, { ...event, requestId }, entry, world.now);
  }

  await world.run({ id: 'again', kind: 'regenerate', month: MONTH });
  const after = await Promise.all([ACME, POSTPAID].map((account) => world.invoice(account)));
  for (const [index, invoice] of after.entries()) {
    const { lines, due, closing, digest, version } = before[index] ?? {};
    expect(invoice).toMatchObject({ lines, due, closing, digest, version });
  }
  // It cannot be sent with a balance that does not tie, and it says the true amount all the same.
  expect(after[0]?.blocked).toEqual([expect.stringContaining('reconcile its balance and repair it')]);
  expect(after[1]?.blocked).toEqual([]);
});
