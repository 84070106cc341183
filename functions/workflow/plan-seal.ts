import {
  type BucketDay,
  headBehind,
  type KeptLink,
  type SealContents,
  type SealFault,
  type SealHead,
  type SealLink,
  verifySealChain,
} from '../../domain/seals/chain.ts';
import {
  type HoldingSeal,
  LATE_DAYS_MAX,
  olderMonthToVerify,
  planSealSlices,
  SETTLING_MS,
} from '../../domain/seals/slices.ts';
import { addMilliseconds, type Day, dayOf, type Instant } from '../../domain/time.ts';
import { type Artifacts, putText, sealRunKey } from '../../store/artifacts.ts';
import { sha256 } from '../../store/audit.ts';
import { type LateDay, type LateDaysStore, readLateDays } from '../../store/late-days.ts';
import { headOf, readContents, readSealChain, type SealBucket } from '../../store/seal-bucket.ts';
import {
  claimSealRun,
  getSealRun,
  type SealRun,
  type SealRunRequest,
  type SealRunsStore,
} from '../../store/seal-runs.ts';
import { listedSeals } from '../../store/seals.ts';
import { BUCKETS, bucketName } from '../../store/tables.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { JSON_TYPE } from './reconciliation/parts.ts';
import { findingsOfPlanKey, type SealRunPlan, sealRunOf } from './seals/seal-run.ts';

