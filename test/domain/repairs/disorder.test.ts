import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addMilliseconds } from '../../../domain/time.ts';
import type { Transfer } from '../../../domain/transfers.ts';
import { evidenceAt } from '../reconciliation/in-memory-books.ts';
import { choices, decide, PERIOD } from './stories.ts';
import { apply, balanceOf, chargeOf, correctionOf, findings, plan, rollBack, type World } from './world.ts';

it('of books in any disorder makes no finding that was not there, and can be rolled back', async () => {
  await fc.assert(
    fc.asyncProperty(disorder(), async (world) => {
      const found = await findings(world, PERIOD);
      const { steps, answered } = await plan(world, found);
      const repaired = await apply(world, steps);
      const after = await findings(repaired.world, PERIOD);
      expect(after.filter(({ id }) => answered.includes(id))).toEqual([]);
      // What one finding's repair shows of its neighbours is of a request that a person must look at anyway.
      const forPeople = new Set(found.flatMap(({ id, finding }) => (answered.includes(id) ? [] : finding.requestId)));
      expect(after.filter(({ finding }) => !forPeople.has(finding.requestId))).toEqual([]);

      const rollback = await rollBack(repaired.world, steps, repaired.outcomes);
      expect(rollback.left).toEqual([]);
      const before = await apply(repaired.world, rollback.steps);
      expect((await findings(before.world, PERIOD)).map(({ id }) => id).sort()).toEqual(
        found.map(({ id }) => id).sort(),
      );
      expect(balanceOf(before.world)).toBe(balanceOf(world));
    }),
    { numRuns: 300 },
  );
});

it('can be rolled back whatever people decide', async () => {
  await fc.assert(
    fc.asyncProperty(disorder(), choices, async (world, chosen) => {
      const found = await findings(world, PERIOD);
      const decisions = decide(world, found, chosen);
      const { steps, answered } = await plan(world, found, { decisions });
      const repaired = await apply(world, steps);
      const after = await findings(repaired.world, PERIOD);
      expect(after.filter(({ id }) => answered.includes(id))).toEqual([]);
      const rollback = await rollBack(repaired.world, steps, repaired.outcomes);
      const before = await apply(repaired.world, rollback.steps);
      expect((await findings(before.world, PERIOD)).map(({ id }) => id).sort()).toEqual(
        found.map(({ id }) => id).sort(),
      );
      expect(balanceOf(before.world)).toBe(balanceOf(world));
    }),
    { numRuns: 300 },
  );
});

/** Few requests and times, many rows: evidence, charges and corrections by hand that collide in every way. */
function disorder(): fc.Arbitrary<World> {
  const at = fc
    .integer({ min: 0, max: 11 })
    .map((steps) => addMilliseconds('2026-11-17T00:00:00.000Z', steps * 21_600_000));
  const request = fc.constantFrom('a', 'b');
  const evidence = fc
    .tuple(at, request, fc.bigInt({ min: 0n, max: 2n }), fc.constantFrom('chat', 'chat', 'free', 'secret'))
    .map((fields) => evidenceAt(...fields));
  const charge = fc.tuple(at, request, fc.bigInt({ min: 0n, max: 3n })).map((fields) => chargeOf(...fields));
  const charges = fc.array(charge, { maxLength: 6 }).map((all) =>
    all.map((each, index) => {
      const isFirst = all.findIndex(({ id }) => id === each.id) === index;
      return { ...each, id: isFirst ? each.id : `t${index}` };
    }),
  );
  const corrections = fc.array(fc.tuple(fc.nat({ max: 5 }), at, fc.bigInt({ min: 1n, max: 3n })), { maxLength: 3 });
  return fc
    .tuple(
      fc.uniqueArray(evidence, { maxLength: 6, selector: ({ key, fingerprint }) => `${key}#${fingerprint}` }),
      charges,
      corrections,
    )
    .map(([rows, posted, given]) => {
      const transfers: Transfer[] = [...posted];
      for (const [index, [which, moment, amount]] of given.entries()) {
        const root = posted[which];
        const back = transfers.reduce((sum, each) => sum + (each.corrects === root?.id ? each.amount : 0n), amount);
        if (root !== undefined && back <= root.amount) transfers.push(correctionOf(root, `c${index}`, -amount, moment));
      }
      return { evidence: rows, transfers, opened: true };
    });
}
