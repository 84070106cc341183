import { onTestFinished } from 'vitest';
import { type Clock, createVirtualClock } from '../../../local/states/clock.ts';
import { createStatesEngine, type StatesEngine } from '../../../local/states/engine.ts';
import type { HistoryEvent } from '../../../local/states/history.ts';
import type { CallService, ServiceCall } from '../../../local/states/runtime.ts';

export const PLACE = { accountId: '000000000000', region: 'us-east-1' };
export const MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:orders';
export const ROLE_ARN = 'arn:aws:iam::000000000000:role/orders';
export const START = new Date('2026-11-20T02:00:00Z');
export const INVOKE = 'arn:aws:states:::lambda:invoke';

/** What GetExecutionHistory and DescribeExecution tell, as far as tests look at it. */
export interface Outcome {
  readonly arn: string;
  readonly status: string;
  readonly output: unknown;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  /** Seconds from start to end on the virtual clock. */
  readonly seconds: number;
  readonly events: readonly HistoryEvent[];
}

export interface Bench {
  readonly engine: StatesEngine;
  readonly clock: Clock;
  readonly calls: ServiceCall[];
  /** Registers the machine and runs it to its end. */
  run(definition: object, input?: unknown): Promise<Outcome>;
  /** Starts the machine that was registered last. */
  start(input?: unknown, name?: string): Promise<string>;
  ended(executionArn: string): Promise<Outcome>;
  register(definition: object): void;
}

/** An engine on a virtual clock whose service calls are answered by `answer`; it is stopped with the test. */
export function bench(answer: CallService = async () => lambdaAnswer(null), random: () => number = counting()): Bench {
  const calls: ServiceCall[] = [];
  const clock = createVirtualClock(START);
  const engine = createStatesEngine({
    place: PLACE,
    clock,
    random,
    async callService(call) {
      calls.push(call);
      return answer(call);
    },
  });
  onTestFinished(() => engine.stop());
  const register = (definition: object) =>
    engine.register({ name: 'orders', arn: MACHINE_ARN, roleArn: ROLE_ARN, definition });
  const start = async (input: unknown = {}, name?: string) => {
    const request = { stateMachineArn: MACHINE_ARN, input: JSON.stringify(input), ...(name && { name }) };
    const { executionArn } = (await engine.handle('StartExecution', request)) as { executionArn: string };
    return executionArn;
  };
  const ended = (executionArn: string) => untilEnded(engine, executionArn);
  return {
    engine,
    clock,
    calls,
    register,
    start,
    ended,
    async run(definition, input) {
      register(definition);
      return ended(await start(input));
    },
  };
}

export function machine(states: Record<string, object>, more: object = {}): object {
  return { QueryLanguage: 'JSONata', StartAt: Object.keys(states)[0], States: states, ...more };
}

/** A machine of one state that ends with it. */
export function single(state: object): object {
  return machine({ Only: { ...state, End: true } });
}

export function task(more: object = {}): object {
  return { Type: 'Task', Resource: INVOKE, Arguments: { FunctionName: 'work' }, ...more };
}

export function lambdaAnswer(payload: unknown): unknown {
  return { StatusCode: 200, Payload: JSON.stringify(payload ?? null) };
}

export function lambdaError(errorType: string, errorMessage = 'it failed'): unknown {
  return { StatusCode: 200, FunctionError: 'Unhandled', Payload: JSON.stringify({ errorType, errorMessage }) };
}

/** Runs one expression in a Pass state. */
export async function evaluate(expression: string, input: unknown = {}): Promise<Outcome> {
  return bench().run(single({ Type: 'Pass', Output: `{% ${expression} %}` }), input);
}

export function typesOf(outcome: Outcome): string[] {
  return outcome.events.map(({ type }) => type);
}

/** Resolves once all work that can go on without time passing has been done. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function untilEnded(engine: StatesEngine, executionArn: string): Promise<Outcome> {
  const status = await engine.ended(executionArn);
  const details = (await engine.handle('DescribeExecution', { executionArn })) as Record<string, never>;
  return {
    arn: executionArn,
    status,
    output: details.output === undefined ? undefined : JSON.parse(details.output),
    error: details.error,
    cause: details.cause,
    seconds: Number(details.stopDate) - Number(details.startDate),
    events: await wholeHistory(engine, executionArn),
  };
}

async function wholeHistory(engine: StatesEngine, executionArn: string): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextToken: string | undefined;
  do {
    const request = { executionArn, maxResults: 1000, ...(nextToken && { nextToken }) };
    const page = (await engine.handle('GetExecutionHistory', request)) as {
      events: HistoryEvent[];
      nextToken?: string;
    };
    events.push(...page.events);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return events;
}

function counting(): () => number {
  let count = 0;
  return () => {
    count += 1;
    return (count * 0.618_033_988_749_895) % 1;
  };
}
