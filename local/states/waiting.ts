import type { Clock } from './clock.ts';

/**
 * What the work gives, unless the signal aborts or the time is up before: nobody waits for the work then any more.
 *
 * @param limits.ms the time that the work may take; undefined for as long as it needs
 */
export async function within<T>(
  work: Promise<T>,
  limits: { clock: Clock; signal: AbortSignal; ms?: number | undefined; timeout: () => Error },
): Promise<T> {
  const { clock, signal, ms, timeout } = limits;
  const settled = new AbortController();
  const contenders = [work, abortOf(signal, settled.signal)];
  if (ms !== undefined) {
    contenders.push(clock.sleep(ms, settled.signal).then(() => Promise.reject(timeout())));
  }
  try {
    return await Promise.race(contenders);
  } finally {
    settled.abort();
  }
}

/** What the work gives, unless the signal aborts before. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  try {
    return await Promise.race([work, abortOf(signal, settled.signal)]);
  } finally {
    settled.abort();
  }
}

/** Runs `run` for every index below `count`, at most `limit` at once, beginning none after one has failed. */
export async function forEachIndex(count: number, limit: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  async function work(): Promise<void> {
    while (next < count && !failed) {
      const index = next;
      next += 1;
      await run(index).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, count) }, work));
}

function abortOf(signal: AbortSignal, unless: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: unless });
  });
}
