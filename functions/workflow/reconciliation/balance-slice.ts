import { HOLD_SECONDS_MAX } from '../../../contract/limits.ts';
import type { Account } from '../../../domain/accounts.ts';
import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { hasEverHeld } from '../../../domain/holds.ts';
import { addSums, driftOf, sameFigures, type TransferSums } from '../../../domain/reconciliation/balances.ts';
import type { Disagreement, Finding } from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import type { Counter } from '../../../domain/reconciliation/summary.ts';
import { addDays, addMilliseconds, dayOf, type Instant } from '../../../domain/time.ts';
import { getAccount } from '../../../store/accounts.ts';
import { accountsOfBucket, type Books, sumTransfers } from '../../../store/books.ts';
import { sumUnresolved } from '../../../store/hold-lists.ts';

/** Accounts checked side by side; each sums its days by several reads at once already. */
const ACCOUNTS_AT_ONCE = 4;

/** Looks at an account whose balance moves while its transfers are summed, before it counts as too busy. */
const LOOKS_MAX = 10;

/**
 * Milliseconds before now from which on transfers are summed at every look. Nearly all that come in meanwhile count
 * within them, and what counts before is summed once: a look takes one page and not an account's whole life.
 */
const MOVING_MS = 15 * 60_000;

/** An index is usually a fraction of a second behind its table: what figures hold shows in it after this many milliseconds. */
const INDEX_LAG_MS = 2_000;

export interface BalanceDeps {
  readonly books: Books;
  readonly chart: Chart;
  readonly now: () => Instant;
  readonly wait: (milliseconds: number) => Promise<void>;
  /** The moment before which every hold that expires has ended; undefined while nothing was ever swept. */
  readonly sweptUntil: () => Promise<Instant | undefined>;
}

/**
 * Checks that every strict balance of the slice's buckets is the sum of its transfers and holds, and counts the accounts
 * seen.
 * @param isWanted says of an account whether the run looks at it.
 */
export async function* checkBalances(
  deps: BalanceDeps,
  { buckets }: Extract<Slice, { kind: 'balances' }>,
  at: Instant,
  counter: Counter,
  isWanted: (account: string) => boolean = () => true,
): AsyncGenerator<readonly Finding[]> {
  for (const bucket of buckets) {
    const accounts = (await accountsOfBucket(deps.books, bucket)).filter(({ account }) => isWanted(account));
    counter.count('accountsSeen', accounts.length);
    const strict = accounts.flatMap(({ account, opened }) => {
      const entry = chartEntryOf(deps.chart, account);
      // A platform account is indexed only against other platform accounts, so its transfers cannot be summed.
      return opened && entry?.balance === 'strict' && entry.party === 'customer' ? [{ account, entry }] : [];
    });
    const checks = inOrder(strict, ACCOUNTS_AT_ONCE, async ({ account, entry }) => ({
      account,
      asset: entry.asset,
      outcome: await checkBalance(deps, account, entry, at),
    }));
    for await (const { account, asset, outcome } of checks) {
      if (outcome === 'no-figures') continue;
      counter.count(outcome === 'too-busy' ? 'accountsTooBusy' : 'balancesChecked');
      if (typeof outcome === 'string') continue;
      const finding = { ...outcome, account, asset };
      counter.finding(finding);
      yield [finding];
    }
  }
}

/**
 * Sums between two readings of the figures: only when they did not move meanwhile are sum and figures comparable. A
 * difference is called a drift when a second look still finds one, which lets the index come up to the figures first and
 * sums everything between its readings.
 * @returns `no-figures` when the account keeps none, because it was opened under another chart.
 */
async function checkBalance(
  deps: BalanceDeps,
  account: string,
  entry: ChartEntry,
  at: Instant,
): Promise<Disagreement | 'agrees' | 'too-busy' | 'no-figures'> {
  const { books, now, wait } = deps;
  const opened = await getAccount(books, account);
  if (opened?.figures === undefined) return 'no-figures';
  const { openedOn } = opened;
  const hasGrants = opened.grants !== undefined;
  // Tomorrow too, because callers' clocks may be ahead of midnight.
  const until = addDays(dayOf(now()), 2);
  let since: Instant = '';
  let settled: TransferSums = { credits: 0n, debits: 0n };
  const settle = async () => {
    since = addMilliseconds(now(), -MOVING_MS);
    settled = await sumTransfers(books, account, { openedOn, before: since }, entry, hasGrants);
  };
  await settle();
  let suspected = false;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const before = await getAccount(books, account);
    if (suspected) {
      // Between the figures and the sums, so that all which these figures hold is in the index; what comes meanwhile
      // shows in the figures after them.
      await wait(INDEX_LAG_MS);
      await settle();
    }
    const moving = await sumTransfers(books, account, { since, until }, entry, hasGrants);
    const held = await sumHolds(deps, before);
    const after = await getAccount(books, account);
    if (before?.figures === undefined || after?.figures === undefined) return 'no-figures';
    if (!sameFigures(before.figures, after.figures)) {
      suspected = false;
      continue;
    }
    const drift = driftOf(after.figures, addSums(settled, moving), held, after.creditLimit, at, after.grants);
    if (drift === undefined) return 'agrees';
    if (suspected) return drift;
    suspected = true;
  }
  return 'too-busy';
}

/**
 * What an account's holds that have not ended come to. Those before the sweep's mark have ended, so how far the sweep is
 * behind decides how far back is read: one that stands still makes no drift. An account that never held has no holds.
 */
export async function sumHolds({ books, now, sweptUntil }: BalanceDeps, account: Account | undefined): Promise<bigint> {
  if (account?.figures === undefined || !hasEverHeld(account.figures)) return 0n;
  const from = (await sweptUntil()) ?? account.openedOn;
  const last = addDays(dayOf(addMilliseconds(now(), HOLD_SECONDS_MAX * 1_000)), 1);
  return sumUnresolved(books, account.id, from, last);
}
