import { expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { checkChart, InvalidChartError } from '../../lib/chart-check.ts';

type Entry = (typeof chart)[number];
const [customer] = chart;

function check(shards: Entry['shards']): void {
  if (customer === undefined) throw new Error('The chart is empty.');
  checkChart([...chart, { ...customer, pattern: 'org:*', shards }]);
}

const change = (from: string, shards = 4) => ({ from, shards });

test.each<[string, Entry['shards']]>([
  ['one number', 4],
  ['a number that never changed', { first: 1, later: [] }],
  ['numbers in order of days', { first: 1, later: [change('2026-12-01', 4), change('2027-01-01', 8)] }],
])('takes %s', (_, shards) => {
  expect(() => check(shards)).not.toThrow();
});

test.each<[string, Entry['shards'], string]>([
  ['none', 0, 'must be whole numbers from 1 on, and 0 is none'],
  ['a part of one', 1.5, 'must be whole numbers from 1 on, and 1.5 is none'],
  ['none at first', { first: 0, later: [] }, 'must be whole numbers from 1 on, and 0 is none'],
  ['none later', { first: 1, later: [change('2026-12-01', -1)] }, 'and -1 is none'],
  ['a day that there is not', { first: 1, later: [change('2026-02-30')] }, '"2026-02-30" is none'],
  ['a time', { first: 1, later: [change('2026-12-01T00:00:00Z')] }, '"2026-12-01T00:00:00Z" is none'],
  ['a word', { first: 1, later: [change('tomorrow')] }, '"tomorrow" is none'],
  [
    'days out of order',
    { first: 1, later: [change('2026-12-02'), change('2026-12-01')] },
    'must change in order of days, and 2026-12-01 is not after 2026-12-02',
  ],
  ['a day twice', { first: 1, later: [change('2026-12-01'), change('2026-12-01')] }, 'is not after 2026-12-01'],
])('refuses %s, and names the pattern and the rule', (_, shards, rule) => {
  expect(() => check(shards)).toThrow(InvalidChartError);
  expect(() => check(shards)).toThrow(`The shards of "org:*"`);
  expect(() => check(shards)).toThrow(rule);
});
