import { addDays, type Day, daysOf, type Instant, monthOf, type Period } from '../time.ts';

/** A piece of sealing or verifying that one worker does alone: some buckets of a day. */
export interface SealSlice {
  readonly id: string;
  readonly day: Day;
  readonly buckets: readonly SliceBucket[];
}

export interface SliceBucket {
  readonly bucket: string;
  /** The seal that holds for it; left out where there is none. */
  readonly sealed?: HoldingSeal;
}

export interface HoldingSeal {
  readonly sequence: number;
  readonly recordedUntil: Instant;
  /** SHA-256 of the seal's contents. */
  readonly contents: string;
}

/** Four of 64 buckets make 16 slices a day, as in reconciliations. */
const SLICE_BUCKETS = 4;

/**
 * Divides days into slices.
 * @param after the seal that all this follows: what is done after one is not done after another.
 * @param holding the seal that holds for a bucket's day.
 */
export function planSealSlices(
  days: readonly Day[],
  buckets: readonly string[],
  after: number,
  holding: (day: Day, bucket: string) => HoldingSeal | undefined,
): SealSlice[] {
  const shares = Array.from({ length: Math.ceil(buckets.length / SLICE_BUCKETS) }, (_, index) =>
    buckets.slice(index * SLICE_BUCKETS, (index + 1) * SLICE_BUCKETS),
  );
  return days.flatMap((day) =>
    shares.map((share) => ({
      id: `${day}-${share[0]}-after-${after}`,
      day,
      buckets: share.map((bucket) => {
        const sealed = holding(day, bucket);
        return sealed === undefined ? { bucket } : { bucket, sealed };
      }),
    })),
  );
}

/** Days that the daily seal seals anew: evidence and corrections come late. */
export const RESEALED_DAYS = 7;

/** Days that the weekly verification looks back on. */
export const VERIFIED_DAYS = 35;

/** The days of the seal that a schedule asks for on this day: the one before, and those before it once more. */
export function daysToSeal(today: Day): Day[] {
  return daysOf({ start: addDays(today, -1 - RESEALED_DAYS), end: today });
}

/**
 * Whether what is recorded today for a day comes too late for the daily seals: the next one begins with the day seven days
 * before today.
 */
export function isLate(day: Day, today: Day): boolean {
  return day < addDays(today, -RESEALED_DAYS);
}

/** Days that one daily seal adds for what came late; more than these wait for the next, those longest noted first. */
export const LATE_DAYS_MAX = 62;

/** Milliseconds after its recording at which a daily seal should hold a transfer, with half a day for one that was slow. */
export const SEALED_WITHIN_MS = 36 * 60 * 60_000;

const WEEK_MS = 7 * 24 * 60 * 60_000;

/**
 * The days of an older month that a weekly verification looks back on besides the last weeks: another one each week, and
 * all of them within twice as many weeks as there are months.
 * @param firstSealed the first day that was ever sealed.
 */
export function olderMonthToVerify(today: Day, firstSealed: Day | undefined): Day[] {
  const older = { start: firstSealed ?? today, end: periodToVerify(today).start };
  const months = [...Map.groupBy(daysOf(older), monthOf).values()];
  if (months.length === 0) return [];
  // Of a fixed length for years, so that the turns go through all months though these grow in number.
  let cycle = 1;
  while (cycle < months.length) cycle *= 2;
  const turn = Math.floor(Date.parse(today) / WEEK_MS) % cycle;
  return months[turn < months.length ? turn : turn - cycle / 2] ?? [];
}

/** The days of the verification that a schedule asks for on this day. */
export function periodToVerify(today: Day): Period {
  return { start: addDays(today, -VERIFIED_DAYS), end: today };
}

/**
 * Milliseconds before the start of a seal up to which it holds what was recorded. A transfer gets its time of recording
 * before it is written, by a function that lives 15 minutes at most (AWS limit); the rest is for clocks that differ and for
 * indexes that follow late. So nothing that a seal should hold is still on its way while it is read.
 */
export const SETTLING_MS = 20 * 60_000;
