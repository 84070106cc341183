import type { Random } from './random.ts';

/** What may go wrong in a run, and how often. Which kinds do is a part of what a failing run is shrunk by. */
export const FAULTS = {
  /** A call is refused for lack of throughput; of a transaction, as a reason of its cancellation. */
  throttled: 0.012,
  /** Another transaction has an item of this one at the moment. */
  conflict: 0.015,
  /** The transaction of this token is still under way. */
  'in-progress': 0.004,
  /** A server of DynamoDB fails and has done nothing. */
  'server-error': 0.004,
  /** A call never arrives, and nothing comes back. */
  'lost-request': 0.006,
  /** A call arrives, and its answer is lost. */
  'lost-answer': 0.012,
  /** A call arrives after whoever made it has given up. */
  'late-request': 0.003,
  /** The same of S3, after the attempts of the SDK; a run makes hundreds of these calls. */
  'object-fault': 0.001,
  'object-lost': 0.0005,
  'object-unanswered': 0.001,
  'object-crash': 0.0005,
  /** A call takes a second. */
  slow: 0.01,
  /** A function dies between two of its calls. Some make hundreds, so this has a rate of its own in every run. */
  crash: 0.003,
  /** A caller hangs up before the answer, while the function goes on. */
  'caller-gone': 0.01,
  /** Some items of many are not read. */
  unprocessed: 0.05,
  /** A message is delivered again although it was worked through. */
  'message-twice': 0.1,
  /** A message comes minutes late. */
  'message-late': 0.1,
  /** The clock of a function is wrong by seconds from its start on. */
  skew: 0.3,
  /** The clock of a function jumps by up to half a minute, forth or back. */
  'clock-jump': 0.002,
  /** Indexes and reads that are not consistent are up to two seconds behind. */
  stale: 1,
} as const;

export type Fault = keyof typeof FAULTS;
export const ALL_FAULTS = Object.keys(FAULTS) as Fault[];

/** Draws faults of the kinds that are on. */
export interface Chaos {
  strikes(fault: Fault): boolean;
  /** Nothing goes wrong from now on. */
  calm(): void;
  readonly random: Random;
}

/** Faults that end whatever is going on. */
const DEADLY: ReadonlySet<Fault> = new Set([
  'crash',
  'object-crash',
  'object-fault',
  'object-lost',
  'object-unanswered',
]);

/** @param rate how many times as often as usual. */
export function createChaos(random: Random, kinds: ReadonlySet<Fault>, rate: number): Chaos {
  let isCalm = false;
  return {
    // A number is drawn whether the kind is on or not, so that fewer kinds change as little as they can.
    strikes(fault) {
      const drawn = random.next() < FAULTS[fault] * (DEADLY.has(fault) ? 1 : rate);
      return drawn && !isCalm && kinds.has(fault);
    },
    calm() {
      isCalm = true;
    },
    random,
  };
}
