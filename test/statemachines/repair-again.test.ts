import { AsyncLocalStorage } from 'node:async_hooks';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RepairWorld, startRepairWorld, type When } from '../support/repair-world.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

let world: RepairWorld;

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => world.stop());

const STEPS = ['take', 'check', 'backup', 'post', 'verify', 'finish'] as const;
const sweep: [string, When][] = STEPS.flatMap((step) => [
  [step, 'before'],
  [step, 'after'],
]);

describe('applying that is broken off', () => {
  it.each(sweep)('by a failure of %s, %s its work, ends the same when it is asked for again', async (step, when) => {
    await brokenWorld();
    breakOnce(step, when, async () => {
      throw Object.assign(new Error('Killed.'), { name: 'KilledError' });
    });
    expect((await applyOnce()).status).toBe(step === 'finish' && when === 'after' ? 'applied' : 'failed');
    await expectTheSame();
  });

  it.each(sweep)('because it is stopped at %s, %s its work, ends the same when it is redriven', async (step, when) => {
    await brokenWorld();
    let stopped = '';
    breakOnce(step, when, async () => {
      stopped = await world.stopRunning();
    });
    await applyOnce();
    await world.redrive(stopped);
    expect((await world.repair('fix')).status).toBe('applied');
    await expectTheSame();
  });

  it('after any of its writes, ends the same when it is asked for again', async () => {
    let writes = 0;
    for (let isKilled = true; isKilled; ) {
      await brokenWorld();
      writes += 1;
      const kill = killAfterWrites(writes);
      const { status } = await applyOnce();
      isKilled = kill.stop();
      expect(status === 'failed' || status === 'applied').toBe(true);
      await expectTheSame();
      if (isKilled) await world.stop();
    }
    // It takes the repair, notes a backup, writes seven times to the books, notes the part and how it ended.
    expect(writes).toBeGreaterThan(11);
  }, 180_000);

  it('by an execution that cannot even say so, ends the same when it is taken over', async () => {
    await brokenWorld();
    let isKilled = false;
    world.breakOff = async (step, when) => {
      if (step === 'fail' || (step === 'post' && when === 'after' && !isKilled)) {
        isKilled = true;
        throw Object.assign(new Error('Killed.'), { name: 'KilledError' });
      }
    };
    expect((await applyOnce()).status).toBe('applying');
    world.breakOff = async () => {};
    expect((await world.askToApply('fix')).status).toBe(200);
    await world.settled();
    expect((await world.repair('fix')).status).toBe('applying');
    expect((await world.askToApply('fix', undefined, true)).status).toBe(202);
    await world.settled();
    await expectTheSame();
  });
});

/** What an undisturbed repair comes to, made once. */
let undisturbed: Promise<object[]> | undefined;

async function expectTheSame(): Promise<void> {
  world.breakOff = async () => {};
  const repair = await world.repair('fix');
  const ended = repair.status === 'failed' ? await applyOnce() : repair;
  const disturbed = await world.transfers();
  undisturbed ??= (async () => {
    const own = world;
    await brokenWorld();
    await applyOnce();
    const transfers = await world.transfers();
    await world.stop();
    world = own;
    return transfers;
  })();
  expect(disturbed).toEqual(await undisturbed);
  expect(ended).toMatchObject({
    status: 'applied',
    counts: { posted: ended.plan?.steps },
    verification: { verdict: 'discrepancies', findings: 2 },
    backup: expect.stringContaining('backup'),
  });
}

async function brokenWorld(): Promise<void> {
  world = await startRepairWorld();
  world.policy = { lifetimeHours: 72, thresholds: {} };
  await world.breakEverything();
  await world.reconcile('found');
  await world.plan('fix', 'found', ['backfill', 'dedupe', 'recalculate', 'rebalance']);
  await world.approve('fix');
}

async function applyOnce() {
  const answer = await world.askToApply('fix');
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
  await world.settled();
  return world.repair('fix');
}

function breakOnce(step: string, when: When, act: () => Promise<void>): void {
  let isDone = false;
  world.breakOff = async (...at) => {
    if (isDone || at[0] !== step || at[1] !== when) return;
    isDone = true;
    await act();
  };
}

/** Kills the function of the repair that makes so many writes to any table, when the last of them is done. */
function killAfterWrites(writes: number): { stop: () => boolean } {
  let left = writes;
  const current = new AsyncLocalStorage<string>();
  world.around = (step, run) => current.run(step, run);
  const send = DynamoDBClient.prototype.send;
  const spy = vi.spyOn(DynamoDBClient.prototype, 'send').mockImplementation(async function (
    this: DynamoDBClient,
    ...args: Parameters<typeof send>
  ) {
    const answer = await (send as (...all: typeof args) => Promise<unknown>).apply(this, args);
    if (OWN.has(current.getStore() ?? '') && WRITES.has(args[0].constructor.name)) {
      left -= 1;
      if (left === 0) throw Object.assign(new Error('Killed.'), { name: 'KilledError' });
    }
    return answer;
  } as typeof send);
  return {
    stop() {
      spy.mockRestore();
      return left <= 0;
    },
  };
}

/** Not the one that records failures: what is killed there is a case of its own. */
const OWN: ReadonlySet<string> = new Set(STEPS);
const WRITES = new Set(['PutItemCommand', 'UpdateItemCommand', 'TransactWriteItemsCommand', 'CreateBackupCommand']);
