import { expect, it } from 'vitest';
import {
  daysToSeal,
  isLate,
  olderMonthToVerify,
  periodToVerify,
  planSealSlices,
} from '../../../domain/seals/slices.ts';
import { addDays, monthOf } from '../../../domain/time.ts';

it('divides days into slices of four buckets, each with the seal that holds for it', () => {
  const seal = { sequence: 7, recordedUntil: '2026-11-19T03:40:00.000Z', contents: 'c' };
  const buckets = ['00', '01', '02', '03', '04'];
  const holding = (day: string, bucket: string) => (day === '2026-11-18' && bucket === '01' ? seal : undefined);
  expect(planSealSlices(['2026-11-18', '2026-11-19'], buckets, 7, holding)).toEqual([
    {
      id: '2026-11-18-00-after-7',
      day: '2026-11-18',
      buckets: [{ bucket: '00' }, { bucket: '01', sealed: seal }, { bucket: '02' }, { bucket: '03' }],
    },
    { id: '2026-11-18-04-after-7', day: '2026-11-18', buckets: [{ bucket: '04' }] },
    {
      id: '2026-11-19-00-after-7',
      day: '2026-11-19',
      buckets: ['00', '01', '02', '03'].map((bucket) => ({ bucket })),
    },
    { id: '2026-11-19-04-after-7', day: '2026-11-19', buckets: [{ bucket: '04' }] },
  ]);
});

it('seals the day before and seven more, and verifies five weeks', () => {
  const days = daysToSeal('2026-11-20');
  expect([days.length, days[0], days.at(-1)]).toEqual([8, '2026-11-12', '2026-11-19']);
  expect(periodToVerify('2026-11-20')).toEqual({ start: '2026-10-16', end: '2026-11-20' });
});

it('calls late what the next daily seal does not come to', () => {
  const next = daysToSeal('2026-11-21');
  expect(isLate(next[0] ?? '', '2026-11-20')).toBe(false);
  expect(isLate(addDays(next[0] ?? '', -1), '2026-11-20')).toBe(true);
});

it('looks back on every older month within twice as many weeks as there are months, however these grow in number', () => {
  expect(olderMonthToVerify('2026-11-20', undefined)).toEqual([]);
  expect(olderMonthToVerify('2026-11-20', '2026-10-16')).toEqual([]);
  expect(olderMonthToVerify('2026-11-20', '2026-10-14')).toEqual(['2026-10-14', '2026-10-15']);
  for (const start of ['2020-01-06', '2021-03-01', '2023-06-05']) {
    const seen = new Set<string>();
    for (let week = 0; week < 2 * 100; week += 1) {
      for (const day of olderMonthToVerify(addDays(start, week * 7), '2018-07-10')) seen.add(monthOf(day));
    }
    const older = (day: string) => day >= '2018-07' && day < monthOf(addDays(start, -35));
    const months = Array.from({ length: 96 }, (_, index) => monthOf(addDays('2018-07-15', Math.round(index * 30.44))));
    expect(months.filter(older).filter((month) => !seen.has(month))).toEqual([]);
  }
});
