import { BALANCE_PARTITIONS_MAX, SUMMED_TRANSFERS_MAX, TREE_ACCOUNTS_MAX } from '../../contract/limits.ts';
import { accountId } from '../../contract/schemas/common.ts';
import { ChartChangedError } from '../../domain/accounts.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import type { AccountHistory } from '../../domain/statements.ts';
import { readAccountTree, TooManyAccountsError } from '../../store/account-tree.ts';
import {
  type AccountDays,
  countPartitions,
  getAccountHistory,
  type Listed,
  TooManyTransfersError,
} from '../../store/statements.ts';
import { type Answer, problem } from '../runtime/answers.ts';
import { type Caller, maySee, printable, type Read } from '../runtime/requests.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { unknownAccount } from './outcomes.ts';

/** Accounts whose transfers are listed by account, and what keeps the reading of them within one answer. */

export type ReadingDeps = Pick<LedgerDeps, 'store' | 'chart' | 'now'>;

export interface ListedAccount {
  readonly history: AccountHistory;
  readonly listed: Listed;
}

export async function findAccount(
  { store, chart }: ReadingDeps,
  caller: Caller,
  id: string,
): Promise<Read<ListedAccount>> {
  const entry = maySee(caller, id) ? chartEntryOf(chart, id) : undefined;
  if (entry?.party === 'platform') return { ok: false, answer: notListed(id, entry) };
  const history = entry && (await getAccountHistory(store, id));
  if (entry === undefined || history === undefined) {
    return { ok: false, answer: unknownAccount(printable(id), 'accountId') };
  }
  return { ok: true, value: { history, listed: { account: id, entry } } };
}

/** The account of a path, if it is open, and all below it, in order of id; one of them at least. */
export async function findTree(
  { store, chart }: ReadingDeps,
  caller: Caller,
  path: string,
): Promise<Read<readonly ListedAccount[]>> {
  const unknown = { ok: false, answer: unknownAccount(printable(path), 'accountId') } as const;
  if (!accountId.safeParse(path).success || !maySee(caller, path)) return unknown;
  // The path itself needs no pattern: an organisation may have no account of its own.
  const own = chartEntryOf(chart, path);
  if (own?.party === 'platform') return { ok: false, answer: notListed(path, own) };
  const histories = await orNothing(readAccountTree(store, path, TREE_ACCOUNTS_MAX), TooManyAccountsError);
  if (histories === undefined) {
    const rule = `must be a path with fewer accounts below it: at most ${TREE_ACCOUNTS_MAX} are read for one answer`;
    return { ok: false, answer: tooMuch('accountId', rule) };
  }
  if (histories.length === 0) return unknown;
  const found: ListedAccount[] = [];
  for (const history of histories) {
    const { id } = history.account;
    const entry = chartEntryOf(chart, id);
    if (entry === undefined) throw new ChartChangedError(`The chart of accounts has no pattern any more for "${id}".`);
    if (entry.party === 'platform') return { ok: false, answer: notListed(id, entry) };
    found.push({ history, listed: { account: id, entry } });
  }
  return { ok: true, value: found };
}

/** What is wrong with reading all these days for one answer; undefined where they are not too many. */
export function tooManyDays(reads: readonly AccountDays[]): string | undefined {
  const partitions = countPartitions(reads);
  if (partitions <= BALANCE_PARTITIONS_MAX) return undefined;
  return `there are ${partitions} partitions of days to read, and at most ${BALANCE_PARTITIONS_MAX} are`;
}

export const TOO_MANY_TRANSFERS = `at most ${SUMMED_TRANSFERS_MAX} transfers are summed for one answer`;

/** Undefined where the transfers are too many for one answer. */
export function orTooMany<T>(sums: Promise<T>): Promise<T | undefined> {
  return orNothing(sums, TooManyTransfersError);
}

export function tooMuch(field: string, rule: string): Answer {
  return problem('too-much', `"${field}" ${rule}.`, [{ field, rule }]);
}

function notListed(id: string, { pattern }: ChartEntry): Answer {
  const rule = 'must be an account of a customer';
  const detail = `"${id}" is an account of the platform ("${pattern}"), whose transfers with customers are listed at the customer alone. Ask for the customer's.`;
  return problem('not-listed', detail, [{ field: 'accountId', rule }]);
}

async function orNothing<T>(answer: Promise<T>, refusal: new () => Error): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof refusal) return undefined;
    throw error;
  }
}
