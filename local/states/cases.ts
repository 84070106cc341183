/**
 * Runs the cases of a state machine's `<name>.cases.json`: its states on given input with mocked tasks, on a clock that
 * never really waits. The file holds an array of cases, or an object with the array under `cases`:
 *
 * ```json
 * [{
 *   "name": "retries a busy slice and completes",
 *   "input": { "runId": "daily-2026-11-19" },
 *   "tasks": {
 *     "Plan": [{ "return": { "slices": [1, 2] } }],
 *     "Reconcile slice": [{ "throw": { "error": "SliceBusy", "cause": "try again" } }, { "return": "ok" }]
 *   },
 *   "items": { "Reconcile all slices": [{ "bucket": 1 }, { "bucket": 2 }] },
 *   "path": ["Plan", "Reconcile all slices", "Reconcile slice", "Reconcile slice", "Done"],
 *   "status": "SUCCEEDED",
 *   "output": { "findings": 0 }
 * }]
 * ```
 *
 * - `tasks`, by state name wherever the state stands: what each call gives, in order; the last one repeats, and each must
 *   be asked for, so that a retry that does not happen is told. `return` is
 *   what the function returns (`$states.result.Payload` sees it), another service's whole answer, or, of a
 *   `.waitForTaskToken` task, what is sent with the token. `throw` is an error name and a cause; a service's exception
 *   is written as States sees it, `Lambda.TooManyRequestsException`.
 * - `items`, by the name of a Map with an ItemReader: the items that its reader finds in S3.
 * - `path`: the states in the order they are entered, children of a Distributed Map included. Branches and items run one
 *   after the other here, whatever MaxConcurrency is, so that there is one order. A retry enters no state.
 * - `status` (`SUCCEEDED`, `FAILED`, `TIMED_OUT`) and, as wanted, the exact `output` or the `error` are what to expect.
 */
import { createVirtualClock } from './clock.ts';
import type { Flow, ItemReader, Machine, State } from './definition.ts';
import { innerFlows } from './definition.ts';
import { createStatesEngine } from './engine.ts';
import { RUNTIME_ERROR, StateFailure } from './failure.ts';
import { CSV_DELIMITERS } from './item-reader.ts';
import { isObject } from './json.ts';
import type { ServiceCall } from './runtime.ts';

export interface StateMachineCase {
  readonly name: string;
  readonly input: unknown;
  readonly tasks: Readonly<Record<string, readonly MockedCall[]>>;
  readonly items?: Readonly<Record<string, readonly unknown[]>>;
  readonly path: readonly string[];
  readonly status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT';
  readonly output?: unknown;
  readonly error?: string;
}

export type MockedCall =
  | { readonly return: unknown }
  | { readonly throw: { readonly error: string; readonly cause?: string } };

/** How a case went; `output`, `error` and `cause` as far as there are any. */
export interface CaseOutcome {
  readonly path: readonly string[];
  readonly status: string;
  readonly output?: unknown;
  readonly error?: string;
  readonly cause?: string;
}

const PLACE = { accountId: '000000000000', region: 'us-east-1' };
const MACHINE_ARN = `arn:aws:states:${PLACE.region}:${PLACE.accountId}:stateMachine:case`;
const ROLE_ARN = `arn:aws:iam::${PLACE.accountId}:role/case`;
const START = new Date('2026-01-01T00:00:00Z');

/**
 * Runs one case.
 *
 * @param definition the machine as JSON text or object
 * @param substitutions what stands for each `${Name}` in the definition; names without one stay as they are
 * @throws Error when a state calls a service and the case has no mock for it, or has one that no call asked for
 * @throws AwsError `InvalidDefinition` when the machine is not valid
 */
