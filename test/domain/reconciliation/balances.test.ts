import { describe, expect, it } from 'vitest';
import { driftOf } from '../../../domain/reconciliation/balances.ts';

const AT = '2026-11-20T02:00:00.000Z';
const figures = { credits: 100n, debits: 30n, held: 0n, available: 80n };

describe('a strict balance', () => {
  it('agrees when its counters are the sums and its available amount follows from them', () => {
    expect(driftOf(figures, { credits: 100n, debits: 30n }, 0n, 10n, AT)).toBeUndefined();
  });

  it('has drifted when a counter is not the sum, even where the errors cancel in the balance', () => {
    const drift = driftOf(figures, { credits: 105n, debits: 35n }, 0n, 10n, AT);
    expect(drift).toMatchObject({ kind: 'balance-drift', expected: 70n, actual: 70n });
    expect(drift?.detail).toContain('credits 100 stored, 105 by transfers');
    expect(drift?.detail).toContain('debits 30 stored, 35 by transfers');
  });

  it('has drifted when what is held is not what its holds come to', () => {
    const drift = driftOf({ ...figures, held: 5n, available: 75n }, { credits: 100n, debits: 30n }, 3n, 10n, AT);
    expect(drift?.detail).toBe(
      'The stored figures are not what the transfers come to: held 5 stored, 3 by holds; available 75 stored, 77 by transfers.',
    );
  });

  it('has drifted when only what is available is wrong', () => {
    const drift = driftOf(figures, { credits: 100n, debits: 30n }, 0n, 15n, AT);
    expect(drift?.detail).toBe(
      'The stored figures are not what the transfers come to: available 80 stored, 85 by transfers.',
    );
  });

  it('has drifted when what is left of a grant is not what its transfers leave, and names it', () => {
    const left = (id: string, remaining: bigint) => ({ id, remaining, priority: 100n, at: AT });
    const grants = { shape: 2n, grants: [left('a', 5n), left('b', 2n)] };
    const sums = (a: bigint, c: bigint) => {
      const summed = new Map([
        ['a', a],
        ['b', 2n],
        ['c', c],
      ]);
      return { credits: 100n, debits: 30n, grants: summed };
    };
    expect(driftOf(figures, sums(5n, 0n), 0n, 10n, AT, grants)).toBeUndefined();
    expect(driftOf(figures, sums(4n, 1n), 0n, 10n, AT, grants)?.detail).toBe(
      'The stored figures are not what the transfers come to: grant "a" 5 stored, 4 by transfers; grant "c" 0 stored, 1 by transfers.',
    );
  });
});
