import type { MapState } from './definition.ts';
import type { Execution, MapRun } from './executions.ts';
import { ExecutionInterrupted, StateFailure } from './failure.ts';
import { type ChildInput, childInputs } from './item-batches.ts';
import { readItems } from './item-reader.ts';
import { callForMap } from './map-call.ts';
import { mapItems } from './map-items.ts';
import { childResults, writeResults } from './result-writer.ts';
import { evaluateNumber, type Step } from './step.ts';
import { whyOf } from './task-events.ts';
import { forEachIndex } from './waiting.ts';

/** How many children of one Map Run AWS runs at once at most. */
const MAX_CHILDREN_AT_ONCE = 10_000;
/** How long AWS lets an express execution take. */
const EXPRESS_TIMEOUT_SECONDS = 300;

/** Runs a child execution for every item or batch of items: a Map Run. Gives the Map state's result. */
export async function performDistributedMap(step: Step<MapState>): Promise<unknown> {
  const { state, frame } = step;
  const items = state.ItemReader === undefined ? await mapItems(step) : await readItems(step, state.ItemReader);
  const inputs = await childInputs(step, items);
  frame.trail.record('MapStateStarted', { length: items.length });
  const mapRun = await openMapRun(step, items.length, inputs.length);
  frame.trail.record('MapRunStarted', { mapRunArn: mapRun.arn });
  try {
    await authorize(step, mapRun, 'startExecution');
    await authorize(step, mapRun, 'describeExecution');
    await runChildren(step, mapRun, inputs);
    const result = await resultOf(step, mapRun);
    if (exceedsTolerance(mapRun)) throw toleranceExceeded();
    close(step, mapRun, 'SUCCEEDED');
    frame.trail.record('MapStateSucceeded');
    return result;
  } catch (error) {
    close(step, mapRun, frame.signal.aborted ? 'ABORTED' : 'FAILED', error);
    if (!frame.signal.aborted) frame.trail.record('MapStateFailed');
    throw error;
  }
}

async function openMapRun(step: Step<MapState>, itemTotal: number, executionTotal: number): Promise<MapRun> {
  const { state, frame } = step;
  const { runtime, execution } = frame;
  const { accountId, region } = runtime.place;
  const label = labelOf(step);
  const mapRun: MapRun = {
    arn: `arn:aws:states:${region}:${accountId}:mapRun:${execution.stateMachineName}/${label}:${runtime.newId()}`,
    executionArn: execution.arn,
    stateMachineArn: execution.stateMachineArn,
    startedAt: runtime.clock.now(),
    maxConcurrency: (await evaluateNumber(step, state.MaxConcurrency, 'MaxConcurrency')) ?? 0,
    toleratedFailureCount: await evaluateNumber(step, state.ToleratedFailureCount, 'ToleratedFailureCount'),
    toleratedFailurePercentage: await evaluateNumber(
      step,
      state.ToleratedFailurePercentage,
      'ToleratedFailurePercentage',
    ),
    executionTotal,
    itemTotal,
    children: [],
    status: 'RUNNING',
    resultsWritten: false,
  };
  runtime.executions.mapRuns.set(mapRun.arn, mapRun);
  return mapRun;
}

/**
 * The machine's own role must be allowed what the service does in its name: to start children, to look after them, and
 * to stop them (AWS's policy for Distributed Maps).
 */
async function authorize(
  step: Step<MapState>,
  { arn: mapRunArn, stateMachineArn, executionArn }: MapRun,
  action: 'startExecution' | 'describeExecution' | 'stopExecution',
): Promise<void> {
  const target = action === 'startExecution' ? { stateMachineArn } : { executionArn };
  await callForMap(step, ['states', action], { ...target, mapRunArn }, (failure) => failure);
}

/** Ends when all children have ended, or when too many have failed and the others were stopped. */
async function runChildren(step: Step<MapState>, mapRun: MapRun, inputs: readonly ChildInput[]): Promise<void> {
  const { signal: outer, runtime } = step.frame;
  const halt = new AbortController();
  const signal = AbortSignal.any([outer, halt.signal]);
  const limit = Math.min(
    mapRun.maxConcurrency || MAX_CHILDREN_AT_ONCE,
    MAX_CHILDREN_AT_ONCE,
    runtime.concurrencyCeiling,
  );
  await forEachIndex(inputs.length, limit, async (index) => {
    const input = inputs[index];
    if (input === undefined || signal.aborted) return;
    const child = startChild(step, mapRun, input, signal);
    mapRun.children.push(child);
    await child.ended;
    if (child.status === 'SUCCEEDED' || halt.signal.aborted || !exceedsTolerance(mapRun)) return;
    halt.abort(new ExecutionInterrupted('ABORTED'));
    await authorize(step, mapRun, 'stopExecution');
  });
  outer.throwIfAborted();
}

function startChild(
  step: Step<MapState>,
  mapRun: MapRun,
  { input, itemCount }: ChildInput,
  signal: AbortSignal,
): Execution {
  const { runtime, execution } = step.frame;
  const { accountId, region } = runtime.place;
  const name = runtime.newId();
  const machineName = `${execution.stateMachineName}/${labelOf(step)}`;
  const express = step.state.ItemProcessor.ProcessorConfig?.ExecutionType === 'EXPRESS';
  return runtime.startExecution({
    arn: `arn:aws:states:${region}:${accountId}:${express ? 'express' : 'execution'}:${machineName}:${name}`,
    name,
    stateMachineArn: `${execution.stateMachineArn}/${labelOf(step)}`,
    stateMachineName: machineName,
    roleArn: execution.roleArn,
    flow: step.state.ItemProcessor,
    timeoutSeconds: express ? EXPRESS_TIMEOUT_SECONDS : undefined,
    input,
    child: { mapRunArn: mapRun.arn, itemCount, express, signal },
  });
}

/** Whether more items have failed than the state tolerates: none, unless it says otherwise. */
function exceedsTolerance(mapRun: MapRun): boolean {
  const { toleratedFailureCount: count, toleratedFailurePercentage: percentage } = mapRun;
  let failed = 0;
  for (const child of mapRun.children) {
    if (child.status === 'FAILED' || child.status === 'TIMED_OUT') failed += child.child?.itemCount ?? 1;
  }
  if (count === undefined && percentage === undefined) return failed > 0;
  if (count !== undefined && failed > count) return true;
  return percentage !== undefined && failed * 100 > percentage * mapRun.itemTotal;
}

function toleranceExceeded(): StateFailure {
  return new StateFailure(
    'States.ExceedToleratedFailureThreshold',
    'The specified tolerated failure threshold was exceeded',
  );
}

async function resultOf(step: Step<MapState>, mapRun: MapRun): Promise<unknown> {
  const { ResultWriter: writer } = step.state;
  if (writer?.Resource !== undefined) return writeResults(step, writer, mapRun);
  return childResults(mapRun.children, writer?.WriterConfig?.Transformation);
}

function close(
  step: Step<MapState>,
  mapRun: MapRun,
  status: 'SUCCEEDED' | 'FAILED' | 'ABORTED',
  error?: unknown,
): void {
  mapRun.status = status;
  mapRun.stoppedAt = step.frame.runtime.clock.now();
  const type = { SUCCEEDED: 'MapRunSucceeded', FAILED: 'MapRunFailed', ABORTED: 'MapRunAborted' }[status];
  const why = status === 'FAILED' && error instanceof StateFailure ? whyOf(error) : undefined;
  step.frame.trail.record(type, why);
}

function labelOf(step: Step<MapState>): string {
  return step.state.Label ?? step.name;
}
