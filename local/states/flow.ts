import { failState, performChoice, performPass, performSucceed, performWait } from './control-states.ts';
import type { Flow, State } from './definition.ts';
import { covers, errorOutputOf, QUERY_ERROR, RUNTIME_ERROR, StateFailure } from './failure.ts';
import { payloadText } from './json.ts';
import { performMap } from './map.ts';
import { performParallel } from './parallel.ts';
import { createRetries } from './retry.ts';
import type { Frame } from './runtime.ts';
import { evaluateField, type Outcome, type Step } from './step.ts';
import { performTask } from './task.ts';

/** The states whose history says that they were interrupted. */
const ABORTABLE: readonly State['Type'][] = ['Task', 'Wait', 'Map', 'Parallel'];

/**
 * Runs states until one of them ends the flow, and gives its output.
 *
 * @throws StateFailure of the state that failed without a catcher; the frame's signal's reason once that is aborted.
 */
export async function runFlow(flow: Flow, input: unknown, frame: Frame): Promise<unknown> {
  let name: string | undefined = flow.StartAt;
  let value = input;
  while (name !== undefined) {
    if (frame.topLevel) frame.execution.position = { state: name, input: value, variables: frame.variables };
    const state: State | undefined = flow.States[name];
    if (state === undefined) throw new StateFailure(RUNTIME_ERROR, `There is no state "${name}" to go to.`);
    const left = await runState(name, state, value, frame);
    value = left.output;
    name = left.next;
  }
  return value;
}

interface Left {
  readonly output: unknown;
  readonly next: string | undefined;
}

async function runState(name: string, state: State, input: unknown, frame: Frame): Promise<Left> {
  frame.signal.throwIfAborted();
  const { runtime, trail } = frame;
  runtime.stateEntered(name);
  trail.record(`${state.Type}StateEntered`, { name, input: payloadText(input, `The input of state "${name}"`) });
  const retryDelay = createRetries('Retry' in state ? (state.Retry ?? []) : [], runtime.random);
  let step: Step = { name, state, input, frame, enteredAt: runtime.clock.now(), retryCount: 0 };
  for (;;) {
    try {
      return await leave(step, await perform(step));
    } catch (error) {
      const failure = failureOf(error, step);
      const delay = retryDelay(failure);
      if (delay === undefined) return catchFailure(step, failure);
      await runtime.clock.sleep(delay, frame.signal);
      step = { ...step, retryCount: step.retryCount + 1 };
    }
  }
}

function perform({ state, ...visit }: Step): Promise<Outcome> {
  switch (state.Type) {
    case 'Task':
      return performTask({ ...visit, state });
    case 'Parallel':
      return performParallel({ ...visit, state });
    case 'Map':
      return performMap({ ...visit, state });
    case 'Choice':
      return performChoice({ ...visit, state });
    case 'Wait':
      return performWait({ ...visit, state });
    case 'Pass':
      return performPass({ ...visit, state });
    case 'Succeed':
      return performSucceed({ ...visit, state });
    case 'Fail':
      return failState({ ...visit, state });
  }
}

/** Evaluates `Output` and `Assign`, both with the variables as they were, and leaves the state. */
async function leave(step: Step, outcome: Outcome): Promise<Left> {
  const { leaving, fallback, seen, next } = outcome;
  const { frame, name, state } = step;
  const output = 'Output' in leaving ? await evaluateField(step, leaving.Output, 'Output', seen) : fallback;
  const assigned = await assignments(step, outcome);
  const outputText = payloadText(output, `The output of state "${name}"`);
  frame.variables = { ...frame.variables, ...assigned };
  const assignedTexts = Object.entries(assigned).map(([variable, value]) => [variable, JSON.stringify(value)]);
  frame.trail.record(`${state.Type}StateExited`, {
    name,
    output: outputText,
    ...(assignedTexts.length === 0 ? {} : { assignedVariables: Object.fromEntries(assignedTexts) }),
  });
  return { output, next };
}

async function assignments(step: Step, { leaving, seen }: Outcome): Promise<Record<string, unknown>> {
  const assigned: [string, unknown][] = [];
  for (const [variable, template] of Object.entries(leaving.Assign ?? {})) {
    const value = await evaluateField(step, template, `Assign/${variable}`, seen);
    payloadText(value, `The variable "${variable}"`);
    assigned.push([variable, value]);
  }
  return Object.fromEntries(assigned);
}

/** What failed, as `Retry` and `Catch` can handle it. An interruption is none of theirs and is thrown on. */
function failureOf(error: unknown, { frame, state, name }: Step): StateFailure {
  if (frame.signal.aborted) {
    if (ABORTABLE.includes(state.Type)) frame.trail.record(`${state.Type}StateAborted`);
    throw frame.signal.reason;
  }
  if (!(error instanceof StateFailure)) throw error;
  if (error.error === QUERY_ERROR && error.location !== undefined) {
    const { error: errorName, reason: cause, location } = error;
    frame.trail.record('EvaluationFailed', { error: errorName, cause, location, state: name });
  }
  return error;
}

async function catchFailure(step: Step, failure: StateFailure): Promise<Left> {
  const catchers = 'Catch' in step.state ? (step.state.Catch ?? []) : [];
  const catcher = catchers.find(({ ErrorEquals }) => covers(ErrorEquals, failure.error));
  if (catcher === undefined) throw failure;
  const errorOutput = errorOutputOf(failure);
  return leave(step, { leaving: catcher, fallback: errorOutput, seen: { errorOutput }, next: catcher.Next });
}
