import type { chart } from '../config/chart.ts';

type Chart = typeof chart;
type Shards = Chart[number]['shards'];

/**
 * Checks what the type of the chart of accounts cannot say, before anything is synthesized that would run by it.
 * @throws InvalidChartError naming the first pattern that breaks a rule, the rule, and what to do.
 */
export function checkChart(entries: Chart): void {
  for (const { pattern, shards } of entries) {
    const rule = brokenRuleOf(shards);
    if (rule !== undefined) throw new InvalidChartError(`The shards of "${pattern}" ${rule}. Correct config/chart.ts.`);
  }
}

/** The chart of accounts cannot be used as it is. */
export class InvalidChartError extends Error {
  override name = 'InvalidChartError';
}

function brokenRuleOf(shards: Shards): string | undefined {
  const { first, later } = typeof shards === 'number' ? { first: shards, later: [] } : shards;
  const counts = [first, ...later.map((change) => change.shards)];
  const notACount = counts.find((count) => !Number.isInteger(count) || count < 1);
  if (notACount !== undefined) return `must be whole numbers from 1 on, and ${notACount} is none`;
  const days = later.map(({ from }) => from);
  const notADay = days.find((day) => !isDay(day));
  if (notADay !== undefined) return `must change on calendar days such as "2026-12-01", and "${notADay}" is none`;
  const misplaced = days.findIndex((day, index) => index > 0 && day <= (days[index - 1] ?? ''));
  return misplaced === -1
    ? undefined
    : `must change in order of days, and ${days[misplaced]} is not after ${days[misplaced - 1]}`;
}

function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
