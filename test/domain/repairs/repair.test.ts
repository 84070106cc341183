import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../domain/repairs/decisions.ts';
import type { Found } from '../../../domain/repairs/plan.ts';
import { planTotals } from '../../../domain/repairs/totals.ts';
import { ACCOUNT, ASSET } from '../reconciliation/in-memory-books.ts';
import { choices, decide, PERIOD, worlds } from './stories.ts';
import { apply, balanceOf, findings, plan, REVENUE, rollBack, type World } from './world.ts';

describe('a repair', () => {
  it('leaves nothing but what is left for a person, and moves exactly its totals', async () => {
    await property(async (world, decisions, found) => {
      const { steps, answered, left } = await plan(world, found, { decisions });
      expect([...answered, ...left.map(({ findingId }) => findingId)].sort()).toEqual(idsOf(found));
      const { world: after, outcomes } = await apply(world, steps);
      expect(new Set(outcomes.values())).toEqual(steps.length > 0 ? new Set(['posted']) : new Set());
      expect(idsOf(await findings(after, PERIOD))).toEqual(left.map(({ findingId }) => findingId).sort());

      const { accounts, assets } = planTotals(steps);
      for (const account of [ACCOUNT, REVENUE]) {
        const totals = accounts.find((each) => each.account === account) ?? { debited: 0n, credited: 0n };
        expect(balanceOf(after, account) - balanceOf(world, account)).toBe(totals.debited - totals.credited);
      }
      const { charged, givenBack } = assets.find(({ asset }) => asset === ASSET) ?? { charged: 0n, givenBack: 0n };
      expect(charged - givenBack).toBe(balanceOf(after) - balanceOf(world));
    });
  });

  it('plans nothing a second time, neither from its own findings nor from those of a new run', async () => {
    await property(async (world, decisions, found) => {
      const { world: after } = await apply(world, (await plan(world, found, { decisions })).steps);
      expect((await plan(after, found, { decisions })).steps).toEqual([]);
      expect((await plan(after, await findings(after, PERIOD), { decisions })).steps).toEqual([]);
    });
  });

  it('posts nothing when it is applied again, or when another plan of the same findings was applied', async () => {
    await property(async (world, decisions, found) => {
      const [{ steps }, other] = [await plan(world, found, { decisions }), await plan(world, found, { decisions })];
      expect(other.steps).toEqual(steps);
      const { world: after } = await apply(world, steps);
      const again = await apply(after, other.steps);
      expect(again.world).toBe(after);
      expect([...again.outcomes.values()].filter((outcome) => outcome !== 'already-posted')).toEqual([]);
    });
  });

  it('goes on where it was interrupted, and comes to the same', async () => {
    await property(async (world, decisions, found, crashAfter) => {
      const { steps } = await plan(world, found, { decisions });
      const whole = await apply(world, steps);
      const interrupted = await apply(world, steps, crashAfter);
      const resumed = await apply(interrupted.world, steps);
      expect(contentOf(resumed.world)).toEqual(contentOf(whole.world));
    });
  });

  it('can be planned anew after an interruption, and comes to the same findings and balance', async () => {
    await property(async (world, decisions, found, crashAfter) => {
      const { steps, left } = await plan(world, found, { decisions });
      const interrupted = await apply(world, steps, crashAfter);
      const rest = await plan(interrupted.world, found, { decisions });
      const { world: after } = await apply(interrupted.world, rest.steps);
      expect(idsOf(await findings(after, PERIOD))).toEqual(left.map(({ findingId }) => findingId).sort());
      expect(balanceOf(after)).toBe(balanceOf((await apply(world, steps)).world));
    });
  });
});

describe('a rollback', () => {
  it('brings back exactly the findings and the balance of before', async () => {
    await property(async (world, decisions, found) => {
      const { steps } = await plan(world, found, { decisions });
      const repaired = await apply(world, steps);
      const rollback = await rollBack(repaired.world, steps, repaired.outcomes);
      expect(rollback.left).toEqual([]);
      const before = await apply(repaired.world, rollback.steps);
      expect(idsOf(await findings(before.world, PERIOD))).toEqual(idsOf(found));
      expect(balanceOf(before.world)).toBe(balanceOf(world));
    });
  });

  it('can be rolled back itself, again and again', async () => {
    await property(async (world, decisions, found) => {
      const planned = await plan(world, found, { decisions });
      let [now, steps] = [await apply(world, planned.steps), planned.steps];
      const repaired = idsOf(await findings(now.world, PERIOD));
      for (let times = 1; times <= 4; times += 1) {
        const rollback = await rollBack(now.world, steps, now.outcomes);
        expect(rollback.left).toEqual([]);
        steps = rollback.steps;
        now = await apply(now.world, steps);
        expect(idsOf(await findings(now.world, PERIOD))).toEqual(times % 2 === 0 ? repaired : idsOf(found));
      }
    });
  });

  it('leaves findings that can be repaired again, under other ids', async () => {
    await property(async (world, decisions, found) => {
      const first = await plan(world, found, { decisions });
      const repaired = await apply(world, first.steps);
      const rollback = await rollBack(repaired.world, first.steps, repaired.outcomes);
      const before = (await apply(repaired.world, rollback.steps)).world;
      const again = await plan(before, await findings(before, PERIOD), { decisions });
      const ids = new Set([...first.steps, ...rollback.steps].map(({ id }) => id));
      expect(again.steps.filter(({ id }) => ids.has(id))).toEqual([]);
      const { world: after } = await apply(before, again.steps);
      expect(idsOf(await findings(after, PERIOD))).toEqual(idsOf(await findings(repaired.world, PERIOD)));
      expect(balanceOf(after)).toBe(balanceOf(repaired.world));
    });
  });
});

type Check = (
  world: World,
  decisions: ReadonlyMap<string, Decision>,
  found: readonly Found[],
  crashAfter: number,
) => Promise<void>;

async function property(check: Check): Promise<void> {
  await fc.assert(
    fc.asyncProperty(worlds(), choices, fc.nat({ max: 8 }), async (world, chosen, crashAfter) => {
      const found = await findings(world, PERIOD);
      await check(world, decide(world, found, chosen), found, crashAfter);
    }),
    { numRuns: 150 },
  );
}

function idsOf(found: readonly Found[]): string[] {
  return found.map(({ id }) => id).sort();
}

function contentOf({ evidence, transfers }: World) {
  return { evidence, transfers: transfers.map(({ recordedAt: _recordedAt, ...transfer }) => transfer) };
}
