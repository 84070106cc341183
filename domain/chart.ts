import type { Asset } from './money.ts';

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
  readonly shards: number;
  /** The rate card that prices this account's usage; absent where nothing is charged. */
  readonly rateCard?: string;
}

export type Chart = readonly ChartEntry[];

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
