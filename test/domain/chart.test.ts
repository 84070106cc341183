import { expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { ACCOUNT_ID_PATTERN } from '../../domain/ids.ts';

test('the first pattern that fits an account id holds', () => {
  expect(chartEntryOf(chart, 'customer:acme')?.balance).toBe('strict');
  expect(chartEntryOf(chart, 'platform:usage:llm')?.asset).toBe('USD/6');
  expect(chartEntryOf(chart, 'platform:revenue:usage')?.asset).toBe('TOKEN');
});

test('an id with more or fewer segments than the pattern does not fit', () => {
  expect(chartEntryOf(chart, 'customer:acme:team')).toBeUndefined();
  expect(chartEntryOf(chart, 'platform')).toBeUndefined();
  expect(chartEntryOf(chart, 'nobody:acme')).toBeUndefined();
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
