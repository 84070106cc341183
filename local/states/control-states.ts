import type { ChoiceState, FailState, PassState, SucceedState, WaitState } from './definition.ts';
import { StateFailure } from './failure.ts';
import { unexpectedType } from './query.ts';
import { evaluateField, evaluateNumber, type Outcome, type Step } from './step.ts';

/** Follows the first rule whose condition is true; the state's own Output and Assign are for its Default. */
export async function performChoice(step: Step<ChoiceState>): Promise<Outcome> {
  const { state, input } = step;
  for (const [index, rule] of state.Choices.entries()) {
    const field = `Choices[${index}]/Condition`;
    const holds = await evaluateField(step, rule.Condition, field);
    if (typeof holds !== 'boolean') throw unexpectedType(field, 'boolean', holds);
    if (holds) return { leaving: rule, fallback: input, next: rule.Next };
  }
  if (state.Default === undefined) {
    throw new StateFailure(
      'States.NoChoiceMatched',
      `No condition of state "${step.name}" is true and it has no Default.`,
    );
  }
  return { leaving: state, fallback: input, next: state.Default };
}

export async function performWait(step: Step<WaitState>): Promise<Outcome> {
  const { state, input, frame } = step;
  await frame.runtime.clock.sleep(await waitMs(step), frame.signal);
  return { leaving: state, fallback: input, next: state.Next };
}

export async function performPass({ state, input }: Step<PassState>): Promise<Outcome> {
  return { leaving: state, fallback: input, next: state.Next };
}

export async function performSucceed({ state, input }: Step<SucceedState>): Promise<Outcome> {
  return { leaving: state, fallback: input, next: undefined };
}

/** @throws StateFailure always: the state's own Error and Cause. */
export async function failState(step: Step<FailState>): Promise<never> {
  throw new StateFailure(await failText(step, 'Error'), await failText(step, 'Cause'));
}

async function failText(step: Step<FailState>, field: 'Error' | 'Cause'): Promise<string | undefined> {
  const template = step.state[field];
  if (template === undefined) return undefined;
  const text = await evaluateField(step, template, field);
  if (typeof text !== 'string') throw unexpectedType(field, 'string', text);
  return text;
}

async function waitMs(step: Step<WaitState>): Promise<number> {
  const seconds = await evaluateNumber(step, step.state.Seconds, 'Seconds');
  if (seconds !== undefined) return seconds * 1000;
  const timestamp = await evaluateField(step, step.state.Timestamp, 'Timestamp');
  const until = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  if (Number.isNaN(until)) throw unexpectedType('Timestamp', 'timestamp', timestamp);
  return Math.max(0, until - step.frame.runtime.clock.now().getTime());
}
