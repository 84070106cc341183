import { ALL_FAULTS } from './chaos.ts';
import type { Outcome, RunOptions } from './run.ts';

/** What a person needs of a run that broke an invariant: which one, how to see it again, and what came before. */
export function describeViolation(options: RunOptions, { operations, violation, digest }: Outcome): string {
  if (violation === undefined) throw new TypeError('There is no violation.');
  return [
    `Violated in seed ${options.seed} after ${operations} operations: ${violation.message}`,
    'The last that happened:',
    ...violation.last.map((line) => `  ${line}`),
    `Digest ${digest}`,
    `Again: ${replayOf(options)}`,
  ].join('\n');
}

export function replayOf({ seed, operations, faults }: RunOptions): string {
  const kinds =
    faults === undefined || faults.length === ALL_FAULTS.length ? '' : ` --faults ${faults.join(',') || 'none'}`;
  return `npm run simulate -- --seed ${seed} --operations ${operations}${kinds}`;
}
