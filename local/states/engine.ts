import { AwsError, type Place } from '../resources.ts';
import { createApi, findExecution, type RegisteredMachine } from './api.ts';
import type { Clock } from './clock.ts';
import { readDefinition } from './definition-check.ts';
import { startExecution } from './execution-run.ts';
import type { ExecutionStatus } from './executions.ts';
import { ExecutionInterrupted } from './failure.ts';
import { runFlow } from './flow.ts';
import { createQuery } from './query.ts';
import { uuidFrom } from './query-functions.ts';
import type { CallService, Runtime } from './runtime.ts';
import { createTaskTokens } from './task-tokens.ts';

export interface StatesEngineOptions {
  readonly place: Place;
  readonly callService: CallService;
  readonly clock: Clock;
  /** Gives numbers from 0 up to but not including 1: for jitter, `$random`, `$uuid`, execution ids and task tokens. */
  readonly random: () => number;
  /** Told of faults of the interpreter itself, which fail the execution as `States.Runtime`. */
  readonly log?: (line: string) => void;
  /** The most branches or items that run at once, whatever a definition allows; without a ceiling when absent. */
  readonly concurrencyCeiling?: number;
  /** Told of every state that any execution enters. */
  readonly onStateEntered?: (name: string) => void;
}

/** Runs JSONata state machines as AWS Step Functions runs standard workflows. */
export interface StatesEngine {
  /**
   * Makes a state machine known. Registering an ARN again replaces its definition for executions started later.
   *
   * @throws AwsError `InvalidDefinition` naming the state and the rule it breaks.
   */
  register(machine: {
    readonly name: string;
    readonly arn: string;
    readonly roleArn: string;
    /** Amazon States Language, as JSON text or as the object. */
    readonly definition: string | object;
  }): void;
  /** Answers an operation of the Step Functions API (JSON 1.0) by its name. @throws AwsError */
  handle(operation: string, input: unknown): Promise<unknown>;
  /** Waits until an execution has ended and says how it did. @throws AwsError when there is none. */
  ended(executionArn: string): Promise<Exclude<ExecutionStatus, 'RUNNING'>>;
  /** Ends all executions and their timers; resolves when nothing runs any more. Nothing can be started after it. */
  stop(): Promise<void>;
}

export function createStatesEngine(options: StatesEngineOptions): StatesEngine {
  const { place, callService, clock, random } = options;
  const newId = () => uuidFrom(random);
  const runtime: Runtime = {
    place,
    clock,
    random,
    callService,
    log: options.log ?? (() => undefined),
    newId,
    query: createQuery(clock, random),
    tokens: createTaskTokens(newId),
    executions: { byArn: new Map(), mapRuns: new Map() },
    concurrencyCeiling: options.concurrencyCeiling ?? Number.POSITIVE_INFINITY,
    stateEntered: options.onStateEntered ?? (() => undefined),
    runFlow,
    startExecution: (start) => startExecution(runtime, start),
  };
  const machines = new Map<string, RegisteredMachine>();
  const answer = createApi(runtime, machines);
  let stopped = false;

  return {
    register({ name, arn, roleArn, definition }) {
      const text = typeof definition === 'string' ? definition : JSON.stringify(definition);
      const machine = readDefinition(text);
      const sequence = machines.get(arn)?.sequence ?? machines.size + 1;
      machines.set(arn, { sequence, name, arn, roleArn, definition: text, machine, createdAt: clock.now() });
    },
    async handle(operation, input) {
      if (stopped) throw new AwsError('ServiceUnavailable', 'The Step Functions engine was stopped.', 503);
      return answer(operation, input);
    },
    async ended(executionArn) {
      const execution = findExecution(runtime, { executionArn });
      for (;;) {
        if (execution.status !== 'RUNNING') return execution.status;
        await execution.ended;
      }
    },
    async stop() {
      stopped = true;
      const running = [...runtime.executions.byArn.values()].filter(({ status }) => status === 'RUNNING');
      for (const { halt } of running) halt.abort(new ExecutionInterrupted('ABORTED'));
      await Promise.all(running.map(({ ended }) => ended));
    },
  };
}
