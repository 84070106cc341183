import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { comparePositions, listedDaysUntil, type Position } from '../../domain/statements.ts';
import { type Day, daysOf } from '../../domain/time.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { postTransfer } from '../../store/ledger.ts';
import type { LedgerStore } from '../../store/posting.ts';
import { systemClock } from '../../store/retry.ts';
import {
  countPartitions,
  getAccountHistory,
  type Listed,
  readStatement,
  sumTransfersAsOf,
  sumUsage,
  TooManyTransfersError,
} from '../../store/statements.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

const ACCOUNT = 'postpaid:acme';
const LISTED = { account: ACCOUNT, entry: entryOf(ACCOUNT) };
const DAYS = daysOf({ start: '2026-10-30', end: '2026-11-05' });
const MOMENT = '2026-11-02T12:00:00.000Z';
let books: TestBooks;
let store: LedgerStore;
/** What the account's statement has to be: every transfer as a position, with its sign. */
const posted: (Position & { amount: bigint; recordedAt: string })[] = [];

function entryOf(account: string): ChartEntry {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart has no ${account}.`);
  return entry;
}

async function post(fields: Partial<Transfer> & Pick<Transfer, 'id'>): Promise<void> {
  const transfer: Transfer = {
    kind: 'transfer',
    debit: ACCOUNT,
    credit: 'platform:usage:revenue',
    asset: 'USD/6',
    amount: 1n,
    effectiveAt: MOMENT,
    recordedAt: '2026-11-10T00:00:00.000Z',
    ...fields,
  };
  const [debitEntry, creditEntry] = [entryOf(transfer.debit), entryOf(transfer.credit)];
  const result = await postTransfer(store, { transfer, claims: {}, debitEntry, creditEntry });
  expect(result.kind).toBe('created');
  if (transfer.debit !== ACCOUNT && transfer.credit !== ACCOUNT) return;
  posted.push({
    key: `${transfer.effectiveAt}#${transfer.requestId ?? transfer.id}`,
    id: transfer.id,
    amount: transfer.debit === ACCOUNT ? -transfer.amount : transfer.amount,
    recordedAt: transfer.recordedAt,
  });
}

beforeAll(async () => {
  books = await startBooks();
  const { client, ledgerTable } = books;
  store = { client, ledgerTable, clock: systemClock, newId: randomUUID, listed: new Set() };
  for (const day of ['2026-10-30', '2026-11-01', '2026-11-04']) {
    for (let index = 0; index < 12; index += 1) {
      await post({
        id: `${day}-${index}`,
        effectiveAt: `${day}T${10 + (index % 3)}:00:00.000Z`,
        recordedAt: `2026-11-${10 + (index % 4)}T00:00:00.000Z`,
        amount: BigInt(index),
      });
    }
  }
  const correction = { credit: ACCOUNT, debit: 'platform:usage:revenue', requestId: 'many', corrects: 'many' };
  await post({ id: 'many', kind: 'charge', requestId: 'many', amount: 100n, key: 'k1' });
  for (let index = 0; index < 9; index += 1) await post({ id: `fix-${9 - index}`, ...correction, key: 'k1' });
  await post({ id: 'again', kind: 'charge', requestId: 'many', amount: 100n, key: 'k1' });
  await post({ id: 'elsewhere', debit: 'postpaid:other' });
});
afterAll(() => books.stop());

async function readAll(order: 'asc' | 'desc', limit: number): Promise<string[]> {
  const ids: string[] = [];
  let after: Position | undefined;
  for (;;) {
    const { lines, more } = await readStatement(store, LISTED, { days: DAYS, order, after, limit });
    expect(lines.length).toBeLessThanOrEqual(limit);
    ids.push(...lines.map(({ id }) => id));
    if (!more) return ids;
    after = lines.at(-1);
  }
}

async function sumOf(listed: Listed, days: readonly Day[], asOf: Parameters<typeof sumTransfersAsOf>[2]) {
  const sums = await sumTransfersAsOf(store, [{ ...listed, days }], asOf);
  return sums.get(listed.account) ?? expect.fail(`There is no sum of ${listed.account}.`);
}

