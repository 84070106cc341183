import { describe, expect, test } from 'vitest';
import { scalingOf } from '../../bench/scaling.ts';

describe('the model of many workers', () => {
  test('multiplies one worker while the table gives what they read', () => {
    const scaled = scalingOf(60_000_000, { readUnits: 0.1, cpuSeconds: 1 / 10_000 });
    expect(scaled['pairs per second of a worker']).toBeCloseTo(10_000);
    expect(scaled['pairs per second of all']).toBeCloseTo(scaled.workers * 10_000);
    expect(scaled.minutes).toBeCloseTo(60_000_000 / (scaled.workers * 10_000) / 60);
  });

  test('ends where the table gives no more', () => {
    const scaled = scalingOf(60_000_000, { readUnits: 10, cpuSeconds: 1 / 10_000 });
    expect(scaled['pairs per second of all']).toBe(4_000);
    expect(scaled['workers that a table feeds']).toBeCloseTo(0.4);
  });
});
