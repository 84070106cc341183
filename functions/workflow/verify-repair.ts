import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { Instant } from '../../domain/time.ts';
import { getRepair, type Repair, type RepairsStore, type Verification } from '../../store/repairs.ts';
import { createRun, getRun, type Run, type RunRequest, type RunsStore, requestAgain } from '../../store/runs.ts';
import { dynamoDb, stepFunctions } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { RepairEvent } from './repairs/event.ts';
import { PlanDiffersError } from './repairs/files.ts';

export interface VerifyRepairDeps {
  readonly repairs: RepairsStore;
  readonly runs: RunsStore;
  readonly workflows: SFNClient;
  readonly reconcileArn: string;
  readonly now: () => Instant;
}

export interface VerifyRepairEvent extends RepairEvent {
  /** How often it was asked before, in this execution. */
  readonly looks: number;
}

export interface VerifyRepairAnswer {
  readonly isOver: boolean;
  readonly looks: number;
  readonly verification: Verification;
}

/** Looks after which a verifying run is given up: with the waits between them about six hours. */
const LOOKS_MAX = 720;

/**
 * Starts the run that verifies a repair, over the days that it repaired, and says how it is getting on. The run has a
 * name that follows from the repair's, so however often this is asked, there is one. One that failed is started again
 * once per execution; a repair ends without a verdict rather than not at all.
 */
export const makeHandler =
  (deps: VerifyRepairDeps) =>
  async ({ repairId, looks }: VerifyRepairEvent): Promise<VerifyRepairAnswer> => {
    const repair = await getRepair(deps.repairs, repairId);
    if (repair === undefined) throw new PlanDiffersError(`There is no repair "${repairId}".`);
    const run = looks === 0 ? await started(deps, repair) : await getRun(deps.runs, runIdOf(repairId));
    const isEnded = run?.status === 'succeeded' || run?.status === 'failed';
    const verification: Verification = {
      runId: runIdOf(repairId),
      ...(run?.outcome !== undefined && { verdict: run.outcome.verdict, findings: run.outcome.findings }),
    };
    if (isEnded) logger.info('Verified', { repairId, ...verification });
    return { isOver: isEnded || looks >= LOOKS_MAX, looks: looks + 1, verification };
  };

export function runIdOf(repairId: string): string {
  return `verify-${repairId}`;
}

async function started(deps: VerifyRepairDeps, { id, startDate, endDate, accounts }: Repair): Promise<Run> {
  const by = `repair:${id}`;
  const requestedAt = deps.now();
  const scope = { startDate, endDate, ...(accounts !== undefined && { accounts }) };
  const request: RunRequest = { id: runIdOf(id), trigger: 'request', ...scope, requestedAt, requestedBy: by };
  const result = await createRun(deps.runs, request);
  const run: Run =
    result.kind === 'created'
      ? { ...request, status: 'requested' }
      : result.run.status === 'failed'
        ? await requestAgain(deps.runs, result.run, by, requestedAt)
        : result.run;
  if (run.status === 'requested') await startWorkflow(deps, run);
  return run;
}

/** A name is good for one execution, so once that has ended another must do; a run belongs to the first that takes it. */
async function startWorkflow(deps: VerifyRepairDeps, run: RunRequest): Promise<void> {
  const { id: runId, trigger, startDate, endDate, accounts, requestedAt, requestedBy } = run;
  const input = JSON.stringify({ trigger, runId, startDate, endDate, accounts, requestedAt, requestedBy });
  const start = (name?: string) =>
    deps.workflows.send(
      new StartExecutionCommand({ stateMachineArn: deps.reconcileArn, input, ...(name && { name }) }),
    );
  try {
    await start(runId);
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
    await start();
  }
}

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, RECONCILE_STATE_MACHINE_ARN } = environment(
    'OPERATIONS_TABLE',
    'RECONCILE_STATE_MACHINE_ARN',
  );
  const operations = { client: dynamoDb(), operationsTable: OPERATIONS_TABLE };
  return makeHandler({
    repairs: operations,
    runs: operations,
    workflows: stepFunctions(),
    reconcileArn: RECONCILE_STATE_MACHINE_ARN,
    now: () => new Date().toISOString(),
  });
});
