import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import type { BucketDay, SealContents } from '../../domain/seals/chain.ts';
import { isOverdue, type SealChange } from '../../domain/seals/compare.ts';
import type { LedgerEntry } from '../../domain/seals/entries.ts';
import { countChanges } from '../../domain/seals/outcome.ts';
import { SEALED_WITHIN_MS, type SealSlice, type SliceBucket } from '../../domain/seals/slices.ts';
import { addMilliseconds, type Day, type Instant } from '../../domain/time.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import { readContents, SealedObjectLostError } from '../../store/seal-bucket.ts';
import { isSealSliceDone, noteSealSliceFailure, recordSealSlice, type SealRunsStore } from '../../store/seal-runs.ts';
import { dynamoDbForPages, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { type BucketDayDeps, createSealWriter, readBucketDay } from './seals/bucket-day.ts';
import { writeSealPart } from './seals/parts.ts';
import type { SealRunPlan } from './seals/seal-run.ts';

export interface SealSliceDeps extends BucketDayDeps {
  readonly runs: SealRunsStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
  readonly newId: () => string;
}

/** Milliseconds that the clock of one who writes may be ahead of ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** A batch of slices, as the Distributed Map hands it out. */
export interface SealSliceEvent {
  readonly BatchInput: { readonly run: SealRunPlan };
  readonly Items: readonly SealSlice[];
}

/**
 * Seals slices, or only verifies them, one after the other, and leaves a part of the run for each. A slice that an earlier
 * attempt has done is passed over, so an attempt that ran out of time goes on where it was.
 */
export const makeHandler =
  (deps: SealSliceDeps) =>
  async ({ BatchInput: { run }, Items: slices }: SealSliceEvent): Promise<{ slices: number }> => {
    for (const slice of slices) {
      if (await isSealSliceDone(deps.runs, run, slice.id)) continue;
      try {
        await goThrough(deps, run, slice);
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const note = noteSealSliceFailure(deps.runs, run, { name, cause: `Slice ${slice.id}: ${message}` });
        // What went wrong first is what the workflow must hear of, whether it could be noted or not.
        await note.catch((failure: Error) => logger.error('A failure could not be noted', { error: failure }));
        throw error;
      }
    }
    return { slices: slices.length };
  };

async function goThrough(deps: SealSliceDeps, run: SealRunPlan, slice: SealSlice): Promise<void> {
  const found = { bucketDays: [] as BucketDay[], entries: 0, unsealed: 0 };
  const changes = changesOf(deps, run, slice, found);
  const attempt = { run, slice: slice.id, attempt: deps.newId() };
  const part = await writeSealPart(deps.artifacts, attempt, changes, () => found);
  await recordSealSlice(deps.runs, run, slice.id, deps.now());
  logger.info('Slice done', {
    id: run.id,
    slice: slice.id,
    entries: part.entries,
    changes: countChanges(part.counts),
  });
}

/** Goes through the buckets of a slice, and notes in `found` what it came to. */
async function* changesOf(
  deps: SealSliceDeps,
  run: SealRunPlan,
  { day, buckets }: SealSlice,
  found: { bucketDays: BucketDay[]; entries: number; unsealed: number },
): AsyncGenerator<SealChange> {
  const contents = new Map<string, SealContents>();
  for (const { bucket, sealed } of buckets) {
    // Of what was never sealed, a verification has nothing to say.
    if (run.mode === 'verify' && sealed === undefined) continue;
    const former = sealed && (await formerOf(deps, contents, { bucket, sealed }, day));
    const writer = run.mode === 'seal' ? createSealWriter(deps.seals, run.recordedUntil) : undefined;
    const each = async (entry: LedgerEntry) => {
      found.entries += 1;
      if (run.mode === 'verify' && former !== undefined && isOverdue(entry, former.sealing)) found.unsealed += 1;
      await writer?.add(entry);
    };
    let isChanged = false;
    for await (const change of readBucketDay(deps, { bucket, day }, former, each)) {
      isChanged = true;
      yield change;
    }
    // What differs from its seal is not sealed anew: that would seal the change.
    if (writer !== undefined && !isChanged) found.bucketDays.push(await writer.end(day, bucket));
  }
}

async function formerOf(
  deps: SealSliceDeps,
  known: Map<string, SealContents>,
  { bucket, sealed }: Required<SliceBucket>,
  day: Day,
) {
  const contents = known.get(sealed.contents) ?? (await readContents(deps.seals, sealed.contents));
  known.set(sealed.contents, contents);
  const bucketDay = contents.bucketDays.find((one) => one.day === day && one.bucket === bucket);
  if (bucketDay === undefined) throw new SealedObjectLostError(`Seal ${sealed.sequence} has no ${day} of ${bucket}.`);
  const { sequence: seal, recordedUntil } = sealed;
  const now = deps.now();
  const times = { now: addMilliseconds(now, CLOCK_SKEW_MS), dueUntil: addMilliseconds(now, -SEALED_WITHIN_MS) };
  return { bucketDay, sealing: { day, seal, recordedUntil, ...times } };
}

export const handler = lazily(() => {
  const names = environment('LEDGER_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET', 'SEALS_BUCKET');
  const client = dynamoDbForPages();
  return makeHandler({
    books: { client, ledgerTable: names.LEDGER_TABLE },
    runs: { client, operationsTable: names.OPERATIONS_TABLE },
    seals: { client: s3(), bucket: names.SEALS_BUCKET },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    chart,
    now: () => new Date().toISOString(),
    newId: randomUUID,
  });
});
