import type { Instant } from '../../domain/time.ts';
import { type Artifacts, repairKey, streamText } from '../../store/artifacts.ts';
import { partsDone } from '../../store/repair-parts.ts';
import { finishRepair } from '../../store/repair-states.ts';
import { getRepair, type Repair, type RepairsStore, type Verification } from '../../store/repairs.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { csvLine } from '../runtime/csv.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, publishMetrics } from '../runtime/metrics.ts';
import type { RepairEvent } from './repairs/event.ts';
import { PlanDiffersError, putJson, readPlan, readResults, readSteps } from './repairs/files.ts';
import { STEP_COLUMNS, stepCells } from './repairs/plan-files.ts';

export interface FinishRepairDeps {
  readonly repairs: RepairsStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

/** Without a verification, the plan was stale and nothing was posted. */
export interface FinishRepairEvent extends RepairEvent {
  readonly verification?: Verification;
}

/** A part of a repair has no record of being applied, though all parts were to be. */
export class PartMissingError extends Error {
  override name = 'PartMissingError';
}

/** Records how applying a repair ended, and writes what became of every step. Doing it again writes the same. */
export const makeHandler =
  (deps: FinishRepairDeps) =>
  async ({ repairId, execution, verification }: FinishRepairEvent): Promise<{ status: 'applied' | 'stale' }> => {
    const { repairs, artifacts, now } = deps;
    const repair = await getRepair(repairs, repairId);
    if (repair?.plan === undefined) throw new PlanDiffersError(`The repair "${repairId}" has no plan.`);
    if (verification === undefined) {
      await finishRepair(repairs, repair, { execution, at: now() }, { status: 'stale' });
      return { status: 'stale' };
    }
    const { parts, counts } = await partsDone(repairs, repairId);
    if (parts.size !== repair.plan.parts) {
      throw new PartMissingError(
        `Of ${repair.plan.parts} parts of the repair "${repairId}", ${parts.size} are applied.`,
      );
    }
    const results = await streamText(
      artifacts,
      repairKey(repairId, 'results.csv'),
      'text/csv; charset=utf-8',
      resultLines(artifacts, repair, repair.plan.hash),
    );
    const outcome = { repairId, hash: repair.plan.hash, counts, verification, results };
    await putJson(artifacts, repairId, 'outcome.json', outcome);
    await finishRepair(repairs, repair, { execution, at: now() }, { status: 'applied', counts, verification });
    countMetric('repair_steps_not_posted', (counts.stale ?? 0) + (counts.refused ?? 0) + (counts['not-tried'] ?? 0));
    publishMetrics();
    logger.info('Repair applied', { repairId, counts, verification });
    return { status: 'applied' };
  };

async function* resultLines(artifacts: Artifacts, { id }: Repair, hash: string): AsyncGenerator<string> {
  yield csvLine([...STEP_COLUMNS, 'outcome', 'reason']);
  for (const part of (await readPlan(artifacts, id, hash)).parts) {
    const results = new Map((await readResults(artifacts, id, part.part)).map((result) => [result.id, result]));
    for (const step of await readSteps(artifacts, id, part)) {
      const { outcome = '', reason = '' } = results.get(step.id) ?? {};
      yield csvLine([...stepCells(step), outcome, reason]);
    }
  }
}

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, ARTIFACTS_BUCKET } = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  return makeHandler({
    repairs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    artifacts: { client: s3(), bucket: ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
