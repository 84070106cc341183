import { spread } from '../ids.ts';

/** `usage`: evidence with the ledger, and balances with transfers; `invoices`: the ledger with what was invoiced of it. */
export const COMPARED_BOOKS = ['usage', 'invoices'] as const;
export type ComparedBooks = (typeof COMPARED_BOOKS)[number];

/** Which accounts a run compares. With neither it is all of them. */
export interface Scope {
  /** These alone, in order of id. */
  readonly accounts?: readonly string[];
  /** Those of a sample alone. */
  readonly sample?: Sample;
}

/**
 * A sample of accounts, as a number instead of a list, so that it can be carried from step to step whatever its size:
 * each account has a rank in each week, and those below a rank are in it.
 */
export interface Sample {
  /** ISO 8601 week, such as `2026-W47`. */
  readonly week: string;
  /** The first rank that is not in it any more. */
  readonly below: number;
}

/** One account of so many is looked at. */
const ACCOUNTS_PER_SAMPLED = 100;
/** Where there are few accounts, at least so many, or all. */
const SAMPLED_MIN = 20;
/** Ranks run up to the 32 bits of a hash. */
const RANKS = 2 ** 32;

/** A sample of these accounts; the same accounts give the same one in the same week, and others in another. */
export function sampleOf(week: string, accounts: Iterable<string>): Sample {
  const ranks = Uint32Array.from(accounts, (account) => rankIn(week, account)).sort();
  const size = Math.max(SAMPLED_MIN, Math.ceil(ranks.length / ACCOUNTS_PER_SAMPLED));
  return { week, below: ranks[size] ?? RANKS };
}

/** Says of an account whether it is compared. */
export function scopeFilter({ accounts, sample }: Scope): (account: string) => boolean {
  const named = accounts && new Set(accounts);
  return (account) =>
    (named === undefined || named.has(account)) &&
    (sample === undefined || rankIn(sample.week, account) < sample.below);
}

export function isRestricted({ accounts, sample }: Scope): boolean {
  return accounts !== undefined || sample !== undefined;
}

/**
 * The week stands on both sides: a letter changes the high digits of the hash only through what comes after it, so an
 * account at the end would rank beside its neighbours, and a week at the end beside the weeks before.
 */
function rankIn(week: string, account: string): number {
  return spread(`${week}#${account}#${week}`, RANKS);
}
