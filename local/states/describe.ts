import type { Execution, MapRun } from './executions.ts';
import { epochSeconds } from './history.ts';

/** An execution in the answers of ListExecutions. */
export function executionItem(execution: Execution): Record<string, unknown> {
  return {
    executionArn: execution.arn,
    stateMachineArn: execution.stateMachineArn,
    name: execution.name,
    status: execution.status,
    startDate: epochSeconds(execution.startedAt),
    ...(execution.stoppedAt === undefined ? {} : { stopDate: epochSeconds(execution.stoppedAt) }),
    ...(execution.child === undefined
      ? {}
      : { mapRunArn: execution.child.mapRunArn, itemCount: execution.child.itemCount }),
    redriveCount: execution.redrives,
    ...(execution.redrivenAt === undefined ? {} : { redriveDate: epochSeconds(execution.redrivenAt) }),
  };
}

/** The answer of DescribeExecution. */
export function executionDetails(execution: Execution): Record<string, unknown> {
  const { itemCount: _, ...item } = executionItem(execution);
  const { output, error, cause } = execution;
  return {
    ...item,
    input: JSON.stringify(execution.input),
    inputDetails: { included: true },
    ...(output === undefined ? {} : { output, outputDetails: { included: true } }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    redriveStatus: isRedrivable(execution) ? 'REDRIVABLE' : 'NOT_REDRIVABLE',
  };
}

/** An execution that failed, timed out or was stopped; a child starts anew with its Map. */
export function isRedrivable({ status, child }: Execution): boolean {
  return child === undefined && status !== 'RUNNING' && status !== 'SUCCEEDED';
}

/** A Map Run in the answers of ListMapRuns. */
export function mapRunItem(mapRun: MapRun): Record<string, unknown> {
  return {
    executionArn: mapRun.executionArn,
    mapRunArn: mapRun.arn,
    stateMachineArn: mapRun.stateMachineArn,
    startDate: epochSeconds(mapRun.startedAt),
    ...(mapRun.stoppedAt === undefined ? {} : { stopDate: epochSeconds(mapRun.stoppedAt) }),
  };
}

/** The answer of DescribeMapRun. */
export function mapRunDetails(mapRun: MapRun): Record<string, unknown> {
  const { stateMachineArn: _, ...item } = mapRunItem(mapRun);
  return {
    ...item,
    status: mapRun.status,
    maxConcurrency: mapRun.maxConcurrency,
    toleratedFailureCount: mapRun.toleratedFailureCount ?? 0,
    toleratedFailurePercentage: mapRun.toleratedFailurePercentage ?? 0,
    executionCounts: counts(mapRun, mapRun.executionTotal, () => 1),
    itemCounts: counts(mapRun, mapRun.itemTotal, (child) => child.child?.itemCount ?? 1),
    redriveCount: 0,
  };
}

function counts(mapRun: MapRun, total: number, weight: (child: Execution) => number): Record<string, number> {
  const sum = { RUNNING: 0, SUCCEEDED: 0, FAILED: 0, TIMED_OUT: 0, ABORTED: 0 };
  for (const child of mapRun.children) sum[child.status] += weight(child);
  const started = Object.values(sum).reduce((all, some) => all + some, 0);
  // What never got its turn in a run that ended is no longer pending.
  const left = total - started;
  const over = mapRun.status !== 'RUNNING';
  return {
    pending: over ? 0 : left,
    running: sum.RUNNING,
    succeeded: sum.SUCCEEDED,
    failed: sum.FAILED,
    timedOut: sum.TIMED_OUT,
    aborted: sum.ABORTED + (over ? left : 0),
    total,
    resultsWritten: mapRun.resultsWritten ? started : 0,
  };
}
