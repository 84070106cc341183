import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import type { RateCard } from '../../../domain/rating.ts';
import { type AccountDay, compareAccountDay } from '../../../domain/reconciliation/account-day.ts';
import type { Finding } from '../../../domain/reconciliation/findings.ts';
import { startedAhead } from '../../../domain/reconciliation/in-order.ts';
import type { ExpectedOf } from '../../../domain/reconciliation/judge.ts';
import { createPricer } from '../../../domain/reconciliation/pricing.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import type { Counter } from '../../../domain/reconciliation/summary.ts';
import type { Period } from '../../../domain/time.ts';
import { accountBooks, accountsOfBucket, type Books } from '../../../store/books.ts';

/**
 * Accounts whose first pages are asked for before their turn comes: most accounts have one page, so this is what keeps
 * a slice from waiting for the network once per account. At most a few pages of a megabyte each are held.
 */
const ACCOUNTS_AHEAD = 16;

/** An account that the chart does not know keeps its evidence in one partition, and nothing prices it. */
const UNCHARTED: Pick<ChartEntry, 'asset' | 'shards' | 'rateCard'> = { asset: 'UNKNOWN', shards: 1 };

/** Compares usage with charges, for all accounts of the slice's buckets on its day, in order of account. */
export async function* compareUsage(
  deps: { readonly books: Books; readonly chart: Chart; readonly rateCards: readonly RateCard[] },
  { buckets, day }: Extract<Slice, { kind: 'usage' }>,
  period: Period,
  counter: Counter,
): AsyncGenerator<readonly Finding[]> {
  const pricers = new Map<string | undefined, ExpectedOf>();
  const pricerOf = (card: string | undefined) => {
    const pricer = pricers.get(card) ?? createPricer(deps.rateCards, card);
    pricers.set(card, pricer);
    return pricer;
  };
  for (const bucket of buckets) {
    const accounts = await accountsOfBucket(deps.books, bucket);
    const openedAhead = startedAhead(accounts, ACCOUNTS_AHEAD, ({ account, opened }) => {
      const entry = chartEntryOf(deps.chart, account) ?? UNCHARTED;
      const books = accountBooks(deps.books, account, entry);
      const expectedOf = pricerOf(entry.rateCard);
      const where: AccountDay = { account, asset: entry.asset, opened, day, period, expectedOf };
      return { own: books.day(day), books, where };
    });
    for (const { own, books, where } of openedAhead) yield* compareAccountDay(own, books, where, counter);
  }
}
