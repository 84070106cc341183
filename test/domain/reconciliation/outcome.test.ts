import { describe, expect, it } from 'vitest';
import { outcomeOf, percent, worstPercent } from '../../../domain/reconciliation/outcome.ts';
import { createCounter, type Summary } from '../../../domain/reconciliation/summary.ts';

const found = (expected: bigint, actual: bigint) =>
  ({
    kind: 'amount-mismatch',
    account: 'customer:acme',
    asset: 'TOKEN',
    at: '2026-11-19T08:00:00.000Z',
    expected,
    actual,
    transferIds: [],
    evidence: [],
    detail: '',
  }) as const;

function summary(...findings: ReturnType<typeof found>[]): Summary {
  const counter = createCounter();
  counter.matches('TOKEN', { pairs: 1, evidenceRows: 1, ledgerRows: 1, matched: 100n });
  for (const finding of findings) counter.finding(finding);
  return counter.result();
}

describe('the verdict', () => {
  it('is clean only when something was compared and nothing was found', () => {
    expect(outcomeOf(summary())).toMatchObject({
      verdict: 'clean',
      sentence: 'Reconciliation complete: 0 discrepancies found',
    });
  });

  it('is inconclusive when there was nothing to compare, however many accounts and balances there are', () => {
    const counter = createCounter();
    counter.count('accountsSeen', 1_000);
    counter.count('balancesChecked', 1_000);
    const { verdict, sentence } = outcomeOf(counter.result());
    expect(verdict).toBe('inconclusive');
    expect(sentence).not.toMatch(/complete|discrepanc/);
  });

  it('counts what was found', () => {
    expect(outcomeOf(summary(found(5n, 8n))).sentence).toBe('Reconciliation complete: 1 discrepancy found');
    const two = outcomeOf(summary(found(5n, 8n), found(5n, 8n)));
    expect(two).toMatchObject({ verdict: 'discrepancies', findings: 2 });
    expect(two.sentence).toBe('Reconciliation complete: 2 discrepancies found');
  });
});

describe('balances that moved too fast to be compared', () => {
  it('keep a run without findings from being clean', () => {
    const { verdict, sentence } = outcomeOf({ ...summary(), accountsTooBusy: 2 });
    expect(verdict).toBe('inconclusive');
    expect(sentence).toBe('Reconciliation inconclusive: nothing found, 2 balances moved too fast to be compared');
  });

  it('are told beside what was found', () => {
    const { verdict, sentence } = outcomeOf({ ...summary(found(5n, 8n)), accountsTooBusy: 1 });
    expect(verdict).toBe('discrepancies');
    expect(sentence).toBe('Reconciliation complete: 1 discrepancy found, 1 balance moved too fast to be compared');
  });
});

describe('a discrepancy in percent', () => {
  it.each([
    [0n, 100n, '0.00'],
    [1n, 100n, '1.00'],
    [-25n, 2_000n, '-1.25'],
    [1n, 10n ** 20n, '0.01'],
    [-1n, 10n ** 20n, '-0.01'],
    [300n, 100n, '300.00'],
    [5n, 0n, '100.00'],
    [-5n, 0n, '-100.00'],
    [0n, 0n, '0.00'],
  ])('%d of %d is %s', (part, whole, text) => {
    expect(percent(part, whole)).toBe(text);
  });

  it('does not vanish for the alarm when over- and under-charges cancel', () => {
    const cancelled = summary(found(50n, 60n), found(50n, 40n));
    expect(outcomeOf(cancelled).totals).toMatchObject([{ discrepancy: '0', discrepancyPercent: '0.00' }]);
    expect(worstPercent(cancelled)).toBe(10);
    expect(worstPercent(createCounter().result())).toBe(0);
  });
});
