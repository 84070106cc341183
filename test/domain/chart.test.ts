import { expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf, shardsOn } from '../../domain/chart.ts';
import { ACCOUNT_ID_PATTERN } from '../../domain/ids.ts';

test('the first pattern that fits an account id holds', () => {
  expect(chartEntryOf(chart, 'customer:acme')?.balance).toBe('strict');
  expect(chartEntryOf(chart, 'platform:usage:llm')?.asset).toBe('USD/6');
  expect(chartEntryOf(chart, 'platform:revenue:usage')?.asset).toBe('TOKEN');
});

test('an id with more or fewer segments than the pattern does not fit', () => {
  expect(chartEntryOf(chart, 'merchant:acme:team')).toBeUndefined();
  expect(chartEntryOf(chart, 'platform')).toBeUndefined();
  expect(chartEntryOf(chart, 'nobody:acme')).toBeUndefined();
});

test('what is below a customer is an account like the customer', () => {
  const { pattern: _, ...customer } = chartEntryOf(chart, 'customer:acme') ?? expect.fail('There is no customer.');
  expect(chartEntryOf(chart, 'customer:acme:team-1')).toMatchObject(customer);
  expect(chartEntryOf(chart, 'customer:acme:team-1:batch:night')).toMatchObject(customer);
});

test('the shards of a day are those that hold from the last change before it on', () => {
  expect(shardsOn({ shards: 3 }, '2026-11-20')).toBe(3);
  const later = [
    { from: '2026-11-20', shards: 4 },
    { from: '2026-12-01', shards: 8 },
  ];
  const on = (day: string) => shardsOn({ shards: { first: 1, later } }, day);
  expect(['2000-01-01', '2026-11-19'].map(on)).toEqual([1, 1]);
  expect(['2026-11-20', '2026-11-30'].map(on)).toEqual([4, 4]);
  expect(['2026-12-01', '2999-12-31'].map(on)).toEqual([8, 8]);
});

test.each([
  'customer',
  'Customer:acme',
  'customer:',
  'customer:a#b',
  'customer:a b',
  `customer:${'a'.repeat(64)}`,
  'a:b:c:d:e:f:g:h:i',
])('refuses the account id %s', (id) => {
  expect(ACCOUNT_ID_PATTERN.test(id)).toBe(false);
});
