import { describe, expect, it } from 'vitest';
import type { Decision, RepairKind } from '../../../domain/repairs/decisions.ts';
import { parseDecision } from '../../../domain/repairs/decisions.ts';
import type { Found } from '../../../domain/repairs/plan.ts';
import { isRepairId, type Step } from '../../../domain/repairs/steps.ts';
import { addMilliseconds } from '../../../domain/time.ts';
import { ACCOUNT, evidenceAt } from '../reconciliation/in-memory-books.ts';
import { PERIOD } from './stories.ts';
import { apply, CARD, chargeOf, correctionOf, findings, plan, REVENUE, type World } from './world.ts';

const NOON = '2026-11-17T12:00:00.000Z';
const LATER = '2026-11-17T13:00:00.000Z';
const charge = chargeOf(NOON, 'r', 5n);
const again = { ...charge, id: 'again', recordedAt: LATER };

describe('a missing charge', () => {
  it('is posted under the request’s own id, at the time of the evidence and by its price', async () => {
    const { steps } = await planned({ evidence: [evidenceAt(NOON, 'r', 5n)] });
    expect(steps).toMatchObject([{ kind: 'charge', id: 'r', requestId: 'r' }]);
    expect(transferOf(steps[0])).toEqual({
      id: 'r',
      kind: 'charge',
      debit: ACCOUNT,
      credit: REVENUE,
      asset: 'TOKEN',
      amount: 5n,
      effectiveAt: NOON,
      requestId: 'r',
      operation: 'chat',
      quantities: { units: 5n },
      rateCard: CARD,
    });
  });

  it.each([
    ['no price', { evidence: [evidenceAt(NOON, 'r', 5n, 'secret')] }, 'Publish'],
    ['no account', { evidence: [evidenceAt(NOON, 'r', 5n)], opened: false }, 'open it'],
    [
      'an id that is taken',
      { evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [{ ...charge, debit: 'customer:other' }] },
      'decide that the evidence holds',
    ],
    [
      'a charge that somebody reversed',
      { evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [charge, correctionOf(charge, 'undo', -5n)] },
      'by hand',
    ],
  ])('is left for a person where there is %s', async (_, world, words) => {
    const { steps, left } = await planned(world);
    expect(steps).toEqual([]);
    expect(left).toMatchObject([{ reason: expect.stringContaining(words) }]);
  });

  it('is posted under another id when a person decides that its evidence holds', async () => {
    const evidence = [evidenceAt(NOON, 'r', 5n)];
    const { steps } = await planned(
      { evidence, transfers: [{ ...charge, debit: 'customer:other' }] },
      'evidence:chat-5',
    );
    expect(steps).toHaveLength(1);
    expect(isRepairId(steps[0]?.id ?? '')).toBe(true);
  });
});

describe('duplicates', () => {
  it('are reversed but for the first that was recorded', async () => {
    const transfers = [{ ...charge, recordedAt: addMilliseconds(LATER, 1) }, again];
    const { steps } = await planned({ evidence: [evidenceAt(NOON, 'r', 5n)], transfers });
    expect(steps).toMatchObject([{ kind: 'reversal', transfer: { corrects: 'r', amount: 5n, effectiveAt: NOON } }]);
  });

  it('leave a wrong amount of the first to another repair, unless that is asked for too', async () => {
    const world = { evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [{ ...charge, amount: 3n }, again] };
    const alone = await planned(world, undefined, ['dedupe']);
    expect(alone.steps).toMatchObject([{ kind: 'reversal', transfer: { corrects: 'again', amount: 5n } }]);
    const both = await planned(world, undefined, ['dedupe', 'recalculate']);
    expect(both.steps).toMatchObject([
      { kind: 'reversal', transfer: { corrects: 'again', amount: 5n } },
      { kind: 'transfer', transfer: { corrects: 'r', amount: 2n, debit: ACCOUNT, credit: REVENUE } },
    ]);
    expect(new Set(both.steps.map((step) => 'linked' in step && step.linked)).size).toBe(1);
  });

  it('are reversed by no more than remains, and what corrections added is given back by another', async () => {
    const transfers = [charge, again, correctionOf(again, 'more', 2n)];
    const { steps } = await planned({ evidence: [evidenceAt(NOON, 'r', 5n)], transfers });
    expect(steps).toMatchObject([
      { kind: 'reversal', transfer: { corrects: 'again', amount: 5n, credit: ACCOUNT } },
      { kind: 'transfer', transfer: { corrects: 'again', amount: 2n, credit: ACCOUNT } },
    ]);
  });
});

