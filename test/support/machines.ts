import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { ExecutionAlreadyExists, SFNClient } from '@aws-sdk/client-sfn';
import { type Clock, systemClock } from '../../local/states/clock.ts';
import { createStatesEngine, type StatesEngine } from '../../local/states/engine.ts';
import type { ServiceCall } from '../../local/states/runtime.ts';
import { type Artifacts, getText } from '../../store/artifacts.ts';

export type When = 'before' | 'after';

/** The functions of one state machine, named as its definition names them: `${PlanFunctionArn}` is `plan`. */
type Functions = Readonly<Record<string, (event: never) => Promise<unknown>>>;

interface MachinesOptions {
  /** By the name of the state machine's file: `() => ({ reconcile: { plan, slice, summarise, fail } })`. */
  readonly functions: (workflows: SFNClient) => Readonly<Record<string, Functions>>;
  /** The machine whose steps a test may break off; the others go their way undisturbed. */
  readonly watched: string;
  /** Where the machines read lists of items from. */
  readonly artifacts: Artifacts;
  /** What a call of a function is a step of, where one function does several; left out, the function's own name. */
  readonly stepOf?: (name: string, payload: unknown) => string;
}

/** State machines of the project on the local engine, with their functions in this process. */
export interface Machines {
  /** Called before and after each call of a function by the watched machine; what it throws fails the call. */
  breakOff: (step: string, when: When) => Promise<void>;
  /** The step of the watched machine that the running code belongs to, and which of its calls this is, from 1. */
  current(): { readonly step: string; readonly call: number } | undefined;
  /** Starts executions as functions and the API do. */
  readonly workflows: SFNClient;
  /** Starts an execution and gives its ARN. */
  start(machine: string, input: unknown): Promise<string>;
  /** Waits until an execution has ended and says how: `SUCCEEDED`, `FAILED` or `ABORTED`. */
  ended(executionArn: string): Promise<string>;
  /** Waits until every execution has ended, those too that are started meanwhile. */
  settled(): Promise<void>;
  /** How the watched machine's executions stand, in the order in which they were started. */
  statuses(): Promise<string[]>;
  /** Stops the watched machine's execution that is running and gives its ARN. */
  stopRunning(): Promise<string>;
  /** Takes a stopped execution up where it was, and waits until every execution has ended. */
  redrive(executionArn: string): Promise<void>;
  /** Forgets every execution and their names. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** What waits longer than half a minute is a timeout, and real. */
const TIMEOUT_MS_MIN = 30_000;

/** How long any other wait takes at most. */
const IMPATIENCE_MS = 100;

export function startMachines({ watched, artifacts, stepOf = (name) => name, ...options }: MachinesOptions): Machines {
  const workflows = workflowsClient(startExecution);
  const functions = options.functions(workflows);
  const current = new AsyncLocalStorage<{ readonly step: string; readonly call: number }>();
  let calls = new Map<string, number>();
  let executions = new Set<string>();

  const isOfWatched = (executionArn: string) => executionArn.includes(`:${watched}:`);
  const ofWatched = () => [...executions].filter(isOfWatched);
  const ofOthers = () => [...executions].filter((executionArn) => !isOfWatched(executionArn));

  /** Waits are over at once, or when what the watched machine may be waiting for is: executions of other machines. */
  const impatient: Clock = {
    now: systemClock.now,
    async sleep(milliseconds, signal) {
      if (milliseconds > TIMEOUT_MS_MIN) return systemClock.sleep(milliseconds, signal);
      const isOver = new AbortController();
      void Promise.all(ofOthers().map((executionArn) => engine.ended(executionArn))).then(() => isOver.abort());
      const wait = systemClock.sleep(IMPATIENCE_MS, AbortSignal.any([signal, isOver.signal]));
      await wait.catch(() => signal.throwIfAborted());
    },
  };

  let engine = newEngine();

  function newEngine(): StatesEngine {
    const place = { accountId: '000000000000', region: 'us-east-1' };
    const created = createStatesEngine({ place, clock: impatient, random: Math.random, callService });
    for (const name of Object.keys(functions)) {
      created.register({ name, arn: arnOf(name), roleArn: 'role', definition: definitionOf(name) });
    }
    return created;
  }

  async function callService({ service, input }: ServiceCall): Promise<unknown> {
    if (service === 's3') return { Body: await getText(artifacts, String(input.Key)) };
    if (service !== 'lambda') return {};
    const [machine = '', name = ''] = String(input.FunctionName).split('/');
    try {
      const answer = await call(machine, name, input.Payload);
      return { StatusCode: 200, Payload: JSON.stringify(answer ?? null) };
    } catch (error) {
      const { name, message } = error as Error;
      const Payload = JSON.stringify({ errorType: name, errorMessage: message });
      return { StatusCode: 200, FunctionError: 'Unhandled', Payload };
    }
  }

  async function call(machine: string, name: string, payload: unknown): Promise<unknown> {
    const handler = functions[machine]?.[name];
    if (handler === undefined) throw new Error(`There is no function ${machine}/${name}.`);
    // As it would arrive: by way of JSON.
    const event = JSON.parse(JSON.stringify(payload)) as never;
    // A machine that a step has started is not that step.
    if (machine !== watched) return current.exit(() => handler(event));
    const step = stepOf(name, payload);
    const call = (calls.get(step) ?? 0) + 1;
    calls.set(step, call);
    await machines.breakOff(step, 'before');
    const answer = await current.run({ step, call }, () => handler(event));
    await machines.breakOff(step, 'after');
    return answer;
  }

  async function startExecution(input: unknown): Promise<{ readonly executionArn: string }> {
    const started = (await engine.handle('StartExecution', input)) as { readonly executionArn: string };
    executions.add(started.executionArn);
    return started;
  }

  const statusOf = async (executionArn: string) =>
    ((await engine.handle('DescribeExecution', { executionArn })) as { readonly status: string }).status;

  const machines: Machines = {
    breakOff: async () => {},
    current: () => current.getStore(),
    workflows,
    async start(machine, input) {
      const execution = { stateMachineArn: arnOf(machine), input: JSON.stringify(input) };
      return (await startExecution(execution)).executionArn;
    },
    ended: (executionArn) => engine.ended(executionArn),
    async settled() {
      for (const executionArn of executions) await engine.ended(executionArn);
    },
    statuses: () => Promise.all(ofWatched().map(statusOf)),
    async stopRunning() {
      for (const executionArn of ofWatched()) {
        if ((await statusOf(executionArn)) !== 'RUNNING') continue;
        await engine.handle('StopExecution', { executionArn });
        return executionArn;
      }
      throw new Error(`No execution of ${watched} is running.`);
    },
    async redrive(executionArn) {
      await engine.handle('RedriveExecution', { executionArn });
      await machines.settled();
    },
    async reset() {
      await engine.stop();
      executions = new Set();
      calls = new Map();
      engine = newEngine();
    },
    stop: () => engine.stop(),
  };
  return machines;
}

function workflowsClient(startExecution: (input: unknown) => Promise<object>): SFNClient {
  const client = new SFNClient({ region: 'us-east-1' });
  client.middlewareStack.add(
    () => async (args) => {
      const output = await startExecution(args.input).catch((error: Error) => {
        if (error.name !== 'ExecutionAlreadyExists') throw error;
        throw new ExecutionAlreadyExists({ message: error.message, $metadata: {} });
      });
      return { response: {}, output: { $metadata: {}, ...output } } as never;
    },
    { step: 'initialize' },
  );
  return client;
}

export function arnOf(machine: string): string {
  return `arn:aws:states:us-east-1:000000000000:stateMachine:${machine}`;
}

function definitionOf(machine: string): string {
  return readFileSync(`statemachines/${machine}.asl.json`, 'utf8')
    .replaceAll(
      /\$\{(\w+)FunctionArn\}/g,
      (_, name: string) => `${machine}/${name.charAt(0).toLowerCase()}${name.slice(1)}`,
    )
    .replaceAll(`\${ArtifactsBucket}`, 'artifacts');
}
