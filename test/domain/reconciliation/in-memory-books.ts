import {
  type AccountBooks,
  type AccountDay,
  compareAccountDay,
  type DayBooks,
} from '../../../domain/reconciliation/account-day.ts';
import { createClaims } from '../../../domain/reconciliation/claims.ts';
import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { mergePages } from '../../../domain/reconciliation/merge.ts';
import { dayOfGroup } from '../../../domain/reconciliation/pairing.ts';
import { type EvidenceRow, type LedgerRow, type Pages, requestOf } from '../../../domain/reconciliation/rows.ts';
import { createCounter, type Summary } from '../../../domain/reconciliation/summary.ts';
import { daysOf, type Period } from '../../../domain/time.ts';

/** Both books of one account as lists of rows, in any order. */
export interface Books {
  readonly evidence: readonly EvidenceRow[];
  readonly ledger: readonly LedgerRow[];
  /** Ids of transfers that charge somebody else. */
  readonly others?: readonly string[];
}

export interface Reading {
  /** Rows of a page. */
  readonly pageRows: number;
  /** Books that a day is spread over. */
  readonly shards: number;
}

export const ACCOUNT = 'customer:acme';
export const ASSET = 'TOKEN';

/** In the tests a unit costs its quantity of `units`; the operation `free` costs nothing and `secret` has no price. */
export function priceOf(row: EvidenceRow): bigint | { unpriced: string } {
  if (row.operation === 'secret') return { unpriced: 'the card has no operation "secret"' };
  return row.operation === 'free' ? 0n : (row.quantities.units ?? 0n);
}

export function evidenceAt(at: string, requestId: string, units: bigint, operation = 'chat'): EvidenceRow {
  return { key: `${at}#${requestId}`, fingerprint: `${operation}-${units}`, operation, quantities: { units } };
}

export function chargeAt(
  at: string,
  requestId: string,
  amount: bigint,
  more: { id?: string; corrects?: string } = {},
): LedgerRow {
  return { key: `${at}#${requestId}`, id: requestId, amount, ...more };
}

/** Compares every day of a period on its own, as slices do, and merges what they found, as the summary does. */
export async function reconcile(
  books: Books,
  period: Period,
  { pageRows, shards }: Reading = { pageRows: 1_000, shards: 1 },
  options: Partial<Pick<AccountDay, 'opened'>> & { leftoversMax?: number } = {},
): Promise<{ findings: Finding[]; summary: Summary }> {
  const { leftoversMax, opened = true } = options;
  const account = accountBooks(books, { pageRows, shards });
  const total = createCounter();
  const findings: Finding[] = [];
  for (const day of daysOf(period)) {
    const counter = createCounter();
    const where: AccountDay = { day, period, account: ACCOUNT, asset: ASSET, opened, expectedOf: priceOf };
    for await (const found of compareAccountDay(account.day(day), account, where, counter, leftoversMax)) {
      findings.push(...found);
    }
    total.add(counter.result());
  }
  const claims = createClaims();
  findings.forEach(claims.note);
  const kept = findings.flatMap((finding) => total.settled(finding, claims.settle(finding)) ?? []);
  return { findings: kept, summary: total.result() };
}

export async function* inPages<Row>(rows: readonly Row[], pageRows: number): AsyncGenerator<readonly Row[]> {
  for (let start = 0; start < rows.length; start += pageRows) yield rows.slice(start, start + pageRows);
}

export function accountBooks(books: Books, reading: Reading): AccountBooks {
  return {
    day: (day): DayBooks => ({
      evidence: sharded(
        books.evidence.filter((row) => dayOfGroup(row) === day),
        reading,
      ),
      ledger: sharded(
        books.ledger.filter((row) => dayOfGroup(row) === day),
        reading,
      ),
    }),
    transferOf: async (requestId) =>
      books.others?.includes(requestId) ? 'something-else' : books.ledger.find((row) => row.id === requestId),
  };
}

function sharded<Row extends { readonly key: string }>(
  rows: readonly Row[],
  { pageRows, shards }: Reading,
): Pages<Row> {
  const sorted = [...rows].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const shardOf = (row: Row) => requestOf(row.key).charCodeAt(requestOf(row.key).length - 1) % shards;
  return mergePages(
    Array.from({ length: shards }, (_, shard) =>
      inPages(
        sorted.filter((row) => shardOf(row) === shard),
        pageRows,
      ),
    ),
  );
}
