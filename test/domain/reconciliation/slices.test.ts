import { expect, it } from 'vitest';
import { periodOf, planSlices } from '../../../domain/reconciliation/slices.ts';

const buckets = Array.from({ length: 10 }, (_, index) => String(index).padStart(2, '0'));

it('covers every bucket of every day once, and every bucket’s balances once', () => {
  const slices = planSlices({ start: '2026-02-27', end: '2026-03-02' }, buckets);
  const usage = slices.flatMap((slice) =>
    slice.kind === 'usage' ? slice.buckets.map((b) => `${slice.day} ${b}`) : [],
  );
  expect(usage).toEqual(['2026-02-27', '2026-02-28', '2026-03-01'].flatMap((day) => buckets.map((b) => `${day} ${b}`)));
  expect(slices.flatMap((slice) => (slice.kind === 'balances' ? slice.buckets : []))).toEqual(buckets);
  expect(new Set(slices.map(({ id }) => id)).size).toBe(slices.length);
});

it('gives balances, which are summed over years, a slice for each bucket', () => {
  const slices = planSlices({ start: '2026-02-27', end: '2026-02-28' }, buckets);
  expect(slices.filter(({ kind }) => kind === 'balances')).toHaveLength(buckets.length);
});

it('takes the last day of a run as included', () => {
  expect(periodOf({ startDate: '2026-10-01', endDate: '2026-10-31' })).toEqual({
    start: '2026-10-01',
    end: '2026-11-01',
  });
});
