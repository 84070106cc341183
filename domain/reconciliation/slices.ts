import { addDays, type Day, daysOf, type Period } from '../time.ts';

/** A piece of a run that one worker does alone: the usage of some account buckets on a day, or their balances. */
export type Slice =
  | { readonly id: string; readonly kind: 'usage'; readonly buckets: readonly string[]; readonly day: Day }
  | { readonly id: string; readonly kind: 'balances'; readonly buckets: readonly string[] };

/** Four of 64 buckets make 16 slices a day: enough to work side by side, few enough that starting each costs little. */
export const BUCKETS_PER_SLICE = 4;

/** The slices of a run in the order in which its report lists findings: day by day, then balances. */
export function planSlices(period: Period, buckets: readonly string[]): Slice[] {
  const shares = Array.from({ length: Math.ceil(buckets.length / BUCKETS_PER_SLICE) }, (_, index) =>
    buckets.slice(index * BUCKETS_PER_SLICE, (index + 1) * BUCKETS_PER_SLICE),
  );
  const usage = daysOf(period).flatMap((day) =>
    shares.map((share): Slice => ({ id: `usage-${day}-${share[0]}`, kind: 'usage', buckets: share, day })),
  );
  return [
    ...usage,
    ...shares.map((share): Slice => ({ id: `balances-${share[0]}`, kind: 'balances', buckets: share })),
  ];
}

/** The period of a run whose last day is inclusive, as operators say it. */
export function periodOf(run: { readonly startDate: Day; readonly endDate: Day }): Period {
  return { start: run.startDate, end: addDays(run.endDate, 1) };
}
