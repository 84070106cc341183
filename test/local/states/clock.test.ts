import { describe, expect, it } from 'vitest';
import { createVirtualClock, systemClock } from '../../../local/states/clock.ts';
import { START } from './harness.ts';

const { signal: forever } = new AbortController();

describe('the virtual clock', () => {
  it('wakes its sleepers in the order of their hours, each at its hour', async () => {
    const clock = createVirtualClock(START);
    const woken: unknown[] = [];
    const sleep = async (ms: number) => {
      await clock.sleep(ms, forever);
      woken.push(ms, clock.now().getTime() - START.getTime());
    };
    await Promise.all([sleep(3_600_000), sleep(1000), sleep(0)]);
    expect(woken).toEqual([0, 0, 1000, 1000, 3_600_000, 3_600_000]);
  });

  it('does not move while there is other work', async () => {
    const clock = createVirtualClock(START);
    const asleep = clock.sleep(1000, forever);
    for (let turn = 0; turn < 1000; turn += 1) await Promise.resolve();
    expect(clock.now()).toEqual(START);
    await asleep;
  });
});

describe.each([
  ['virtual', createVirtualClock(START)],
  ['system', systemClock],
])('the %s clock', (_, clock) => {
  it("rejects with the signal's reason when a sleep is aborted, before it begins or later", async () => {
    const controller = new AbortController();
    const asleep = clock.sleep(3_600_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(asleep).rejects.toThrow('enough');
    await expect(clock.sleep(1, controller.signal)).rejects.toThrow('enough');
  });
});
