import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import type { RateCard } from '../../../domain/rating.ts';
import { type AccountDay, compareAccountDay } from '../../../domain/reconciliation/account-day.ts';
import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { startedAhead } from '../../../domain/reconciliation/in-order.ts';
import { createPricers } from '../../../domain/reconciliation/pricing.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import type { Counter } from '../../../domain/reconciliation/summary.ts';
import type { Period } from '../../../domain/time.ts';
import { accountBooks, accountsOfBucket, type Books } from '../../../store/books.ts';

/**
 * Accounts whose first pages are asked for before their turn comes: most accounts have one page, so this is what keeps
 * a slice from waiting for the network once per account. Each shard of an account has three first pages, of its evidence
 * and of its debits and credits, and a page is a megabyte at most: 48 MB of accounts with one shard, 192 MB with four.
 */
const ACCOUNTS_AHEAD = 16;

/** An account that the chart does not know keeps its evidence in one partition, and nothing prices it. */
const UNCHARTED: Pick<ChartEntry, 'asset' | 'shards' | 'rateCard'> = { asset: 'UNKNOWN', shards: 1 };

/**
 * Compares usage with charges, for all accounts of the slice's buckets on its day, in order of account.
 * @param isWanted says of an account whether the run compares it.
 */
export async function* compareUsage(
  deps: { readonly books: Books; readonly chart: Chart; readonly rateCards: readonly RateCard[] },
  { buckets, day }: Extract<Slice, { kind: 'usage' }>,
  period: Period,
  counter: Counter,
  isWanted: (account: string) => boolean = () => true,
): AsyncGenerator<readonly Finding[]> {
  const pricerOf = createPricers(deps.rateCards);
  for (const bucket of buckets) {
    const accounts = (await accountsOfBucket(deps.books, bucket)).filter(({ account }) => isWanted(account));
    const openedAhead = startedAhead(accounts, ACCOUNTS_AHEAD, ({ account, opened }) => {
      const entry = chartEntryOf(deps.chart, account) ?? UNCHARTED;
      const books = accountBooks(deps.books, account, entry);
      const expectedOf = pricerOf(entry.rateCard, account);
      const where: AccountDay = { account, asset: entry.asset, opened, day, period, expectedOf };
      return { own: books.day(day), books, where };
    });
    for (const { own, books, where } of openedAhead) yield* compareAccountDay(own, books, where, counter);
  }
}
