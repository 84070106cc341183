import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ID_PATTERN } from '../../../domain/ids.ts';
import { planHash, repairId, type Step, type StepLine, stepLine, stepOf } from '../../../domain/repairs/steps.ts';
import { choices, decide, PERIOD, worlds } from './stories.ts';
import { digest, findings, plan } from './world.ts';

const rebalance: Step = {
  kind: 'rebalance',
  id: 'rebalance:1',
  account: 'customer:acme',
  asset: 'TOKEN',
  findingId: 'f',
  detail: 'Set it.',
  from: { credits: 10n, debits: 3n, held: 1n, available: 5n, holdChanges: 2n },
  to: { credits: 10n, debits: 4n, held: 1n, available: 5n },
};

describe('the lines of a plan', () => {
  it('are read as they were written, and hash the same', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(), choices, async (world, chosen) => {
        const found = await findings(world, PERIOD);
        const { steps } = await plan(world, found, { decisions: decide(world, found, chosen) });
        const read = [...steps, rebalance].map((step) =>
          stepOf(JSON.parse(JSON.stringify(stepLine(step))) as StepLine),
        );
        expect(read).toEqual([...steps, rebalance]);
        expect(planHash(read, digest)).toBe(planHash([...steps, rebalance], digest));
      }),
      { numRuns: 50 },
    );
  });

  it('hash the same whatever the order of their fields, and otherwise when anything else differs', () => {
    const turned = Object.fromEntries(Object.entries(rebalance).reverse()) as unknown as Step;
    expect(planHash([turned], digest)).toBe(planHash([rebalance], digest));
    const other: Step = { ...rebalance, to: { ...rebalance.to, credits: 11n } };
    expect(planHash([other], digest)).not.toBe(planHash([rebalance], digest));
    expect(planHash([rebalance, other], digest)).not.toBe(planHash([other, rebalance], digest));
  });
});

it('gives transfers of repairs ids that the ledger takes, another for each of a request', () => {
  const ids = ['a', 'b'].flatMap((request) => [0, 1].map((slot) => repairId(digest, 'customer:acme', request, slot)));
  expect(new Set(ids).size).toBe(4);
  for (const id of ids) expect(id).toMatch(ID_PATTERN);
});
