import type { Place } from '../resources.ts';
import type { Clock } from './clock.ts';
import type { Flow } from './definition.ts';
import type { Execution, Executions, NewExecution } from './executions.ts';
import type { Trail } from './history.ts';
import type { Query } from './query.ts';
import type { TaskTokens } from './task-tokens.ts';

/** A call that a state machine makes to a service in its role's name. */
export interface ServiceCall {
  readonly roleArn: string;
  /** As in the `Resource`: `lambda`, `s3`, `dynamodb`, `states`... */
  readonly service: string;
  /** As in the `Resource`: `invoke`, `getObject`, `putItem`, `startExecution`... */
  readonly action: string;
  /**
   * The state's evaluated Arguments. For `lambda:invoke` that is `{ FunctionName, Payload }`, Payload being any JSON
   * value. For `states:startExecution` with a `mapRunArn`, nothing is to be started: the call asks only whether the
   * role may start the executions of this Map Run.
   */
  readonly input: Readonly<Record<string, unknown>>;
  /** The state that calls. */
  readonly state: string;
  /** Of a `.waitForTaskToken` task: the token that its arguments may carry. */
  readonly taskToken?: string;
}

/**
 * Makes a call and gives the service's answer. `lambda:invoke` answers `{ StatusCode, Payload, FunctionError? }` with
 * Payload as JSON text, as Lambda does; `s3:getObject` answers `{ Body }`, a string, bytes, or an SDK's stream.
 *
 * @throws AwsError what the service refuses, by its own error code. Any other Error fails the task by its `name`.
 */
export type CallService = (call: ServiceCall) => Promise<unknown>;

/** What every part of the interpreter shares. */
export interface Runtime {
  readonly place: Place;
  readonly clock: Clock;
  readonly random: () => number;
  readonly callService: CallService;
  readonly query: Query;
  readonly tokens: TaskTokens;
  readonly executions: Executions;
  /** The most branches or items that run at once, whatever a definition allows. */
  readonly concurrencyCeiling: number;
  readonly log: (line: string) => void;
  readonly stateEntered: (name: string) => void;
  readonly newId: () => string;
  /** Runs states until one of them ends the flow, and gives its output. */
  readonly runFlow: (flow: Flow, input: unknown, frame: Frame) => Promise<unknown>;
  readonly startExecution: (execution: NewExecution) => Execution;
}

/** Where a flow runs. A branch or an item has a frame of its own inside its execution. */
export interface Frame {
  readonly runtime: Runtime;
  readonly execution: Execution;
  readonly trail: Trail;
  /** Aborted when the flow must stop; its reason is then thrown. */
  readonly signal: AbortSignal;
  /** This flow's variables and those of the flows around it. */
  variables: Readonly<Record<string, unknown>>;
  readonly mapItem?: { readonly Index: number; readonly Value: unknown };
  /** Whether the flow is the execution's own, where it can be redriven from. */
  readonly topLevel: boolean;
}
