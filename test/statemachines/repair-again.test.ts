import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { killed, sweepCrashes } from '../support/crash-sweep.ts';
import { type RepairWorld, startRepairWorld } from '../support/repair-world.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

let world: RepairWorld;
/** Brings back the broken books and the approved plan. */
let restore: () => Promise<void>;

beforeAll(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  world = await startRepairWorld();
  world.policy = { lifetimeHours: 72, thresholds: {} };
  await world.breakEverything();
  await world.reconcile('found');
  await world.plan('fix', 'found', ['backfill', 'dedupe', 'recalculate', 'rebalance']);
  await world.approve('fix');
  restore = await world.remember();
});
afterAll(() => world.stop());
beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

sweepCrashes('applying', {
  steps: ['take', 'check', 'backup', 'post', 'verify', 'finish'],
  // It takes the repair, notes a backup, writes seven times to the books, notes the part and how it ended.
  writesMin: 11,
  async begin() {
    await restore();
    world.machines.breakOff = async () => {};
    return {
      machines: world.machines,
      run: applyOnce,
      async broken(step, when) {
        expect((await world.repair('fix')).status).toBe(step === 'finish' && when === 'after' ? 'applied' : 'failed');
      },
      end: transfersOfApplied,
    };
  },
});

it('applying that breaks off and cannot even say so ends the same when it is taken over', async () => {
  await restore();
  world.machines.breakOff = async () => {};
  await applyOnce();
  const undisturbed = await transfersOfApplied();
  await restore();
  let isKilled = false;
  world.machines.breakOff = async (step, when) => {
    if (step === 'fail' || (step === 'post' && when === 'after' && !isKilled)) {
      isKilled = true;
      throw killed();
    }
  };
  await applyOnce();
  expect((await world.repair('fix')).status).toBe('applying');
  world.machines.breakOff = async () => {};
  expect((await world.askToApply('fix')).status).toBe(200);
  await world.machines.settled();
  expect((await world.repair('fix')).status).toBe('applying');
  expect((await world.askToApply('fix', undefined, true)).status).toBe(202);
  await world.machines.settled();
  expect(await transfersOfApplied()).toEqual(undisturbed);
});

async function transfersOfApplied(): Promise<object[]> {
  const ended = await world.repair('fix');
  expect(ended).toMatchObject({
    status: 'applied',
    counts: { posted: ended.plan?.steps },
    verification: { verdict: 'discrepancies', findings: 2 },
    backup: expect.stringContaining('backup'),
  });
  return world.transfers();
}

async function applyOnce(): Promise<void> {
  const answer = await world.askToApply('fix');
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
  await world.machines.settled();
}
