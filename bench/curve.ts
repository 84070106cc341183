import { percentile } from './figures.ts';
import { latenciesOf } from './load.ts';

/** What came of work that arrived at some rate. */
export interface Point {
  /** Pieces a second that arrived, and that were done. */
  readonly offered: number;
  readonly done: number;
  /** Milliseconds from arrival, of what was done. */
  readonly p50: number;
  readonly p99: number;
}

export interface Curve<Piece> {
  /** Pieces a second, growing. */
  readonly rates: readonly number[];
  readonly seconds: number;
  /** How many pieces may be under way at once; beyond it they wait, and the wait is in their latency. */
  readonly atOnceMax: number;
  /** The pieces of one rate. */
  readonly workOf: (rate: number, count: number) => readonly Piece[];
  /** Rejects for a piece that was not done, as an overloaded service has them. */
  readonly perform: (piece: Piece) => Promise<unknown>;
}

/** Open loop at a growing rate: whoever waits for answers before sending more would never see a service overloaded. */
export async function growing<Piece>({
  rates,
  seconds,
  atOnceMax,
  workOf,
  perform,
}: Curve<Piece>): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const offered of rates) {
    const work = workOf(offered, Math.ceil(offered * seconds));
    const startedAt = performance.now();
    const { latencies } = await latenciesOf(work, { perSecond: offered, atOnceMax }, perform);
    const took = Math.max(seconds, (performance.now() - startedAt) / 1000);
    const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
    points.push({ offered, done: latencies.length / took, p50, p99 });
  }
  return points;
}

/** @param each what one piece counts for: a batch is many charges. */
export function curveDetails(points: readonly Point[], each = 1): Record<string, number> {
  return Object.fromEntries(
    points.flatMap(({ offered, done, p50, p99 }) => {
      const at = `at ${(offered * each).toLocaleString('en')}/s`;
      return [
        [`${at}: done/s`, done * each],
        [`${at}: p50 ms`, p50],
        [`${at}: p99 ms`, p99],
      ];
    }),
  );
}

/** The most that was done in a second, whatever was offered. */
export function most(points: readonly Point[], each = 1): number {
  return Math.max(...points.map(({ done }) => done * each));
}
