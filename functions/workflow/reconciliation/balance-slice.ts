import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { addSums, driftOf, sameFigures, type TransferSums } from '../../../domain/reconciliation/balances.ts';
import type { Disagreement, Finding } from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import type { Counter } from '../../../domain/reconciliation/summary.ts';
import { addDays, addMilliseconds, dayOf, type Instant } from '../../../domain/time.ts';
import { getAccount } from '../../../store/accounts.ts';
import { accountsOfBucket, type Books, sumTransfers } from '../../../store/books.ts';

/** Accounts checked side by side; each sums its days by several reads at once already. */
const ACCOUNTS_AT_ONCE = 4;

/** Looks at an account whose balance moves while its transfers are summed, before it counts as too busy. */
const LOOKS_MAX = 10;

/**
 * Milliseconds before now from which on transfers are summed at every look. Nearly all that come in meanwhile count
 * within them, and what counts before is summed once: a look takes one page and not an account's whole life.
 */
const MOVING_MS = 15 * 60_000;

/** An index is usually a fraction of a second behind its table; a difference must outlast this many milliseconds. */
const INDEX_LAG_MS = 2_000;

export interface BalanceDeps {
  readonly books: Books;
  readonly chart: Chart;
  readonly now: () => Instant;
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** Checks that every strict balance of the slice's buckets is the sum of its transfers, and counts the accounts seen. */
export async function* checkBalances(
  deps: BalanceDeps,
  { buckets }: Extract<Slice, { kind: 'balances' }>,
  at: Instant,
  counter: Counter,
): AsyncGenerator<readonly Finding[]> {
  for (const bucket of buckets) {
    const accounts = await accountsOfBucket(deps.books, bucket);
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
 * difference is called a drift when a second look, which sums everything between its readings, still finds one.
 * @returns `no-figures` when the account keeps none, because it was opened under another chart.
 */
async function checkBalance(
  { books, now, wait }: BalanceDeps,
  account: string,
  entry: ChartEntry,
  at: Instant,
): Promise<Disagreement | 'agrees' | 'too-busy' | 'no-figures'> {
  const opened = await getAccount(books, account);
  if (opened?.figures === undefined) return 'no-figures';
  const { openedOn } = opened;
  // Tomorrow too, because callers' clocks may be ahead of midnight.
  const until = addDays(dayOf(now()), 2);
  let since: Instant = '';
  let settled: TransferSums = { credits: 0n, debits: 0n };
  const settle = async () => {
    since = addMilliseconds(now(), -MOVING_MS);
    settled = await sumTransfers(books, account, { openedOn, before: since }, entry);
  };
  await settle();
  let suspected = false;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const before = await getAccount(books, account);
    if (suspected) await settle();
    const moving = await sumTransfers(books, account, { since, until }, entry);
    const after = await getAccount(books, account);
    if (before?.figures === undefined || after?.figures === undefined) return 'no-figures';
    if (!sameFigures(before.figures, after.figures)) {
      suspected = false;
      continue;
    }
    const drift = driftOf(after.figures, addSums(settled, moving), after.creditLimit, at);
    if (drift === undefined) return 'agrees';
    if (suspected) return drift;
    suspected = true;
    await wait(INDEX_LAG_MS);
  }
  return 'too-busy';
}
