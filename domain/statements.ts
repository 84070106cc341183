import type { Account } from './accounts.ts';
import { addDays, type Day, daysOf, monthOf, type Period } from './time.ts';
import type { Transfer } from './transfers.ts';

/** An account, and the months of its transfers where no opening bounds them. */
export interface AccountHistory {
  readonly account: Account;
  /** Every month (`2026-11`) that a derived account has transfers in. */
  readonly months: readonly string[];
}

/** The two sides of a transfer. What is credited to an account is its gain, what is debited its loss. */
export type Side = 'debit' | 'credit';

/** Where a line of a statement stands: `<effective time>#<request id or id>`, then the id. */
export interface Position {
  readonly key: string;
  readonly id: string;
}

/** Orders positions by time, then request, then id; all three are ASCII, so order of text is the table's order. */
export function comparePositions(a: Position, b: Position): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/**
 * The days of a period that an account may have transfers on, in order: a strict one has none before its opening, a
 * derived one has them in its months alone.
 */
export function listedDays({ account, months }: AccountHistory, period: Period): Day[] {
  if (account.balance === 'strict') {
    return daysOf({ ...period, start: period.start < account.openedOn ? account.openedOn : period.start });
  }
  const known = new Set(months);
  return daysOf(period).filter((day) => known.has(monthOf(day)));
}

/** All days that an account may have transfers on, up to a last one. */
export function listedDaysUntil(history: AccountHistory, last: Day): Day[] {
  const { account, months } = history;
  const firstMonth = [...months].sort()[0];
  const start = account.balance === 'strict' || firstMonth === undefined ? account.openedOn : `${firstMonth}-01`;
  return listedDays(history, { start, end: addDays(last, 1) });
}

/**
 * What a transfer says of an account's usage: charges and what corrects them, netted. Other movements, such as top-ups,
 * are none. Charged is positive, given back negative.
 */
export function usageOf(transfer: Transfer, side: Side): bigint | undefined {
  const isCorrection = transfer.corrects !== undefined && transfer.requestId !== undefined;
  if (transfer.kind !== 'charge' && !isCorrection) return undefined;
  return side === 'debit' ? transfer.amount : -transfer.amount;
}

/** How much was used: requests charged, whatever was corrected later, and what they came to after corrections. */
export interface UsageFigures {
  requests: number;
  amount: bigint;
}
