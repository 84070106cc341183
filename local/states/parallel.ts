import type { ParallelState } from './definition.ts';
import { runInnerFlows } from './inner-flows.ts';
import { evaluateField, type Outcome, type Step } from './step.ts';

/** Runs the branches side by side; the result is the array of their outputs. The first failure stops the others. */
export async function performParallel(step: Step<ParallelState>): Promise<Outcome> {
  const { state, frame } = step;
  const input = 'Arguments' in state ? await evaluateField(step, state.Arguments, 'Arguments') : step.input;
  frame.trail.record('ParallelStateStarted');
  const limit = Math.min(state.Branches.length, frame.runtime.concurrencyCeiling);
  const result = await runInnerFlows(frame, 'Parallel', { count: state.Branches.length, limit }, (index, inner) => {
    const branch = state.Branches[index];
    return branch === undefined ? Promise.resolve(undefined) : frame.runtime.runFlow(branch, input, inner);
  });
  frame.trail.record('ParallelStateSucceeded');
  return { leaving: state, fallback: result, seen: { result }, next: state.Next };
}
