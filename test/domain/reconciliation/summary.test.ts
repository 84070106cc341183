import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FINDING_KINDS, type Finding } from '../../../domain/reconciliation/findings.ts';
import { createCounter, type Summary } from '../../../domain/reconciliation/summary.ts';
import { summaryFromText, summaryToText } from '../../../domain/reconciliation/summary-text.ts';

describe('summaries of parts', () => {
  it('merge to the same in any grouping and order', () => {
    fc.assert(
      fc.property(parts(), parts(), parts(), (a, b, c) => {
        const [x, y, z] = [summaryOf(a), summaryOf(b), summaryOf(c)];
        const whole = merge([x, y, z]);
        expect(merge([merge([x, y]), z])).toEqual(whole);
        expect(merge([x, merge([y, z])])).toEqual(whole);
        expect(merge([z, x, y])).toEqual(whole);
        expect(merge([whole, merge([])])).toEqual(whole);
        expect(summaryOf([...a, ...b, ...c])).toEqual(whole);
      }),
    );
  });

  it('go to text and back without losing a digit', () => {
    fc.assert(
      fc.property(parts(), (part) => {
        const summary = summaryOf(part);
        expect(summaryFromText(summaryToText(summary))).toEqual(summary);
      }),
    );
  });
});

describe('totals', () => {
  it('keep the sign: what is over-charged and what is under-charged do not cancel', () => {
    const counter = createCounter();
    counter.finding(finding({ expected: 5n, actual: 8n }));
    counter.finding(finding({ expected: 9n, actual: 0n }));
    const { assets } = counter.result();
    expect(assets.TOKEN).toEqual({ expected: 14n, actual: 8n, overCharged: 3n, underCharged: 9n, undetermined: 0n });
  });

  it('leave a drifted balance out, which is no charge', () => {
    const counter = createCounter();
    counter.finding(finding({ kind: 'balance-drift', expected: 5n, actual: 8n }));
    const { assets, findings } = counter.result();
    expect(findings['balance-drift']).toBe(1);
    expect(assets.TOKEN).toEqual({ expected: 0n, actual: 0n, overCharged: 0n, underCharged: 0n, undetermined: 0n });
  });

  it('count a finding as what it is settled to be', () => {
    const [unexpected, misdated] = [finding({ kind: 'unexpected', expected: 0n }), finding({ kind: 'misdated' })];
    const settled = createCounter();
    settled.finding(finding({ expected: 5n, actual: 8n }));
    settled.finding(unexpected);
    settled.finding(misdated);
    settled.settled(unexpected, undefined);
    settled.settled(misdated, finding({ kind: 'conflicting-evidence' }));

    const counter = createCounter();
    counter.finding(finding({ expected: 5n, actual: 8n }));
    counter.finding(finding({ kind: 'conflicting-evidence' }));
    expect(settled.result()).toEqual(counter.result());
  });
});

it('counts an account that is affected on several days once', () => {
  const days = [summaryOf([finding({ account: 'customer:a' })]), summaryOf([finding({ account: 'customer:a' })])];
  expect(merge(days).accountsAffected).toEqual({ ids: ['customer:a'], more: false });
});

function merge(summaries: readonly Summary[]): Summary {
  const counter = createCounter();
  summaries.forEach(counter.add);
  return counter.result();
}

function summaryOf(findings: readonly Finding[]): Summary {
  const counter = createCounter();
  for (const found of findings) {
    counter.finding(found);
    counter.matches(found.asset, { pairs: 1, evidenceRows: 2, ledgerRows: 3, matched: found.actual });
    counter.count('accountsSeen');
  }
  return counter.result();
}

function finding(more: Partial<Finding>): Finding {
  return {
    kind: 'amount-mismatch',
    account: 'customer:acme',
    asset: 'TOKEN',
    requestId: 'r',
    at: '2026-11-19T08:00:00.000Z',
    actual: 0n,
    transferIds: [],
    evidence: [],
    detail: '',
    ...more,
  };
}

function parts(): fc.Arbitrary<Finding[]> {
  const amount = fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n });
  const one = fc
    .record({
      kind: fc.constantFrom(...FINDING_KINDS),
      account: fc.constantFrom('customer:a', 'customer:b', 'customer:c'),
      asset: fc.constantFrom('TOKEN', 'USD/6'),
      expected: fc.option(amount, { nil: undefined }),
      actual: amount,
      transferIds: fc.array(fc.constantFrom('t1', 't2', 't3'), { maxLength: 2 }),
    })
    .map(({ expected, ...rest }) => finding(expected === undefined ? rest : { ...rest, expected }));
  return fc.array(one, { maxLength: 5 });
}
