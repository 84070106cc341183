import type { Retrier } from './definition.ts';
import { covers, type StateFailure } from './failure.ts';

const DEFAULT_INTERVAL_SECONDS = 1;
const DEFAULT_BACKOFF_RATE = 2;
const DEFAULT_MAX_ATTEMPTS = 3;

/**
 * Counts the attempts of one visit of a state. The function it gives tells how many milliseconds to wait before the
 * next attempt, or undefined when the failure is not to be retried (any more).
 */
export function createRetries(
  retriers: readonly Retrier[],
  random: () => number,
): (failure: StateFailure) => number | undefined {
  const attempts = retriers.map(() => 0);
  return (failure) => {
    const index = retriers.findIndex((retrier) => covers(retrier.ErrorEquals, failure.error));
    const retrier = retriers[index];
    const attempt = attempts[index];
    if (retrier === undefined || attempt === undefined) return undefined;
    if (attempt >= (retrier.MaxAttempts ?? DEFAULT_MAX_ATTEMPTS)) return undefined;
    attempts[index] = attempt + 1;
    return delayMs(retrier, attempt, random);
  };
}

function delayMs(retrier: Retrier, attempt: number, random: () => number): number {
  const interval = retrier.IntervalSeconds ?? DEFAULT_INTERVAL_SECONDS;
  const grown = interval * (retrier.BackoffRate ?? DEFAULT_BACKOFF_RATE) ** attempt;
  const seconds = Math.min(grown, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  return 1000 * (retrier.JitterStrategy === 'FULL' ? random() * seconds : seconds);
}
