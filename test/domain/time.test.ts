import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDays, daysOf, parseDay, parseInstant, weekOf } from '../../domain/time.ts';

describe('parseInstant', () => {
  test.each([
    ['2026-11-20T08:15:30Z', '2026-11-20T08:15:30.000Z'],
    ['2026-11-20T08:15:30.1239999Z', '2026-11-20T08:15:30.123Z'],
    ['2026-11-20T01:15:30+02:00', '2026-11-19T23:15:30.000Z'],
    ['2026-11-20t08:15:30z', '2026-11-20T08:15:30.000Z'],
  ])('reads %s', (text, expected) => {
    expect(parseInstant(text)).toBe(expected);
  });

  test.each([
    '2026-02-30T00:00:00Z',
    '2026-11-20',
    '2026-11-20T08:15:30',
    '2026-11-20 08:15:30Z',
    '1999-12-31T23:59:59Z',
    'now',
    '2026-11-20T25:00:00Z',
    '2026-11-20T08:15:60Z',
  ])('refuses %s', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  test('takes a time without an offset as UTC where the file says so', () => {
    expect(parseInstant('2023-11-16 18:17:03.9799600', 'utc')).toBe('2023-11-16T18:17:03.979Z');
  });

  test('gives text whose order is the order of time', () => {
    const date = fc.date({
      min: new Date('2000-01-01T00:00:00Z'),
      max: new Date('2999-12-31T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, date, (a, b) => {
        const [left, right] = [parseInstant(a.toISOString()) ?? '', parseInstant(b.toISOString()) ?? ''];
        return left < right === a.getTime() < b.getTime();
      }),
    );
  });
});

test('knows which days exist', () => {
  expect(parseDay('2024-02-29')).toBe('2024-02-29');
  expect(parseDay('2023-02-29')).toBeUndefined();
});

test('counts the days of a half-open period', () => {
  expect(daysOf({ start: '2026-02-27', end: '2026-03-02' })).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
  expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
});

describe('weeks', () => {
  test.each([
    ['2026-11-16', '2026-W47'],
    ['2026-11-22', '2026-W47'],
    ['2026-11-23', '2026-W48'],
    ['2026-01-01', '2026-W01'],
    ['2027-01-03', '2026-W53'],
    ['2024-12-30', '2025-W01'],
  ])('has %s in the ISO week %s', (day, week) => {
    expect(weekOf(day)).toBe(week);
  });
});