describe('a statement', () => {
  test('has every transfer of both sides and all shards once and in order, however it is cut into pages', async () => {
    const expected = posted.toSorted(comparePositions).map(({ id }) => id);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), async (limit) => {
        expect(await readAll('asc', limit)).toEqual(expected);
        expect(await readAll('desc', limit)).toEqual(expected.toReversed());
      }),
      { numRuns: 4, examples: [[1], [4], [expected.length]] },
    );
  });

  test('says that there is more only where there is', async () => {
    const page = { days: DAYS, order: 'asc' as const, limit: posted.length };
    expect(await readStatement(store, LISTED, page)).toMatchObject({ more: false });
    expect(await readStatement(store, LISTED, { ...page, limit: posted.length - 1 })).toMatchObject({ more: true });
    expect(await readStatement(store, LISTED, { ...page, days: [] })).toEqual({ lines: [], more: false });
  });
});

describe('the months of a derived account', () => {
  test('are listed with its transfers, also with those that count before the first one posted', async () => {
    await post({ id: 'late', debit: 'postpaid:late', effectiveAt: '2026-11-03T00:00:00.000Z' });
    await post({ id: 'earlier', debit: 'postpaid:late', effectiveAt: '2025-02-03T00:00:00.000Z' });
    const history = await getAccountHistory(store, 'postpaid:late');
    expect(history?.months.toSorted()).toEqual(['2025-02', '2026-11']);
    expect(history?.account.openedOn).toBe('2026-11-03');
    const days = history === undefined ? [] : listedDaysUntil(history, '2026-11-30');
    const late = { account: 'postpaid:late', entry: LISTED.entry };
    expect(await sumOf(late, days, { most: 10 })).toEqual({ credits: 0n, debits: 2n });
  });

  test('are unknown of an account that never was', async () => {
    expect(await getAccountHistory(store, 'postpaid:nobody')).toBeUndefined();
  });
});

describe('sums', () => {
  test('take both sides, and stop where there are too many', async () => {
    const sums = await sumOf(LISTED, DAYS, { most: posted.length });
    expect(sums.credits - sums.debits).toBe(posted.reduce((sum, { amount }) => sum + amount, 0n));
    await expect(sumOf(LISTED, DAYS, { most: posted.length - 1 })).rejects.toThrow(TooManyTransfersError);
  });

  test('of several accounts are told apart, and count together against what may be read', async () => {
    const other = { account: 'postpaid:other', entry: LISTED.entry, days: DAYS };
    const reads = [{ ...LISTED, days: DAYS }, other];
    const sums = await sumTransfersAsOf(store, reads, { most: posted.length + 1 });
    expect(sums.get(other.account)).toEqual({ credits: 0n, debits: 1n });
    expect(sums.get(ACCOUNT)).toEqual(await sumOf(LISTED, DAYS, { most: posted.length }));
    await expect(sumTransfersAsOf(store, reads, { most: posted.length })).rejects.toThrow(TooManyTransfersError);
  });

  test('cost a partition for each side, day and shard of that day', () => {
    const shards = { first: 1, later: [{ from: '2026-11-04', shards: 4 }] };
    const reads = [{ account: ACCOUNT, entry: { shards }, days: DAYS }];
    expect(countPartitions(reads)).toBe(2 * (5 + 4));
    expect(countPartitions([...reads, { account: 'postpaid:other', entry: { shards: 1 }, days: DAYS }])).toBe(30);
  });

  test('take what counts by one time as far as it was known by another, both inclusive', async () => {
    const instant = (days: readonly string[], hours: readonly string[]) =>
      fc.tuple(fc.constantFrom(...days), fc.constantFrom(...hours)).map(([day, hour]) => `${day}T${hour}:00:00.000Z`);
    const effective = fc.option(instant(DAYS, ['10', '11', '12', '13']), { nil: undefined });
    const known = fc.option(instant(['2026-11-09', '2026-11-10', '2026-11-11', '2026-11-12'], ['00', '01']), {
      nil: undefined,
    });
    await fc.assert(
      fc.asyncProperty(effective, known, async (effectiveAt, knownAt) => {
        const sums = await sumOf(LISTED, DAYS, { effectiveAt, knownAt, most: posted.length });
        const expected = posted
          .filter(({ key }) => effectiveAt === undefined || key.slice(0, effectiveAt.length) <= effectiveAt)
          .filter(({ recordedAt }) => knownAt === undefined || recordedAt <= knownAt);
        expect(sums.credits - sums.debits).toBe(expected.reduce((sum, { amount }) => sum + amount, 0n));
      }),
      { numRuns: 12 },
    );
  });

  test('of usage count a request once, and net its corrections under the key that charged it', async () => {
    const { days, keys } = await sumUsage(store, [{ ...LISTED, days: DAYS }], posted.length);
    expect([...days]).toEqual([['2026-11-02', { requests: 1, amount: 191n }]]);
    expect([...keys]).toEqual([['k1', { requests: 1, amount: 191n }]]);
  });
});
