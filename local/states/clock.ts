import { setTimeout as delay } from 'node:timers/promises';

/** Where the interpreter takes its time from, so that a test can run a day's waiting at once. */
export interface Clock {
  now(): Date;
  /** Ends after `ms` milliseconds. Rejects with the signal's reason when it is aborted before. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Node.js fires a timer with a longer delay at once instead. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    for (let left = ms; left > 0; left -= LONGEST_TIMER_MS) {
      signal.throwIfAborted();
      await delay(Math.min(left, LONGEST_TIMER_MS), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  },
};

interface Sleeper {
  readonly dueAt: number;
  readonly wake: () => void;
}

/**
 * A clock that jumps. Whenever nothing else is left to do, time moves to the next sleeper's hour, so hours of waiting
 * take no time and still happen in their order. Work that waits for the outside world (files, network) is not seen.
 */
export function createVirtualClock(start: Date): Clock {
  const sleepers = new Set<Sleeper>();
  let now = start.getTime();
  let jumping = false;

  // An immediate runs after all promises that could settle have settled: only sleepers are left then.
  function planJump(): void {
    if (jumping || sleepers.size === 0) return;
    jumping = true;
    setImmediate(() => {
      jumping = false;
      const next = earliest(sleepers);
      if (next === undefined) return;
      sleepers.delete(next);
      now = Math.max(now, next.dueAt);
      next.wake();
      planJump();
    });
  }

  return {
    now: () => new Date(now),
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const cancel = () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        };
        const wake = () => {
          signal.removeEventListener('abort', cancel);
          resolve();
        };
        const sleeper: Sleeper = { dueAt: now + ms, wake };
        signal.addEventListener('abort', cancel, { once: true });
        sleepers.add(sleeper);
        planJump();
      });
    },
  };
}

function earliest(sleepers: Iterable<Sleeper>): Sleeper | undefined {
  let first: Sleeper | undefined;
  for (const sleeper of sleepers) if (first === undefined || sleeper.dueAt < first.dueAt) first = sleeper;
  return first;
}
