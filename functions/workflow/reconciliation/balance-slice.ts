import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { driftOf, sameFigures } from '../../../domain/reconciliation/balances.ts';
import type { Disagreement, Finding } from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import type { Counter } from '../../../domain/reconciliation/summary.ts';
import { addDays, type Day, dayOf, daysOf, type Instant } from '../../../domain/time.ts';
import { getAccount } from '../../../store/accounts.ts';
import { accountsOfBucket, type Books, sumTransfers } from '../../../store/books.ts';

/** Accounts checked side by side; each sums its days by several reads at once already. */
const ACCOUNTS_AT_ONCE = 4;

/** Looks at an account whose balance moves while its transfers are summed, before it counts as too busy. */
const LOOKS_MAX = 5;

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
      counter.count(outcome === 'too-busy' ? 'accountsTooBusy' : 'balancesChecked');
      if (typeof outcome === 'string') continue;
      const finding = { ...outcome, account, asset };
      counter.finding(finding);
      yield [finding];
    }
  }
}

/** Sums between two readings of the figures: only when they did not move meanwhile are sum and figures comparable. */
async function checkBalance(
  deps: BalanceDeps,
  account: string,
  entry: ChartEntry,
  at: Instant,
): Promise<Disagreement | 'agrees' | 'too-busy'> {
  let before = await getAccount(deps.books, account);
  let suspected = false;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    if (before?.figures === undefined) return 'agrees';
    const sums = await sumTransfers(deps.books, account, daysSince(before.openedOn, deps.now()), entry);
    const after = await getAccount(deps.books, account);
    if (after?.figures !== undefined && sameFigures(before.figures, after.figures)) {
      const drift = driftOf(after.figures, sums, after.creditLimit, at);
      if (drift === undefined) return 'agrees';
      if (suspected) return drift;
      suspected = true;
      await deps.wait(INDEX_LAG_MS);
    }
    before = after;
  }
  return 'too-busy';
}

/** The days that transfers may count on; tomorrow too, because callers' clocks may be ahead of midnight. */
function daysSince(openedOn: Day, now: Instant): Day[] {
  return daysOf({ start: openedOn, end: addDays(dayOf(now), 2) });
}
