import { expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { checkChart } from '../../lib/chart-check.ts';

test('the chart of accounts breaks no rule', () => {
  expect(() => checkChart(chart)).not.toThrow();
});

test('every pattern is the first to fit some id', () => {
  for (const entry of chart) {
    const id = entry.pattern.replaceAll('**', 'any:thing').replaceAll('*', 'any');
    expect(chartEntryOf(chart, id)).toBe(entry);
  }
});