describe('a misdated charge', () => {
  it('is reversed at its time and posted at the time of the evidence, both or neither', async () => {
    const late = { ...charge, effectiveAt: LATER, key: '0123456789abcdef' };
    const { steps } = await planned({ evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [late] });
    expect(steps).toMatchObject([
      { kind: 'reversal', transfer: { corrects: 'r', amount: 5n, effectiveAt: LATER, key: '0123456789abcdef' } },
      { kind: 'charge', transfer: { amount: 5n, effectiveAt: NOON } },
    ]);
    expect(steps.map((step) => 'linked' in step && step.linked)).toEqual([steps[0]?.id, steps[0]?.id]);
    expect(steps[1]?.id).not.toBe('r');
  });
});

describe('a decision', () => {
  it('for one of two contradicting pieces of evidence overrules the other and brings the charge to its price', async () => {
    const world = { evidence: [evidenceAt(NOON, 'r', 5n), evidenceAt(NOON, 'r', 7n)], transfers: [charge] };
    const { steps } = await planned(world, 'evidence:chat-7');
    expect(steps).toMatchObject([
      { kind: 'ruling', at: NOON, ruling: { number: 1, overrules: ['chat-5'] } },
      { kind: 'transfer', transfer: { amount: 2n, corrects: 'r' } },
    ]);
  });

  it('for evidence at one of two times overrules that at the other and moves the charge', async () => {
    const world = { evidence: [evidenceAt(NOON, 'r', 5n), evidenceAt(LATER, 'r', 7n)], transfers: [charge] };
    const { steps } = await planned(world, 'evidence:chat-7');
    expect(steps).toMatchObject([
      { kind: 'ruling', at: NOON, ruling: { overrules: ['chat-5'] } },
      { kind: 'reversal', transfer: { corrects: 'r', amount: 5n, effectiveAt: NOON } },
      { kind: 'charge', transfer: { amount: 7n, effectiveAt: LATER } },
    ]);
  });

  it('must name a time where the same evidence stands at several', async () => {
    const world = { evidence: [evidenceAt(NOON, 'r', 5n), evidenceAt(LATER, 'r', 5n)], transfers: [charge] };
    const { left } = await planned(world, 'evidence:chat-5');
    expect(left).toMatchObject([{ reason: expect.stringContaining(`evidence:chat-5@${NOON} or evidence:chat-5@`) }]);
    const { steps } = await planned(world, `evidence:chat-5@${NOON}`);
    expect(steps).toMatchObject([{ kind: 'ruling', at: LATER, ruling: { overrules: ['chat-5'] } }]);
  });

  it('to reverse takes back what is unexpected, and only that', async () => {
    const unexpected = await planned({ transfers: [charge] }, 'reverse');
    expect(unexpected.steps).toMatchObject([{ kind: 'reversal', transfer: { corrects: 'r', amount: 5n } }]);
    const missing = await planned({ evidence: [evidenceAt(NOON, 'r', 5n)] }, 'reverse');
    expect(missing).toMatchObject({ steps: [], left: [{ reason: expect.stringContaining('for what is unexpected') }] });
  });

  it('to reverse what was given back at another time charges it again there', async () => {
    const transfers = [charge, correctionOf(charge, 'undo', -5n, LATER)];
    const { steps } = await planned({ evidence: [evidenceAt(NOON, 'r', 5n)], transfers }, 'reverse');
    expect(steps).toMatchObject([
      { kind: 'transfer', transfer: { corrects: 'r', amount: 5n, effectiveAt: LATER, debit: ACCOUNT } },
    ]);
  });

  it('is followed only where decisions are asked for', async () => {
    const { steps, left } = await planned({ transfers: [charge] }, 'reverse', ['dedupe']);
    expect(steps).toEqual([]);
    expect(left).toMatchObject([{ reason: 'It was not asked for; "decide" answers it.' }]);
  });

  it.each([
    ['reverse', { kind: 'reverse' }],
    ['leave', { kind: 'leave' }],
    ['evidence:0123456789abcdef', { kind: 'evidence', fingerprint: '0123456789abcdef' }],
    [`evidence:0123456789abcdef@${NOON}`, { kind: 'evidence', fingerprint: '0123456789abcdef', at: NOON }],
    ['evidence:nothing', undefined],
    ['evidence:0123456789abcdef@yesterday', undefined],
    ['delete', undefined],
  ])('reads %s', (text, decision) => {
    expect(parseDecision(text)).toEqual(decision);
  });
});

