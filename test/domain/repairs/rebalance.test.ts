import { describe, expect, it } from 'vitest';
import { planRebalance, rebalanceStanding, rollBackRebalance } from '../../../domain/repairs/rebalance.ts';
import type { RebalanceStep } from '../../../domain/repairs/steps.ts';
import { planTotals } from '../../../domain/repairs/totals.ts';
import { digest } from './world.ts';

const found = {
  id: 'f',
  finding: {
    kind: 'balance-drift',
    account: 'customer:acme',
    asset: 'TOKEN',
    at: '2026-11-20T02:00:00.000Z',
    actual: 0n,
    transferIds: [],
    evidence: [],
    detail: 'It drifted.',
  },
} as const;
const drifted = { credits: 1000n, debits: 416n, held: 10n, available: 574n };
const right = { credits: 1000n, debits: 861n, held: 10n, available: 129n };
const sums = { credits: 1000n, debits: 861n };
const terms = { kinds: new Set(['rebalance'] as const), decisions: new Map(), digest };

describe('a drifted balance', () => {
  it('is set to what its transfers and holds come to, if it is still what was seen', () => {
    const step = planned();
    expect(step).toMatchObject({ kind: 'rebalance', from: drifted, to: right });
    expect(rebalanceStanding(step, { figures: drifted })).toBe('ready');
    expect(rebalanceStanding(step, { figures: { ...drifted, debits: 417n } })).toBe('stale');
    expect(rebalanceStanding(step, { figures: right, rebalancedBy: step.id })).toBe('already-posted');
  });

  it('is left when it agrees, when it is not asked for, and when a person says so', () => {
    const facts = { figures: right, sums, held: 10n, creditLimit: 0n };
    expect(planRebalance(found, facts, terms)).toMatchObject({
      steps: [],
      left: [{ reason: 'It is repaired already.' }],
    });
    const wrong = { ...facts, figures: drifted };
    expect(planRebalance(found, wrong, { ...terms, kinds: new Set() }).steps).toEqual([]);
    const leave = new Map([['f', { kind: 'leave' } as const]]);
    expect(planRebalance(found, wrong, { ...terms, decisions: leave }).steps).toEqual([]);
  });

  it('counts towards what an approval is asked for by the figure that changes most', () => {
    expect(planTotals([planned()])).toMatchObject({
      assets: [{ rebalanced: 445n, charged: 0n }],
      steps: { rebalance: 1 },
    });
  });
});

describe('its rollback', () => {
  it('sets the difference back on top of what has moved since', () => {
    const step = planned();
    const moved = { ...right, debits: 900n, available: 90n };
    expect(rollBackRebalance(step, { figures: moved, rebalancedBy: step.id }, digest)).toMatchObject({
      from: moved,
      to: { credits: 1000n, debits: 455n, held: 10n, available: 535n },
    });
  });

  it('is refused when another repair has set the balance since', () => {
    expect(rollBackRebalance(planned(), { figures: right, rebalancedBy: 'another' }, digest)).toContain(
      'Another repair',
    );
  });

  it('leaves a drift that another step answers, under another id', () => {
    const step = planned();
    const back = rollBackRebalance(step, { figures: right, rebalancedBy: step.id }, digest) as RebalanceStep;
    const again = planned(back.id);
    expect(back.to).toEqual(drifted);
    expect(new Set([step.id, back.id, again.id]).size).toBe(3);
  });
});

function planned(rebalancedBy?: string): RebalanceStep {
  const stored = { figures: drifted, ...(rebalancedBy !== undefined && { rebalancedBy }) };
  const { steps } = planRebalance(found, { ...stored, sums, held: 10n, creditLimit: 0n }, terms);
  const [step] = steps;
  if (step?.kind !== 'rebalance') throw new Error('There is no step.');
  return step;
}