export async function runCase(
  definition: string | object,
  testCase: StateMachineCase,
  substitutions: Readonly<Record<string, string>> = {},
): Promise<CaseOutcome> {
  const text = substitute(typeof definition === 'string' ? definition : JSON.stringify(definition), substitutions);
  const path: string[] = [];
  const clock = createVirtualClock(START);
  const mocks = createMocks(testCase, JSON.parse(text));
  const engine = createStatesEngine({
    place: PLACE,
    clock,
    random: steadyRandom(),
    concurrencyCeiling: 1,
    onStateEntered: (name) => path.push(name),
    async callService(call) {
      const answer = await mocks.answer(call);
      if (call.taskToken === undefined) return answer;
      await engine.handle('SendTaskSuccess', { taskToken: call.taskToken, output: JSON.stringify(answer ?? null) });
      return lambdaAnswer(null);
    },
  });
  engine.register({ name: 'case', arn: MACHINE_ARN, roleArn: ROLE_ARN, definition: text });
  const input = JSON.stringify(testCase.input);
  const executionArn = field(
    await engine.handle('StartExecution', { stateMachineArn: MACHINE_ARN, input }),
    'executionArn',
  );
  try {
    for (;;) {
      const details = await engine.handle('DescribeExecution', { executionArn });
      if (mocks.missing.length > 0) throw new Error(`The case "${testCase.name}" has no mock for ${mocks.missing[0]}.`);
      if (field(details, 'status') !== 'RUNNING') {
        const unasked = mocks.unasked();
        if (unasked !== undefined) throw new Error(`Nothing in the case "${testCase.name}" asked for ${unasked}.`);
        return { path, ...outcomeOf(details) };
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    await engine.stop();
  }
}

/** The cases of a `.cases.json` file. @throws TypeError when it holds none. */
export function readCases(text: string): readonly StateMachineCase[] {
  const file: unknown = JSON.parse(text);
  const cases = isObject(file) ? file.cases : file;
  if (Array.isArray(cases) && cases.length > 0) return cases;
  throw new TypeError('A cases file holds an array of cases, or an object with one under "cases".');
}

interface Mocks {
  answer(call: ServiceCall): Promise<unknown>;
  /** The calls that the case has no mock for. */
  readonly missing: string[];
  /** A mock that no call asked for; undefined when there is none. */
  unasked(): string | undefined;
}

function createMocks({ tasks, items = {} }: StateMachineCase, machine: Machine): Mocks {
  const made = new Map<string, number>();
  const missing: string[] = [];
  // As an error that no catcher can hide.
  const refuse = (what: string): never => {
    missing.push(what);
    throw new StateFailure(RUNTIME_ERROR, `No mock for ${what}.`);
  };
  return {
    missing,
    unasked() {
      const left = Object.entries(tasks).find(([state, calls]) => calls.length > (made.get(state) ?? 0));
      return left && `answer ${(made.get(left[0]) ?? 0) + 1} of "${left[0]}"`;
    },
    async answer({ state, service, action, taskToken }) {
      // Of a Map itself: its permission to start children, its results, its items.
      const reader = findReader(machine, state);
      if (reader !== undefined && (action === 'getObject' || action === 'listObjectsV2')) {
        const read = items[state];
        if (read === undefined) return refuse(`the items of "${state}"`);
        return action === 'getObject' ? { Body: storedItems(read, reader) } : { Contents: read };
      }
      if (isMap(machine, state)) return {};
      const calls = tasks[state] ?? [];
      const count = made.get(state) ?? 0;
      made.set(state, count + 1);
      const mock = calls[Math.min(count, calls.length - 1)];
      if (mock === undefined) return refuse(`the task "${state}"`);
      if ('throw' in mock) throw new StateFailure(mock.throw.error, mock.throw.cause);
      const wrapped = service === 'lambda' && taskToken === undefined;
      return wrapped ? lambdaAnswer(mock.return) : mock.return;
    },
  };
}

function lambdaAnswer(payload: unknown): unknown {
  return { StatusCode: 200, Payload: JSON.stringify(payload ?? null) };
}

/** The items as an object in S3 would hold them, in the form that the reader expects. */
function storedItems(items: readonly unknown[], { ReaderConfig: config = {} }: ItemReader): string {
  if (config.InputType === 'JSONL') return items.map((item) => JSON.stringify(item)).join('\n');
  if (config.InputType !== 'CSV') return JSON.stringify(items);
  const rows = items.filter(isObject);
  const headers = config.CSVHeaders ?? Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => headers.map((header) => row[header]));
  const quoted = [...(config.CSVHeaderLocation === 'GIVEN' ? [] : [headers]), ...lines].map((line) =>
    line
      .map((cell) => `"${String(cell ?? '').replaceAll('"', '""')}"`)
      .join(CSV_DELIMITERS[config.CSVDelimiter ?? 'COMMA']),
  );
  return quoted.join('\n');
}

function findReader(flow: Flow, name: string): ItemReader | undefined {
  const state = findState(flow, name);
  return state?.Type === 'Map' ? state.ItemReader : undefined;
}

function isMap(flow: Flow, name: string): boolean {
  return findState(flow, name)?.Type === 'Map';
}

function findState(flow: Flow, name: string): State | undefined {
  const own = flow.States[name];
  if (own !== undefined) return own;
  for (const inner of Object.values(flow.States).flatMap(innerFlows)) {
    const found = findState(inner, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function substitute(definition: string, substitutions: Readonly<Record<string, string>>): string {
  return definition.replace(/\$\{(\w+)\}/g, (whole, name: string) => {
    const value = substitutions[name];
    return value === undefined ? whole : JSON.stringify(value).slice(1, -1);
  });
}

/** Jitter and ids that are the same in every run; no two ids are alike. */
function steadyRandom(): () => number {
  let count = 0;
  return () => {
    count += 1;
    return (count * 0.618_033_988_749_895) % 1;
  };
}

function outcomeOf(details: unknown): Omit<CaseOutcome, 'path'> {
  const { output, error, cause } = isObject(details) ? details : {};
  return {
    status: field(details, 'status'),
    ...(typeof output === 'string' ? { output: JSON.parse(output) as unknown } : {}),
    ...(typeof error === 'string' ? { error } : {}),
    ...(typeof cause === 'string' ? { cause } : {}),
  };
}

function field(value: unknown, name: string): string {
  const found = isObject(value) ? value[name] : undefined;
  return typeof found === 'string' ? found : '';
}
