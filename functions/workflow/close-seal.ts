import type { SealLink } from '../../domain/seals/chain.ts';
import type { SealChange } from '../../domain/seals/compare.ts';
import { addCounts, NO_CHANGES, type SealOutcome, SHOWN_MAX, sealOutcomeOf } from '../../domain/seals/outcome.ts';
import type { SealSlice } from '../../domain/seals/slices.ts';
import type { Day, Instant } from '../../domain/time.ts';
import { type Artifacts, getText, putText, sealRunKey, streamText } from '../../store/artifacts.ts';
import { appendLink, putContents, type SealBucket } from '../../store/seal-bucket.ts';
import type { SealRunsStore } from '../../store/seal-runs.ts';
import { finishSealRun } from '../../store/seals.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, publishMetrics } from '../runtime/metrics.ts';
import type { PlanFindings } from './plan-seal.ts';
import { JSON_TYPE, NDJSON_TYPE } from './reconciliation/parts.ts';
import { changeLine, readChanges, readSealParts, type SealPart } from './seals/parts.ts';
import { findingsOfPlanKey, type SealRunPlan } from './seals/seal-run.ts';

export interface CloseSealDeps {
  readonly runs: SealRunsStore;
  readonly seals: SealBucket;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

export interface CloseSealAnswer {
  readonly id: string;
  readonly verdict: SealOutcome['verdict'];
  readonly changes: number;
}

/**
 * Adds up a run's parts. Of a sealing it chains the seal, of both it writes what was changed since it was sealed. All that
 * is written follows from the plan and the parts alone: doing it again writes the same.
 */
export const makeHandler =
  (deps: CloseSealDeps) =>
  async ({ run }: { readonly run: SealRunPlan }): Promise<CloseSealAnswer> => {
    const slices = JSON.parse(await getText(deps.artifacts, run.slicesKey)) as SealSlice[];
    const plan = JSON.parse(await getText(deps.artifacts, findingsOfPlanKey(run, run.after))) as PlanFindings;
    const parts = await readSealParts(deps.artifacts, run, slices);
    const link = run.mode === 'seal' ? await sealParts(deps.seals, run, parts) : undefined;
    const outcome: SealOutcome = {
      ...sealOutcomeOf({
        ...plan,
        counts: parts.reduce((sum, part) => addCounts(sum, part.counts), NO_CHANGES),
        shownChanges: await writeChanges(deps.artifacts, run, parts),
        unsealed: parts.reduce((sum, part) => sum + part.unsealed, 0),
        daysUnsealed: daysWithUnsealed(slices, parts),
        entries: parts.reduce((sum, part) => sum + part.entries, 0),
      }),
      ...(link !== undefined && { seal: { sequence: link.sequence, hash: link.hash } }),
    };
    const { id, mode, trigger, days, requestedAt, startedAt } = run;
    const summary = JSON.stringify({ id, mode, trigger, days, requestedAt, startedAt, ...outcome }, undefined, 2);
    await putText(deps.artifacts, sealRunKey(run, 'summary.json'), JSON_TYPE, summary);
    await finishSealRun(deps.runs, run, outcome, link, deps.now());
    emitMetrics(run, outcome);
    logger.info('Seal run ended', {
      id,
      mode,
      verdict: outcome.verdict,
      changes: outcome.changes,
      faults: outcome.faults,
    });
    return { id, verdict: outcome.verdict, changes: outcome.changes };
  };

/** @param parts those of the slices, in their order. */
function daysWithUnsealed(slices: readonly SealSlice[], parts: readonly SealPart[]): Day[] {
  const days = slices.filter((_, index) => (parts[index]?.unsealed ?? 0) > 0).map(({ day }) => day);
  return [...new Set(days)];
}

async function sealParts(seals: SealBucket, run: SealRunPlan, parts: readonly SealPart[]): Promise<SealLink> {
  const bucketDays = parts.flatMap((part) => part.bucketDays);
  const contents = await putContents(seals, { bucketDays });
  const { id, days, startedAt: sealedAt, recordedUntil } = run;
  const entries = bucketDays.reduce((sum, one) => sum + one.entries, 0);
  return appendLink(seals, run.after, { id, sealedAt, recordedUntil, days, entries, contents });
}

/** Writes changes.ndjson, and gives the first of them. */
async function writeChanges(
  artifacts: Artifacts,
  run: SealRunPlan,
  parts: readonly SealPart[],
): Promise<readonly SealChange[]> {
  const shown: SealChange[] = [];
  async function* lines(): AsyncGenerator<string> {
    for await (const change of readChanges(artifacts, parts)) {
      if (shown.length < SHOWN_MAX) shown.push(change);
      yield changeLine(change);
    }
  }
  await streamText(artifacts, sealRunKey(run, 'changes.ndjson'), NDJSON_TYPE, lines());
  return shown;
}

function emitMetrics(run: SealRunPlan, { changes, faults, unsealed }: SealOutcome): void {
  // Alarms wait for these every day and week; what somebody asked for must not still them.
  if (run.trigger === 'daily') countMetric('daily_seal_completed');
  if (run.trigger === 'weekly') countMetric('weekly_seal_verification_completed');
  if (run.mode === 'verify') countMetric('entries_not_sealed', unsealed);
  countMetric('seals_broken', changes + faults);
  publishMetrics();
}

export const handler = lazily(() => {
  const names = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET', 'SEALS_BUCKET');
  return makeHandler({
    runs: { client: dynamoDb(), operationsTable: names.OPERATIONS_TABLE },
    seals: { client: s3(), bucket: names.SEALS_BUCKET },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