describe('facts that have moved since the run', () => {
  const missing: World = { evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [], opened: true };

  it.each([
    ['charged in full', [charge], 'repaired already'],
    ['charged under another id', [{ ...charge, id: 'late' }], 'repaired already'],
    ['charged another amount', [{ ...charge, amount: 4n }], 'have moved'],
  ])('leave what is by now %s', async (_, transfers, words) => {
    const found = await findings(missing, PERIOD);
    const { steps, left } = await plan({ ...missing, transfers }, found);
    expect(steps).toEqual([]);
    expect(left).toMatchObject([{ reason: expect.stringContaining(words) }]);
  });

  it('make a step stale that was planned before', async () => {
    const { steps } = await plan(missing, await findings(missing, PERIOD));
    const late = { ...missing, transfers: [{ ...charge, id: 'late' }] };
    expect([...(await apply(late, steps)).outcomes.values()]).toEqual(['stale']);
    const witness = { ...missing, evidence: [...missing.evidence, evidenceAt(NOON, 'r', 6n)] };
    expect([...(await apply(witness, steps)).outcomes.values()]).toEqual(['stale']);
  });

  it('take a late original for the backfill that would have been posted', async () => {
    const { steps } = await plan(missing, await findings(missing, PERIOD));
    const original = { ...charge, quantities: { units: 5n }, key: '0123456789abcdef' };
    const { outcomes } = await apply({ ...missing, transfers: [original] }, steps);
    expect([...outcomes.values()]).toEqual(['already-posted']);
    const dated = { ...original, effectiveAt: LATER };
    expect([...(await apply({ ...missing, transfers: [dated] }, steps)).outcomes.values()]).toEqual(['stale']);
  });

  it('let one of two plans that mean different things be posted, and not both', async () => {
    const twice: World = { evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [charge, again], opened: true };
    const found = await findings(twice, PERIOD);
    const dedupe = await plan(twice, found);
    const dearer = { ...twice, transfers: [charge, { ...again, amount: 6n }] };
    const other = await plan(dearer, await findings(dearer, PERIOD));
    expect(other.steps.map(({ id }) => id)).toEqual(dedupe.steps.map(({ id }) => id));
    const { world } = await apply(twice, dedupe.steps);
    expect([...(await apply(world, other.steps)).outcomes.values()]).toEqual(['stale']);
  });
});

async function planned(
  { evidence = [], transfers = [], opened = true }: Partial<World>,
  decision?: string,
  kinds?: readonly RepairKind[],
) {
  const world = { evidence, transfers, opened };
  const found = await findings(world, PERIOD);
  return plan(world, found, { decisions: decideAll(found, decision), ...(kinds !== undefined && { kinds }) });
}

/** In these books fingerprints are readable, and so not what parseDecision reads. */
function decideAll(found: readonly Found[], text: string | undefined): ReadonlyMap<string, Decision> {
  if (text === undefined) return new Map();
  const [, fingerprint = '', at] = /^evidence:([^@]+)(?:@(.+))?$/.exec(text) ?? [];
  const decision: Decision =
    fingerprint === '' ? { kind: 'reverse' } : { kind: 'evidence', fingerprint, ...(at !== undefined && { at }) };
  return new Map(found.map(({ id }) => [id, decision]));
}

function transferOf(step: Step | undefined) {
  return step !== undefined && 'transfer' in step ? step.transfer : undefined;
}
