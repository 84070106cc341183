import { type Chart, chartEntryOf } from '../../../domain/chart.ts';
import type { UsageEvent } from '../../../domain/evidence.ts';
import type { Instant } from '../../../domain/time.ts';
import { StoreUnavailableError } from '../../../store/retry.ts';
import { recordEvidence, type UsageStore } from '../../../store/usage.ts';

export interface EvidenceDeps {
  readonly usage: UsageStore;
  readonly chart: Chart;
  readonly now: () => Instant;
}

/** Writes at once: enough to hide the table's latency, few enough for one instance's connections. */
const CONCURRENT_WRITES = 32;

/**
 * Keeps events as evidence, several at a time, and says how many were new. A table that throttles slows this down and
 * does not fail it, as long as there is time.
 * @param hasTime whether one more round of tries may begin.
 * @throws StoreUnavailableError when the table could not be reached and time is over.
 */
export async function recordRows(
  deps: EvidenceDeps,
  events: readonly UsageEvent[],
  hasTime: () => boolean,
): Promise<{ recorded: number; duplicates: number }> {
  const counts = { recorded: 0, duplicates: 0 };
  let next = 0;
  const worker = async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      const status = await recordPatiently(deps, event, hasTime);
      counts[status === 'recorded' ? 'recorded' : 'duplicates'] += 1;
    }
  };
  const stopping = async () => {
    try {
      await worker();
    } catch (error) {
      next = events.length;
      throw error;
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: CONCURRENT_WRITES }, stopping));
  const failed = workers.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return counts;
}

/** Evidence for an account that the chart does not know is still evidence, and is kept. */
async function recordPatiently(deps: EvidenceDeps, event: UsageEvent, hasTime: () => boolean) {
  const entry = chartEntryOf(deps.chart, event.account) ?? { shards: 1 };
  for (;;) {
    try {
      return await recordEvidence(deps.usage, event, entry, deps.now());
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || !hasTime()) throw error;
    }
  }
}
