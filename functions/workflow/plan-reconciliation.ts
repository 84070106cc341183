import { periodOf, planSlices } from '../../domain/reconciliation/slices.ts';
import type { Instant } from '../../domain/time.ts';
import { type Artifacts, putText, runKey } from '../../store/artifacts.ts';
import { claimRun, type RunsStore } from '../../store/runs.ts';
import { BUCKETS, bucketName } from '../../store/tables.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { JSON_TYPE } from './reconciliation/parts.ts';
import { type RunPlan, runOf } from './reconciliation/run-plan.ts';

export interface PlanDeps {
  readonly runs: RunsStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

export interface PlanEvent {
  /** What the execution was started with. */
  readonly input: unknown;
  /** The execution's ARN. */
  readonly execution: string;
}

export type PlanAnswer =
  | { readonly claimed: true; readonly run: RunPlan }
  | { readonly claimed: false; readonly runId: string; readonly heldBy: string };

/** Takes the run for this execution and divides it into slices; says so when another execution has it. */
export const makeHandler =
  ({ runs, artifacts, now }: PlanDeps) =>
  async ({ input, execution }: PlanEvent): Promise<PlanAnswer> => {
    const request = runOf(input);
    const slices = planSlices(
      periodOf(request),
      Array.from({ length: BUCKETS }, (_, index) => bucketName(index)),
    );
    const result = await claimRun(runs, { ...request, execution, startedAt: now(), slices: slices.length });
    if (result.kind === 'taken') {
      const heldBy = result.run.execution ?? 'nobody';
      logger.info('The run is another execution’s', { runId: request.id, heldBy });
      return { claimed: false, runId: request.id, heldBy };
    }
    const slicesKey = runKey(request.id, 'slices.json');
    await putText(artifacts, slicesKey, JSON_TYPE, JSON.stringify(slices));
    logger.info('Planned', { runId: request.id, slices: slices.length });
    return { claimed: true, run: { ...result.run, slicesKey } };
  };

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, ARTIFACTS_BUCKET } = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  return makeHandler({
    runs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    artifacts: { client: s3(), bucket: ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
