import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chart, chartEntryOf, type Shards } from '../../../../domain/chart.ts';
import type { RateCard } from '../../../../domain/rating.ts';
import { createCounter } from '../../../../domain/reconciliation/summary.ts';
import { addDays, type Day } from '../../../../domain/time.ts';
import { makeHandler } from '../../../../functions/api/ledger.ts';
import { checkBalances } from '../../../../functions/workflow/reconciliation/balance-slice.ts';
import { compareUsage } from '../../../../functions/workflow/reconciliation/usage-slice.ts';
import { readCharges, readEvidence } from '../../../../store/books.ts';
import { bucketOf } from '../../../../store/tables.ts';
import { recordEvidence } from '../../../../store/usage.ts';
import { call } from '../../../support/api.ts';
import { startLedger, type TestLedger } from '../../../support/ledger.ts';

/** Accounts that live while their number of shards is raised from 1 to 4 and from 4 to 8. */

const [FIRST, SECOND, THIRD] = ['2026-11-18', '2026-11-19', '2026-11-20'] as const;
const STRICT = 'customer:live';
const DERIVED = 'org:live';
const ACCOUNTS = [STRICT, DERIVED];
const CARD: RateCard = {
  name: 'standard',
  effectiveFrom: '2026-11-01T00:00:00.000Z',
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue:usage',
  operations: { completion: { prices: { tokens: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
};

function chartWith(shards: Shards): Chart {
  const common = { asset: 'TOKEN', shards, rateCard: 'standard' } as const;
  return [
    { ...common, pattern: 'customer:*', balance: 'strict', party: 'customer' },
    { ...common, pattern: 'org:*', balance: 'derived', party: 'customer' },
    { ...common, pattern: 'platform:**', balance: 'derived', party: 'platform' },
  ];
}

const toFour = { from: SECOND, shards: 4 };
const toEight = { from: THIRD, shards: 8 };
/** What is deployed one after the other, each before the day that it speaks of. */
const ONE = chartWith(1);
const FOUR = chartWith({ first: 1, later: [toFour] });
const EIGHT = chartWith({ first: 1, later: [toFour, toEight] });

let ledger: TestLedger;
const posted: { id: string; day: Day; account: string }[] = [];

beforeAll(async () => {
  ledger = await startLedger();
  await ledger.openCustomer('live');
  const funds = { id: 'funds', debit: 'platform:funding', credit: STRICT, amount: 10_000, asset: 'TOKEN' };
  const body = { ...funds, effectiveAt: `${FIRST}T09:00:00Z` };
  expect((await call(handlerBy(ONE), 'POST /v1/transfers', { body })).status).toBe(201);
  await live(ONE, FIRST, 12);
  await live(FOUR, FIRST, 6);
  await live(FOUR, SECOND, 12);
  await live(FOUR, FIRST, 4);
  await repeat(FOUR);
  await live(EIGHT, SECOND, 4);
  await live(EIGHT, THIRD, 24);
  await live(EIGHT, FIRST, 4);
});
afterAll(() => ledger.books.stop());

const handlerBy = (chart: Chart) => makeHandler({ ...ledger.deps, chart, now: () => `${THIRD}T23:00:00.000Z` });

/** Each request is charged and recorded, at a minute of the day that depends on its number. */
async function live(chart: Chart, day: Day, requests: number): Promise<void> {
  for (const account of ACCOUNTS) {
    for (let count = 0; count < requests; count += 1) {
      const made = { id: `${account}/${posted.length}`, day, account };
      expect(await send(chart, made)).toEqual({ charge: 201, evidence: 'recorded' });
      posted.push(made);
    }
  }
}

/** Everything is sent once more, as services do that heard no answer. */
async function repeat(chart: Chart): Promise<void> {
  for (const made of posted) expect(await send(chart, made)).toEqual({ charge: 200, evidence: 'duplicate' });
}

async function send(chart: Chart, { id, day, account }: (typeof posted)[number]) {
  const at = `${day}T10:${String((Number(id.split('/')[1]) * 7) % 60).padStart(2, '0')}:00.000Z`;
  const usage = { account, operation: 'completion' };
  const body = { ...usage, id, quantities: { tokens: 3 }, effectiveAt: at };
  const { status } = await call(handlerBy(chart), 'POST /v1/charges', { body });
  const { client, usageTable } = ledger.books;
  const store = { client, usageTable, clock: ledger.deps.store.clock, seenAccounts: new Set<string>() };
  const event = { ...usage, requestId: id, quantities: { tokens: 3n }, occurredAt: at };
  return { charge: status, evidence: await recordEvidence(store, event, entryOf(chart, account), at) };
}

function entryOf(chart: Chart, account: string) {
  return chartEntryOf(chart, account) ?? expect.fail(`The chart has no ${account}.`);
}

const idsOf = (account: string, day?: Day) =>
  posted.filter((made) => made.account === account && (day === undefined || made.day === day)).map(({ id }) => id);

test('each day is spread over the partitions of its own number, whenever it was written', async () => {
  const { client, usageTable } = ledger.books;
  const { Items = [] } = await client.send(new ScanCommand({ TableName: usageTable }));
  const partitions = new Set(Items.map((item) => item.pk?.S ?? ''));
  const of = (day: Day) => [...partitions].filter((name) => name.startsWith(`${DERIVED}#${day}`)).sort();
  expect(of(FIRST)).toEqual([`${DERIVED}#${FIRST}`]);
  expect(of(SECOND)).toEqual([0, 1, 2, 3].map((shard) => `${DERIVED}#${SECOND}#${shard}`));
  expect(of(THIRD).length).toBeGreaterThan(4);
});

describe.each(ACCOUNTS)('of %s', (account) => {
  const read = async (chart: Chart, what: string, query: Record<string, string>) => {
    const request = { params: { accountId: account }, query };
    const { status, body } = await call(handlerBy(chart), `GET /v1/accounts/{accountId}/${what}`, request);
    expect(status).toBe(200);
    return body;
  };

  test('what is sent again is a replay and no second piece of evidence, after the last raise too', async () => {
    await repeat(EIGHT);
  });

  test.each([
    ['asc', FOUR],
    ['desc', EIGHT],
  ])('the statement has every charge once, %s, with cursors across the raises', async (order, firstChart) => {
    const found: string[] = [];
    // Its first page may be asked for before the last raise is deployed.
    let page = await read(firstChart, 'statement', { from: FIRST, to: THIRD, order, limit: '7' });
    for (;;) {
      const transfers = page.transfers as { id: string; kind: string }[];
      found.push(...transfers.filter(({ kind }) => kind === 'charge').map(({ id }) => id));
      if (page.next === undefined) break;
      page = await read(EIGHT, 'statement', { cursor: String(page.next), limit: '7' });
    }
    expect(found.toSorted()).toEqual(idsOf(account).toSorted());
  });

  test('balance and usage have every charge once', async () => {
    const requests = idsOf(account).length;
    const debits = String(3 * requests);
    expect(await read(EIGHT, 'balance', {})).toMatchObject({ debits });
    const usage = await read(EIGHT, 'usage', { from: FIRST, to: THIRD });
    expect(usage).toMatchObject({ requests, amount: debits });
    expect(usage.days).toEqual(
      [FIRST, SECOND, THIRD].map((day) => {
        const { length } = idsOf(account, day);
        return { day, requests: length, amount: String(3 * length) };
      }),
    );
  });

  test.each([FIRST, SECOND, THIRD])('both books of %s have every request once and in order', async (day) => {
    const entry = entryOf(EIGHT, account);
    const evidence = (await Array.fromAsync(readEvidence(ledger.books, account, day, entry))).flat();
    const charges = (await Array.fromAsync(readCharges(ledger.books, account, day, entry))).flat();
    expect(charges.map(({ id }) => id).toSorted()).toEqual(idsOf(account, day).toSorted());
    expect(charges.map(({ key }) => key)).toEqual(charges.map(({ key }) => key).toSorted());
    expect(evidence.map(({ key }) => key)).toEqual(charges.map(({ key }) => key));
  });
});

test.each([FIRST, SECOND, THIRD])('a slice of %s pairs every request once and finds nothing', async (day) => {
  const deps = { books: ledger.books, chart: EIGHT, rateCards: [CARD] };
  const slice = { id: 'usage', kind: 'usage' as const, buckets: [...new Set(ACCOUNTS.map(bucketOf))], day };
  const counter = createCounter();
  const period = { start: day, end: addDays(day, 1) };
  expect((await Array.fromAsync(compareUsage(deps, slice, period, counter))).flat()).toEqual([]);
  const requests = posted.filter((made) => made.day === day).length;
  expect(counter.result()).toMatchObject({ pairs: requests, evidenceRows: requests, ledgerRows: requests });
});

test('the strict balance is the sum of its transfers', async () => {
  const now = `${THIRD}T23:00:00.000Z`;
  const deps = {
    books: ledger.books,
    chart: EIGHT,
    now: () => now,
    wait: async () => undefined,
    sweptUntil: async () => undefined,
  };
  const counter = createCounter();
  const slice = { id: 'balances', kind: 'balances' as const, buckets: [bucketOf(STRICT)] };
  expect((await Array.fromAsync(checkBalances(deps, slice, now, counter))).flat()).toEqual([]);
  expect(counter.result()).toMatchObject({ balancesChecked: 1 });
});
