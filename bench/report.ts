import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, relative } from 'node:path';
import { table } from '../cli/format.ts';
import { type Figure, isMet } from './figures.ts';

export function printFigures(figures: readonly Figure[]): void {
  const rows = figures.map((figure) => [figure.name, measuredText(figure), targetText(figure), metText(figure)]);
  console.log(table(['figure', 'measured', 'target', 'met'], rows, [1, 2]));
  for (const { name, note, details } of figures) {
    const parts = Object.entries(details ?? {}).map(([part, value]) => `${part} ${formatNumber(value)}`);
    if (note !== undefined || parts.length > 0) console.log(`\n${name}`);
    if (note !== undefined) console.log(`  ${note}`);
    if (parts.length > 0) console.log(`  ${parts.join(', ')}`);
  }
}

/** Writes bench/results/latest.json. @returns its path from here. */
export function writeResults(
  figures: readonly Figure[],
  run: { readonly date: string; readonly seconds: number },
): string {
  const file = join(import.meta.dirname, 'results', 'latest.json');
  mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
  const machine = { node: process.version, cpus: availableParallelism(), cpuModel: cpus()[0]?.model ?? 'unknown' };
  const results = { ...run, ...machine, figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })) };
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  return relative(process.cwd(), file);
}

function measuredText({ measured, unit = '' }: Figure): string {
  return `${formatNumber(measured)} ${unit}`.trim();
}

function targetText({ target }: Figure): string {
  if (target === undefined) return '';
  return 'atMost' in target ? `at most ${formatNumber(target.atMost)}` : `at least ${formatNumber(target.atLeast)}`;
}

function metText(figure: Figure): string {
  const met = isMet(figure);
  if (met === undefined) return '';
  return met ? 'yes' : 'NO';
}

/** Three digits that count, and thousands apart. */
function formatNumber(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}
