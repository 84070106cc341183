import { expect, it } from 'vitest';
import { type Finding, findingIdentity, findingLine, findingOf } from '../../../domain/reconciliation/findings.ts';

const finding: Finding = {
  kind: 'misdated',
  account: 'customer:acme',
  asset: 'TOKEN',
  requestId: 'r',
  at: '2026-11-19T08:00:00.000Z',
  expected: 9_007_199_254_740_993n,
  actual: 9_007_199_254_740_993n,
  afar: true,
  transferIds: ['r'],
  evidence: [{ fingerprint: 'f', operation: 'chat', quantities: { units: 7n } }],
  detail: 'The charge counts elsewhere.',
};

it('has a wire form that is read without losing a digit', () => {
  const { expected: _, ...undetermined } = finding;
  for (const one of [finding, undetermined]) expect(findingOf(findingLine(one, 'id'))).toEqual(one);
});

it('is called the same in every run, a drifted balance whatever the time of the run', () => {
  const later = { ...finding, at: '2026-11-20T02:00:00.000Z' };
  expect(findingIdentity(later)).not.toBe(findingIdentity(finding));
  const drift = (run: Finding): Finding => ({ ...run, kind: 'balance-drift' });
  expect(findingIdentity(drift(later))).toBe(findingIdentity(drift(finding)));
});
