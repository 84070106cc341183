import type { Execution, NewExecution } from './executions.ts';
import { ExecutionInterrupted, RUNTIME_ERROR, StateFailure, TIMEOUT } from './failure.ts';
import { startTrail, type Trail } from './history.ts';
import type { Runtime } from './runtime.ts';
import { whyOf } from './task-events.ts';

/** Starts an execution; its `ended` tells when it is over. */
export function startExecution(runtime: Runtime, start: NewExecution): Execution {
  const execution: Execution = {
    ...start,
    sequence: runtime.executions.byArn.size + 1,
    startedAt: runtime.clock.now(),
    events: [],
    status: 'RUNNING',
    redrives: 0,
    halt: new AbortController(),
    ended: Promise.resolve(),
  };
  runtime.executions.byArn.set(execution.arn, execution);
  const trail = startTrail(execution.events, runtime.clock);
  trail.record('ExecutionStarted', { input: JSON.stringify(start.input), roleArn: start.roleArn });
  execution.ended = run(runtime, execution, trail);
  return execution;
}

/** Takes a failed execution up again at the state that it had reached, with that state's input and variables. */
export function redriveExecution(runtime: Runtime, execution: Execution): Date {
  const redrivenAt = runtime.clock.now();
  execution.redrives += 1;
  execution.redrivenAt = redrivenAt;
  execution.status = 'RUNNING';
  delete execution.stoppedAt;
  delete execution.error;
  delete execution.cause;
  execution.halt = new AbortController();
  const trail = startTrail(execution.events, runtime.clock, execution.events.length);
  trail.record('ExecutionRedriven', { redriveCount: execution.redrives });
  execution.ended = run(runtime, execution, trail);
  return redrivenAt;
}

async function run(runtime: Runtime, execution: Execution, trail: Trail): Promise<void> {
  const { halt, flow, timeoutSeconds, child, position } = execution;
  const signal = child === undefined ? halt.signal : AbortSignal.any([halt.signal, child.signal]);
  const timer = new AbortController();
  if (timeoutSeconds !== undefined) {
    const expire = () => halt.abort(new ExecutionInterrupted('TIMED_OUT', TIMEOUT));
    runtime.clock.sleep(timeoutSeconds * 1000, timer.signal).then(expire, () => undefined);
  }
  try {
    const frame = { runtime, execution, trail, signal, variables: position?.variables ?? {}, topLevel: true };
    const start = { ...flow, StartAt: position?.state ?? flow.StartAt };
    const output = await runtime.runFlow(start, position === undefined ? execution.input : position.input, frame);
    execution.output = JSON.stringify(output);
    execution.status = 'SUCCEEDED';
    trail.record('ExecutionSucceeded', { output: execution.output });
  } catch (error) {
    // What stops the whole Map Run, its parent's timeout say, aborts its children.
    const stopped = signal.aborted ? new ExecutionInterrupted('ABORTED') : asFailure(error, runtime);
    endUnwell(execution, trail, halt.signal.aborted ? halt.signal.reason : stopped);
  } finally {
    timer.abort();
    execution.stoppedAt = runtime.clock.now();
  }
}

function endUnwell(execution: Execution, trail: Trail, end: StateFailure | ExecutionInterrupted): void {
  const why = whyOf(end);
  execution.error = why.error;
  execution.cause = why.cause;
  execution.status = end instanceof ExecutionInterrupted ? end.status : 'FAILED';
  const type = { ABORTED: 'ExecutionAborted', TIMED_OUT: 'ExecutionTimedOut', FAILED: 'ExecutionFailed' };
  trail.record(type[execution.status], why);
}

function asFailure(error: unknown, runtime: Runtime): StateFailure {
  if (error instanceof StateFailure) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  runtime.log(`The interpreter failed by itself: ${text}`);
  return new StateFailure(RUNTIME_ERROR, text);
}
