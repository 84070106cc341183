import { describe, expect, it } from 'vitest';
import { driftOf } from '../../../domain/reconciliation/balances.ts';

const AT = '2026-11-20T02:00:00.000Z';
const figures = { credits: 100n, debits: 30n, held: 0n, available: 80n };

describe('a strict balance', () => {
  it('agrees when its counters are the sums and its available amount follows from them', () => {
    expect(driftOf(figures, { credits: 100n, debits: 30n }, 10n, AT)).toBeUndefined();
  });

  it('has drifted when a counter is not the sum, even where the errors cancel in the balance', () => {
    const drift = driftOf(figures, { credits: 105n, debits: 35n }, 10n, AT);
    expect(drift).toMatchObject({ kind: 'balance-drift', expected: 70n, actual: 70n });
    expect(drift?.detail).toContain('credits 100 stored, 105 by transfers');
    expect(drift?.detail).toContain('debits 30 stored, 35 by transfers');
  });

  it('has drifted when only what is available is wrong', () => {
    const drift = driftOf(figures, { credits: 100n, debits: 30n }, 15n, AT);
    expect(drift?.detail).toBe(
      'The stored figures are not what the transfers come to: available 80 stored, 85 by transfers.',
    );
  });
});
