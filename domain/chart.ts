import type { Asset } from './money.ts';
import type { Day } from './time.ts';

/**
 * The chart of accounts: what an account is, told by its id alone. It is configuration and not data, so the write path
 * knows an account's asset and kind of balance without reading anything first.
 */
export interface ChartEntry {
  /** Segments of an account id; `*` stands for one segment, a last `**` for one or more: `customer:*`, `platform:**`. */
  readonly pattern: string;
  readonly asset: Asset;
  /**
   * `strict`: the balance is an item, updated with every transfer, and a limit holds it. `derived`: the balance is the
   * sum of transfers and there is no item that could become hot.
   */
  readonly balance: 'strict' | 'derived';
  /** Platform accounts appear in an index only for transfers between two of them, so a charge pays for one index entry. */
  readonly party: 'customer' | 'platform';
  /** Over how many partitions a day of this account's transfers and usage is spread. 1,000 writes a second each (AWS limit). */
  readonly shards: Shards;
  /**
   * What becomes of a capture of more than is held: `refuse` (the default), or `charge` the excess while funds allow.
   * Strict accounts only; others have no holds.
   */
  readonly overCapture?: OverCapture;
  /** The rate card that prices this account's usage; absent where nothing is charged. */
  readonly rateCard?: string;
  /** The account that what expires of grants goes to; without one, grants to this account do not expire. */
  readonly breakage?: string;
}

export type OverCapture = 'refuse' | 'charge';

export type Chart = readonly ChartEntry[];

/**
 * A number of partitions, or one that changes from a day on. The day that something counts on decides, and not the day
 * that it is written on: so whatever comes late finds the partitions of its day, and a day has one number for ever.
 */
export type Shards =
  | number
  | { readonly first: number; readonly later: readonly { readonly from: Day; readonly shards: number }[] };

/** Over how many partitions this day of an account is spread. */
export function shardsOn({ shards }: Pick<ChartEntry, 'shards'>, day: Day): number {
  if (typeof shards === 'number') return shards;
  return shards.later.findLast(({ from }) => from <= day)?.shards ?? shards.first;
}

/** The first entry whose pattern fits; undefined for an id that the chart does not know. */
export function chartEntryOf(chart: Chart, accountId: string): ChartEntry | undefined {
  const segments = accountId.split(':');
  return chart.find((entry) => fits(entry.pattern.split(':'), segments));
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === '**';
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((part, index) => part === '*' || part === '**' || part === segments[index]);
}
