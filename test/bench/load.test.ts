import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { curveDetails, growing, most } from '../../bench/curve.ts';
import { latenciesOf } from '../../bench/load.ts';

describe('open loop', () => {
  test('counts the time that work waits for its turn, from when it arrived', async () => {
    const pieces = Array.from({ length: 5 }, (_, index) => index);
    const { latencies } = await latenciesOf(pieces, { perSecond: 1000, atOnceMax: 1 }, () => delay(30));
    // All arrived within 5 ms, and one after the other took 30 ms each.
    expect(Math.max(...latencies)).toBeGreaterThan(100);
  });

  test('goes on after work that failed, and does not take it for done', async () => {
    const { latencies, failed, missed } = await latenciesOf(
      [1, 2, 3, 4],
      { perSecond: 1000, atOnceMax: 2 },
      async (piece) => {
        if (piece % 2 === 0) throw new Error('refused');
      },
    );
    expect({ done: latencies.length, failed, missed }).toEqual({ done: 2, failed: 2, missed: 0 });
  });
});

describe('a curve', () => {
  test('has a point for each rate, of work that was made for it', async () => {
    const made: [number, number][] = [];
    const points = await growing({
      rates: [50, 100],
      seconds: 0.1,
      atOnceMax: 8,
      workOf: (rate, count) => {
        made.push([rate, count]);
        return Array.from({ length: count }, () => rate);
      },
      perform: async () => undefined,
    });
    expect(made).toEqual([
      [50, 5],
      [100, 10],
    ]);
    expect(points.map(({ offered }) => offered)).toEqual([50, 100]);
    for (const { offered, done } of points) expect(done).toBeLessThanOrEqual(offered);
  });

  test('tells pieces that are batches by what is in them', () => {
    const points = [{ offered: 4, done: 3, p50: 10, p99: 20 }];
    expect(most(points, 100)).toBe(300);
    expect(curveDetails(points, 100)).toEqual({
      'at 400/s: done/s': 300,
      'at 400/s: p50 ms': 10,
      'at 400/s: p99 ms': 20,
    });
  });
});
