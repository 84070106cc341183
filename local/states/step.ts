import type { Leaving, State } from './definition.ts';
import { type QueryScope, unexpectedType } from './query.ts';
import type { Frame } from './runtime.ts';

/** One visit of a state. */
export interface Step<S extends State = State> {
  readonly name: string;
  readonly state: S;
  readonly input: unknown;
  readonly frame: Frame;
  readonly enteredAt: Date;
  /** How often it has been tried again. */
  readonly retryCount: number;
}

/** What a state came to. */
export interface Outcome {
  /** Where `Output` and `Assign` stand: the state, a rule of a Choice, or a catcher. */
  readonly leaving: Leaving;
  /** The output when there is no `Output`. */
  readonly fallback: unknown;
  readonly next: string | undefined;
  readonly seen?: Seen;
}

/** What expressions see beside the input and the variables. */
export interface Seen {
  readonly result?: unknown;
  readonly errorOutput?: unknown;
  readonly mapItem?: { readonly Index: number; readonly Value: unknown };
  readonly taskToken?: string | undefined;
}

/** A state's field with its expressions evaluated. */
export function evaluateField(step: Step, template: unknown, field: string, seen: Seen = {}): Promise<unknown> {
  return step.frame.runtime.query.evaluate(template, field, scopeOf(step, seen));
}

/**
 * A field that must be a number of at least 0; undefined when it is absent.
 *
 * @throws StateFailure `States.QueryEvaluationError` when it is something else.
 */
export async function evaluateNumber(
  step: Step,
  template: number | string | undefined,
  field: string,
): Promise<number | undefined> {
  if (template === undefined) return undefined;
  const value = await evaluateField(step, template, field);
  if (typeof value === 'number' && value >= 0) return value;
  throw unexpectedType(field, 'number of at least 0', value);
}

function scopeOf(step: Step, seen: Seen): QueryScope {
  return {
    variables: step.frame.variables,
    states: {
      input: step.input,
      context: contextOf(step, seen),
      ...('result' in seen ? { result: seen.result } : {}),
      ...('errorOutput' in seen ? { errorOutput: seen.errorOutput } : {}),
    },
  };
}

/** The context object, `$states.context`. */
function contextOf(step: Step, seen: Seen): Record<string, unknown> {
  const { execution, mapItem: enclosingItem } = step.frame;
  const mapItem = seen.mapItem ?? enclosingItem;
  return {
    Execution: {
      Id: execution.arn,
      Input: execution.input,
      Name: execution.name,
      RoleArn: execution.roleArn,
      StartTime: execution.startedAt.toISOString(),
      RedriveCount: execution.redrives,
    },
    StateMachine: { Id: execution.stateMachineArn, Name: execution.stateMachineName },
    State: { EnteredTime: step.enteredAt.toISOString(), Name: step.name, RetryCount: step.retryCount },
    ...(seen.taskToken === undefined ? {} : { Task: { Token: seen.taskToken } }),
    ...(mapItem === undefined ? {} : { Map: { Item: mapItem } }),
  };
}
