import { expect, it } from 'vitest';
import { evidenceAt } from '../reconciliation/in-memory-books.ts';
import { PERIOD } from './stories.ts';
import { apply, chargeOf, correctionOf, findings, plan, rollBack, type World } from './world.ts';

const NOON = '2026-11-17T12:00:00.000Z';
const missing: World = { evidence: [evidenceAt(NOON, 'r', 5n)], transfers: [], opened: true };

async function backfilled() {
  const { steps } = await plan(missing, await findings(missing, PERIOD));
  return { steps, ...(await apply(missing, steps)) };
}

it('is refused for a request for which somebody has posted since, and says so', async () => {
  const { steps, world, outcomes } = await backfilled();
  const [charge] = world.transfers;
  if (charge === undefined) throw new Error('Nothing was posted.');
  for (const posted of [correctionOf(charge, 'goodwill', -1n), chargeOf(NOON, 'r', 5n, 'again')]) {
    const rollback = await rollBack({ ...world, transfers: [...world.transfers, posted] }, steps, outcomes);
    expect(rollback.steps).toEqual([]);
    expect(rollback.left).toMatchObject([{ stepId: 'r', reason: expect.stringContaining('since the repair') }]);
  }
});

it('is made although evidence came in since', async () => {
  const { steps, world, outcomes } = await backfilled();
  const late = { ...world, evidence: [...world.evidence, evidenceAt(NOON, 'r', 6n)] };
  expect(await rollBack(late, steps, outcomes)).toMatchObject({ left: [], steps: [{ kind: 'reversal' }] });
});

it('takes back nothing that another repair posted', async () => {
  const { steps, world } = await backfilled();
  const second = await apply(world, steps);
  expect(await rollBack(second.world, steps, second.outcomes)).toEqual({ steps: [], left: [] });
});

it('takes back nothing twice', async () => {
  const { steps, world, outcomes } = await backfilled();
  const rollback = await rollBack(world, steps, outcomes);
  const { world: before } = await apply(world, rollback.steps);
  expect(await rollBack(before, steps, outcomes)).toMatchObject({ steps: [], left: [{ stepId: 'r' }] });
});

it('leaves a late original a replay of the charge that was taken back, and a new repair posts under another id', async () => {
  const { steps, world, outcomes } = await backfilled();
  const { world: before } = await apply(world, (await rollBack(world, steps, outcomes)).steps);
  expect(before.transfers.filter(({ id }) => id === 'r')).toHaveLength(1);
  const again = await plan(before, await findings(before, PERIOD));
  expect(again.steps).toMatchObject([{ kind: 'charge', transfer: { amount: 5n, requestId: 'r' } }]);
  expect(again.steps[0]?.id).not.toBe('r');
});
