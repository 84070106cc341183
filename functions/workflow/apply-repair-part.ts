import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import type { Step } from '../../domain/repairs/steps.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import { partsDone, recordPart } from '../../store/repair-parts.ts';
import { RepairNotOursError } from '../../store/repair-states.ts';
import { getRepair, type RepairsStore, type StepCounts, type StepOutcome } from '../../store/repairs.ts';
import { type RetryClock, systemClock } from '../../store/retry.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { RepairEvent } from './repairs/event.ts';
import { type PartRef, readSteps, type StepResult, writeResults } from './repairs/files.ts';
import { look, type Poster, type PostingDeps, postRequest } from './repairs/post.ts';
import { byRequest } from './repairs/requests.ts';

export interface ApplyPartDeps extends Omit<PostingDeps, 'pace'> {
  readonly repairs: RepairsStore;
  readonly artifacts: Artifacts;
  readonly clock: RetryClock;
}

export interface ApplyPartEvent extends RepairEvent {
  /** `check` posts nothing: it says whether the plan still holds. */
  readonly do: 'check' | 'post';
  readonly part: PartRef;
}

export type ApplyPartAnswer =
  | { readonly stale: number; readonly posted: number }
  | { readonly part: number; readonly counts: StepCounts };

/**
 * Writes in a second. Parts are posted one after the other, so a repair takes at most 100 of the 500 transfers a second
 * that one strict account can take (AWS limit of a partition), and less of all else: those who charge go on.
 */
const WRITES_PER_SECOND = 100;

/** Checks or posts one part of a repair. Doing it again posts nothing twice, and goes on where it was broken off. */
export const makeHandler =
  (deps: ApplyPartDeps) =>
  async ({ repairId, execution, do: what, part }: ApplyPartEvent): Promise<ApplyPartAnswer> => {
    const poster = await posterOf(deps, repairId, execution);
    const isDone = (await partsDone(deps.repairs, repairId)).parts.has(part.part);
    if (isDone) return what === 'check' ? { stale: 0, posted: part.steps } : { part: part.part, counts: {} };
    const requests = byRequest(await readSteps(deps.artifacts, repairId, part));
    const posting = { ...deps, pace: pacer(deps.clock) };
    if (what === 'check') return checkAll(posting, poster, requests);
    const results: StepResult[] = [];
    for (const steps of requests) results.push(...(await postRequest(posting, poster, steps)));
    const counts = countsOf(results);
    await writeResults(deps.artifacts, repairId, part.part, results);
    await recordPart(deps.repairs, repairId, part.part, counts, deps.now());
    logger.info('Part applied', { repairId, part: part.part, counts });
    return { part: part.part, counts };
  };

/** Who posts. Only the execution that has the repair may. @throws RepairNotOursError */
async function posterOf({ repairs }: ApplyPartDeps, repairId: string, execution: string): Promise<Poster> {
  const repair = await getRepair(repairs, repairId);
  if (repair?.status !== 'applying' || repair.execution !== execution) {
    throw new RepairNotOursError(`The repair "${repairId}" is not to be applied by ${execution}.`);
  }
  return { repairId, by: repair.requestedBy };
}

async function checkAll(deps: PostingDeps, poster: Poster, requests: readonly (readonly Step[])[]) {
  const total = { stale: 0, posted: 0 };
  for (const steps of requests) {
    const { stale, posted } = await look(deps, poster, steps);
    total.stale += stale;
    total.posted += posted;
  }
  return total;
}

function countsOf(results: readonly StepResult[]): StepCounts {
  const counts: Partial<Record<StepOutcome, number>> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Lets each turn come no sooner than its share of a second after the one before. */
function pacer(clock: RetryClock): () => Promise<void> {
  let next = clock.now();
  return async () => {
    const wait = next - clock.now();
    next = Math.max(next, clock.now()) + 1_000 / WRITES_PER_SECOND;
    if (wait > 0) await clock.sleep(wait);
  };
}

export const handler = lazily(() => {
  const names = environment('LEDGER_TABLE', 'USAGE_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  const { LEDGER_TABLE: ledgerTable, USAGE_TABLE: usageTable, OPERATIONS_TABLE: operationsTable } = names;
  const client = dynamoDb();
  return makeHandler({
    books: { client, ledgerTable, usageTable },
    ledger: { client, ledgerTable, clock: systemClock, newId: randomUUID, listed: new Set(), grants: new Map() },
    repairs: { client, operationsTable },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    chart,
    clock: systemClock,
    now: () => new Date().toISOString(),
  });
});
