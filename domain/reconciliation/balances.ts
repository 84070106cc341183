import type { BalanceFigures } from '../accounts.ts';
import type { Instant } from '../time.ts';
import type { Disagreement } from './findings.ts';

/** What the transfers of an account come to, in minor units. */
export interface TransferSums {
  readonly credits: bigint;
  readonly debits: bigint;
}

export function addSums(a: TransferSums, b: TransferSums): TransferSums {
  return { credits: a.credits + b.credits, debits: a.debits + b.debits };
}

/**
 * Compares a strict balance with the sum of its transfers. What is available must be credits - debits - held + credit limit.
 * @returns undefined when they agree.
 */
export function driftOf(
  figures: BalanceFigures,
  sums: TransferSums,
  creditLimit: bigint,
  at: Instant,
): Disagreement | undefined {
  const checks: [name: string, stored: bigint, summed: bigint][] = [
    ['credits', figures.credits, sums.credits],
    ['debits', figures.debits, sums.debits],
    ['available', figures.available, sums.credits - sums.debits - figures.held + creditLimit],
  ];
  const wrong = checks.filter(([, stored, summed]) => stored !== summed);
  if (wrong.length === 0) return undefined;
  return {
    kind: 'balance-drift',
    at,
    expected: sums.credits - sums.debits,
    actual: figures.credits - figures.debits,
    transferIds: [],
    evidence: [],
    detail: `The stored figures are not what the transfers come to: ${wrong
      .map(([name, stored, summed]) => `${name} ${stored} stored, ${summed} by transfers`)
      .join('; ')}.`,
  };
}

export function sameFigures(a: BalanceFigures, b: BalanceFigures): boolean {
  return a.credits === b.credits && a.debits === b.debits && a.held === b.held && a.available === b.available;
}