export interface PlanSealDeps {
  readonly books: LateDaysStore;
  readonly runs: SealRunsStore;
  readonly seals: SealBucket;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

export interface PlanSealEvent {
  /** What the execution was started with. */
  readonly input: unknown;
  /** The execution's ARN. */
  readonly execution: string;
}

export type PlanSealAnswer =
  | { readonly claimed: true; readonly run: SealRunPlan }
  | { readonly claimed: false; readonly id: string; readonly heldBy: string };

/** What the plan found, before any transfer was read. */
export interface PlanFindings {
  readonly faults: readonly SealFault[];
  readonly daysNotSealed: readonly Day[];
}

/**
 * Verifies the chain of seals, finds the seal that holds for each bucket's day, takes the run for this execution and divides
 * it into slices; says so when another execution has it.
 */
export const makeHandler =
  (deps: PlanSealDeps) =>
  async ({ input, execution }: PlanSealEvent): Promise<PlanSealAnswer> => {
    const asked = sealRunOf(input);
    const known = await getSealRun(deps.runs, asked);
    if (known?.status === 'succeeded') return doneBefore(known);
    const [kept, listed] = await Promise.all([readSealChain(deps.seals), listedSeals(deps.runs)]);
    const chain = beforeItsOwn(kept, asked);
    // One that starts again keeps the days that it had: its parts and its seal must come out the same.
    const request = { ...asked, days: known?.days ?? (await daysOfRun(deps, asked, chain)) };
    const after = chain === kept ? headBehind(headOf(kept), listed, sha256) : headOf(chain);
    const holding = await holdingSeals(deps.seals, chain, request.days);
    const buckets = Array.from({ length: BUCKETS }, (_, index) => bucketName(index));
    const slices = planSealSlices(request.days, buckets, after.sequence, (day, bucket) =>
      holding.get(`${day}/${bucket}`),
    );

    const claim = { ...request, execution, startedAt: deps.now(), after: after.sequence, slices: slices.length };
    const result = await claimSealRun(deps.runs, claim);
    if (result.kind === 'taken') return taken(result.run);
    const sealedDays = new Set(
      slices.filter(({ buckets }) => buckets.some(({ sealed }) => sealed)).map(({ day }) => day),
    );
    const findings: PlanFindings = {
      faults: await faultsOf(deps, kept, listed),
      daysNotSealed: request.mode === 'seal' ? [] : request.days.filter((day) => !sealedDays.has(day)),
    };
    const slicesKey = sealRunKey(request, `slices-after-${after.sequence}.json`);
    await putText(deps.artifacts, slicesKey, JSON_TYPE, JSON.stringify(slices));
    await putText(deps.artifacts, findingsOfPlanKey(request, after), JSON_TYPE, JSON.stringify(findings));
    const { startedAt } = result.run;
    const recordedUntil = addMilliseconds(startedAt, -SETTLING_MS);
    logger.info('Planned', { id: request.id, mode: request.mode, slices: slices.length, after: after.sequence });
    return { claimed: true, run: { ...result.run, after, recordedUntil, slicesKey } };
  };

/** The record says that the run is done, and has nothing of what doing it leaves. Somebody wrote it there by hand. */
export class SealRunNotDoneError extends Error {
  override name = 'SealRunNotDoneError';
}

/** A schedule that fires twice comes to what was done the first time; what nobody did is not passed over in silence. */
function doneBefore(run: SealRun): PlanSealAnswer {
  if (run.execution !== undefined && run.outcome !== undefined) return taken(run);
  throw new SealRunNotDoneError(
    `"${run.id}" is recorded as done, and no execution did it. Ask for the same days under another id.`,
  );
}

/** The days that were asked for, and those that its schedule owes besides. */
async function daysOfRun(
  deps: PlanSealDeps,
  { trigger, days, requestedAt }: SealRunRequest,
  chain: readonly KeptLink[],
): Promise<readonly Day[]> {
  if (trigger === 'request') return days;
  const links = chain.flatMap(({ link }) => link ?? []);
  const more =
    trigger === 'daily'
      ? lateDaysToSeal(await readLateDays(deps.books), links)
      : olderMonthToVerify(dayOf(requestedAt), firstOf(links.flatMap((link) => link.days)));
  return [...new Set([...days, ...more])].sort();
}

/** Days noted as late whose newest seal may have been made without what came late. */
function lateDaysToSeal(noted: readonly LateDay[], links: readonly SealLink[]): Day[] {
  const sealedUntil = new Map<Day, Instant>();
  for (const { days, recordedUntil } of links) for (const day of days) sealedUntil.set(day, recordedUntil);
  const isOwed = ({ day, recordedAt }: LateDay) =>
    // Of two who noted a day at once, the last to write may have recorded first.
    addMilliseconds(recordedAt, SETTLING_MS) > (sealedUntil.get(day) ?? '');
  const owed = noted.filter(isOwed).sort((a, b) => (a.recordedAt < b.recordedAt ? -1 : 1));
  return owed.slice(0, LATE_DAYS_MAX).map(({ day }) => day);
}

function firstOf(days: readonly Day[]): Day | undefined {
  return days.reduce<Day | undefined>((first, day) => (first === undefined || day < first ? day : first), undefined);
}

function taken({ id, execution: heldBy = 'nobody' }: SealRun): PlanSealAnswer {
  logger.info('It is another execution’s', { id, heldBy });
  return { claimed: false, id, heldBy };
}

/** The chain as it was before a seal that this very run has made: one that was broken off at its end ends the same. */
function beforeItsOwn(kept: readonly KeptLink[], { mode, id }: SealRunRequest): readonly KeptLink[] {
  const own = mode === 'seal' ? kept.findIndex(({ link }) => link?.id === id) : -1;
  return own < 0 ? kept : kept.slice(0, own);
}

/** For each bucket's day that was ever sealed the newest seal that has it. */
async function holdingSeals(
  seals: SealBucket,
  chain: readonly KeptLink[],
  days: readonly Day[],
): Promise<Map<string, HoldingSeal>> {
  const holding = new Map<string, HoldingSeal>();
  const wanted = new Map(days.map((day) => [day, BUCKETS]));
  for (const { link, sequence } of chain.toReversed()) {
    if (wanted.size === 0) break;
    if (link === undefined || !link.days.some((day) => wanted.has(day))) continue;
    const { recordedUntil, contents } = link;
    for (const { day, bucket } of ofDays(await readContents(seals, contents), wanted)) {
      const key = `${day}/${bucket}`;
      if (holding.has(key)) continue;
      holding.set(key, { sequence, recordedUntil, contents });
      const left = (wanted.get(day) ?? 0) - 1;
      if (left > 0) wanted.set(day, left);
      else wanted.delete(day);
    }
  }
  return holding;
}

function ofDays({ bucketDays }: SealContents, days: ReadonlyMap<Day, number>): BucketDay[] {
  return bucketDays.filter(({ day }) => days.has(day));
}

/** A seal is in the bucket a moment before the table lists it, and longer where its run broke off just there: no fault. */
async function faultsOf(
  deps: PlanSealDeps,
  kept: readonly KeptLink[],
  listed: readonly SealHead[],
): Promise<SealFault[]> {
  const faults: SealFault[] = [];
  const listedSequences = new Set(listed.map(({ sequence }) => sequence));
  for (const fault of verifySealChain(kept, listed, sha256)) {
    const link = kept.find(({ sequence }) => sequence === fault.sequence)?.link;
    if (fault.kind === 'unlisted' && link !== undefined && !listedSequences.has(fault.sequence)) {
      const run = await getSealRun(deps.runs, { mode: 'seal', id: link.id });
      if (run !== undefined && run.status !== 'succeeded') continue;
    }
    faults.push(fault);
  }
  return faults;
}

export const handler = lazily(() => {
  const names = environment('LEDGER_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET', 'SEALS_BUCKET');
  return makeHandler({
    books: { client: dynamoDb(), ledgerTable: names.LEDGER_TABLE },
    runs: { client: dynamoDb(), operationsTable: names.OPERATIONS_TABLE },
    seals: { client: s3(), bucket: names.SEALS_BUCKET },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
