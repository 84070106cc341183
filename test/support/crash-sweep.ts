import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, vi } from 'vitest';
import type { Machines, When } from './machines.ts';

/** One run of a workflow that may be broken off and taken up again. */
export interface Scenario {
  readonly machines: Machines;
  /**
   * Asks for the work as its callers do, and waits until every execution has ended. It is asked again after the work
   * was broken off, and must then bring it to its end.
   */
  run(): Promise<unknown>;
  /** Asserts how things stand after the work was broken off there. */
  broken?(step: string, when: When): Promise<void>;
  /**
   * Asserts that the work is done, and gives what it came to, without what names this scenario or its hour: it must be
   * the same as nothing had happened.
   */
  end(): Promise<unknown>;
  stop?(): Promise<void>;
}

export interface CrashSweep {
  /** The steps of the watched machine, as `breakOff` hears of them; not the one that records failures. */
  readonly steps: readonly string[];
  /**
   * How many writes an undisturbed run makes at least, so that a sweep over none is not taken for one. Left out, only
   * steps are broken off: writes cost two runs each, which is for workflows that move money.
   */
  readonly writesMin?: number;
  /** Makes everything ready for a run of that name, which no other has. */
  begin(name: string): Promise<Scenario>;
}

/**
 * Declares the tests that break a workflow off wherever it can be and take it up again, and hold what it came to
 * against a run that nothing disturbed:
 *
 * - each step fails, before and after its work, and the work is asked for again;
 * - the execution is stopped at each step, before and after its work, and redriven;
 * - the function is killed after each of its writes to DynamoDB and S3 in turn, and the work is asked for again; of a
 *   step that is called for many pieces alike, this is done to the first call.
 *
 * ```ts
 * sweepCrashes('a run', {
 *   steps: ['plan', 'slice', 'summarise'],
 *   writesMin: 5,
 *   async begin(runId) {
 *     const machines = startMachines({ functions: () => ({ reconcile: functionsOf(deps) }), watched: 'reconcile', artifacts });
 *     return {
 *       machines,
 *       run: async () => machines.ended(await machines.start('reconcile', { runId, ... })),
 *       end: () => artifactsOf(runId),
 *       stop: () => machines.stop(),
 *     };
 *   },
 * });
 * ```
 *
 * Scenarios run one after the other, so they may share tables where what one leaves behind cannot help another; where
 * it could, have `begin` bring back what was there before (`remember` of the repair world).
 */
export function sweepCrashes(what: string, sweep: CrashSweep): void {
  const { steps, writesMin, begin } = sweep;
  const points = steps.flatMap((step): [string, When][] => [
    [step, 'before'],
    [step, 'after'],
  ]);
  let undisturbed: Promise<unknown> | undefined;

  /** Breaks a scenario off by `disturb`, which takes it up again too, and compares. */
  async function expectTheSame(name: string, disturb: (scenario: Scenario) => Promise<void>): Promise<void> {
    undisturbed ??= inScenario('undisturbed', async (scenario) => {
      await scenario.run();
      return scenario.end();
    });
    const expected = await undisturbed;
    await inScenario(name, async (scenario) => {
      await disturb(scenario);
      expect(await scenario.end(), name).toEqual(expected);
    });
  }

  async function inScenario<T>(name: string, act: (scenario: Scenario) => Promise<T>): Promise<T> {
    const scenario = await begin(name);
    try {
      return await act(scenario);
    } finally {
      await scenario.stop?.();
    }
  }

  describe(`${what} that is broken off`, () => {
    it.each(points)('by a failure of %s, %s its work, ends the same when it is asked for again', (step, when) =>
      expectTheSame(`failed-${step}-${when}`, async (scenario) => {
        const kill = once(scenario.machines, step, when, async () => {
          throw killed();
        });
        await scenario.run();
        expect(kill.isDone()).toBe(true);
        expect((await scenario.machines.statuses()).at(-1)).toBe('FAILED');
        await scenario.broken?.(step, when);
        await scenario.run();
      }),
    );

    it.each(points)('because it is stopped at %s, %s its work, ends the same when it is redriven', (step, when) =>
      expectTheSame(`stopped-${step}-${when}`, async ({ machines, run }) => {
        let stopping: Promise<string> | undefined;
        once(machines, step, when, async () => {
          stopping = machines.stopRunning();
          await stopping;
        });
        await run();
        const stopped = (await stopping) ?? expect.fail('It was not stopped.');
        expect(await machines.ended(stopped)).toBe('ABORTED');
        await machines.redrive(stopped);
        expect(await machines.ended(stopped)).toBe('SUCCEEDED');
      }),
    );

    if (writesMin === undefined) return;
    it('after any of its writes, ends the same when it is asked for again', async () => {
      let writes = 0;
      for (let isKilled = true; isKilled; ) {
        writes += 1;
        await expectTheSame(`killed-after-${writes}`, async ({ machines, run }) => {
          const kill = killAfterWrites(machines, new Set(steps), writes);
          await run();
          isKilled = kill.stop();
          if (isKilled) await run();
        });
      }
      expect(writes).toBeGreaterThan(writesMin);
    }, 180_000);
  });
}

/** What a function that is killed fails with; nothing tries it again. */
export function killed(): Error {
  return Object.assign(new Error('Killed.'), { name: 'KilledError' });
}

/** Does something at the next call of a step, before or after its work. */
export function once(machines: Machines, step: string, when: When, act: () => Promise<void>) {
  let isDone = false;
  machines.breakOff = async (...at) => {
    if (isDone || at[0] !== step || at[1] !== when) return;
    isDone = true;
    await act();
  };
  return { isDone: () => isDone };
}

/** Kills the function of a step that makes so many writes in its first call, when the last of them is done. */
function killAfterWrites(machines: Machines, steps: ReadonlySet<string>, writes: number): { stop: () => boolean } {
  let left = writes;
  const spies = [DynamoDBClient.prototype, S3Client.prototype].map((client) => {
    const send = client.send as (...all: unknown[]) => Promise<unknown>;
    const sendAndDie = async function (this: unknown, ...all: unknown[]) {
      const answer = await send.apply(this, all);
      const { step = '', call } = machines.current() ?? {};
      if (!WRITES.has((all[0] as object).constructor.name) || !steps.has(step) || call !== 1) return answer;
      left -= 1;
      if (left === 0) throw killed();
      return answer;
    };
    return vi.spyOn(client as { send: typeof send }, 'send').mockImplementation(sendAndDie);
  });
  return {
    stop() {
      for (const spy of spies) spy.mockRestore();
      return left <= 0;
    },
  };
}

const WRITES = new Set([
  ...['PutItemCommand', 'UpdateItemCommand', 'DeleteItemCommand', 'BatchWriteItemCommand', 'TransactWriteItemsCommand'],
  ...['CreateBackupCommand', 'PutObjectCommand', 'CompleteMultipartUploadCommand', 'DeleteObjectCommand'],
]);
