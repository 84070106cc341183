import { addDays, type Day, daysOf, type Month, type Period } from '../time.ts';

/** A piece of a run that one worker does alone: of some account buckets the usage of a day, their balances, or a month's invoices. */
export type Slice =
  | { readonly id: string; readonly kind: 'usage'; readonly buckets: readonly string[]; readonly day: Day }
  | { readonly id: string; readonly kind: 'balances'; readonly buckets: readonly string[] }
  | { readonly id: string; readonly kind: 'invoices'; readonly buckets: readonly string[]; readonly month: Month };

/** Four of 64 buckets make 16 slices a day: enough to work side by side, few enough that starting each costs little. */
const USAGE_BUCKETS = 4;

/**
 * Balances are summed from the day that an account was opened, by two queries a day, so these slices grow as accounts
 * age, and a slice that runs out of its 15 minutes starts again from nothing. One bucket is the smallest slice. Reckoned
 * at 1,500 queries a second, it has room for 600,000 days of accounts: in all buckets 100,000 strict accounts, each a
 * year old. A run of so many reads 37 million read units, about 5 USD in us-east-1.
 */
const BALANCE_BUCKETS = 1;

/** The slices of a run in the order in which its report lists findings: day by day, then balances. */
export function planSlices(period: Period, buckets: readonly string[]): Slice[] {
  const usage = daysOf(period).flatMap((day) =>
    shares(buckets, USAGE_BUCKETS).map(
      (share): Slice => ({ id: `usage-${day}-${share[0]}`, kind: 'usage', buckets: share, day }),
    ),
  );
  const balances = shares(buckets, BALANCE_BUCKETS).map(
    (share): Slice => ({ id: `balances-${share[0]}`, kind: 'balances', buckets: share }),
  );
  return [...usage, ...balances];
}

/** The slices of a comparison of invoices with the ledger, month by month. */
export function planInvoiceSlices(months: readonly Month[], buckets: readonly string[]): Slice[] {
  return months.flatMap((month) =>
    shares(buckets, INVOICE_BUCKETS).map(
      (share): Slice => ({ id: `invoices-${month}-${share[0]}`, kind: 'invoices', buckets: share, month }),
    ),
  );
}

/** As many as make a slice when invoices are built: comparing reads what building reads, and the invoices too. */
const INVOICE_BUCKETS = 4;

function shares(buckets: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(buckets.length / size) }, (_, index) =>
    buckets.slice(index * size, (index + 1) * size),
  );
}

/** The period of a run whose last day is inclusive, as operators say it. */
export function periodOf(run: { readonly startDate: Day; readonly endDate: Day }): Period {
  return { start: run.startDate, end: addDays(run.endDate, 1) };
}
