import type { BalanceFigures } from '../accounts.ts';
import { type GrantState, NO_GRANTS } from '../grants.ts';
import type { Instant } from '../time.ts';
import type { Disagreement } from './findings.ts';

/** What the transfers of an account come to, in minor units. */
export interface TransferSums {
  readonly credits: bigint;
  readonly debits: bigint;
  /** What they leave of each grant, where that was asked: granted - burned + restored. */
  readonly grants?: GrantSums;
}

/** Minor units by the id of the grant. */
export type GrantSums = ReadonlyMap<string, bigint>;

export function addSums(a: TransferSums, b: TransferSums): TransferSums {
  const grants = a.grants && b.grants && addGrantSums(a.grants, b.grants);
  return { credits: a.credits + b.credits, debits: a.debits + b.debits, ...(grants !== undefined && { grants }) };
}

export function addGrantSums(a: GrantSums, b: GrantSums): GrantSums {
  const sums = new Map(a);
  for (const [grant, amount] of b) sums.set(grant, (sums.get(grant) ?? 0n) + amount);
  return sums;
}

/**
 * Compares a strict balance with the sum of its transfers and of its holds. What is available must be
 * credits - debits - held + credit limit.
 * @param held what the holds that have not ended come to, in minor units; 0 for an account that never had one.
 * @param grants what the account says is left of its grants; compared where the transfers were asked for them.
 * @returns undefined when they agree.
 */
export function driftOf(
  figures: BalanceFigures,
  sums: TransferSums,
  held: bigint,
  creditLimit: bigint,
  at: Instant,
  grants: GrantState = NO_GRANTS,
): Disagreement | undefined {
  const checks: [name: string, stored: bigint, summed: bigint, from: string][] = [
    ['credits', figures.credits, sums.credits, 'transfers'],
    ['debits', figures.debits, sums.debits, 'transfers'],
    ['held', figures.held, held, 'holds'],
    ['available', figures.available, sums.credits - sums.debits - held + creditLimit, 'transfers'],
    ...grantChecks(grants, sums.grants),
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
      .map(([name, stored, summed, from]) => `${name} ${stored} stored, ${summed} by ${from}`)
      .join('; ')}.`,
  };
}

function grantChecks({ grants }: GrantState, sums: GrantSums | undefined): [string, bigint, bigint, string][] {
  if (sums === undefined) return [];
  const stored = new Map(grants.map(({ id, remaining }) => [id, remaining]));
  const ids = new Set([...stored.keys(), ...sums.keys()]);
  return [...ids].map((id) => [`grant "${id}"`, stored.get(id) ?? 0n, sums.get(id) ?? 0n, 'transfers']);
}

export function sameFigures(a: BalanceFigures, b: BalanceFigures): boolean {
  return (
    a.credits === b.credits &&
    a.debits === b.debits &&
    a.held === b.held &&
    a.holdChanges === b.holdChanges &&
    a.available === b.available
  );
}
