import { availableParallelism } from 'node:os';
import type { MetricStore, Series } from '../metrics.ts';
import {
  type AccessControl,
  AwsError,
  type InvocationResult,
  type InvokeFunction,
  type Place,
  type Resource,
} from '../resources.ts';
import {
  type FunctionDefinition,
  instanceEnvironment,
  logStreamName,
  readFunction,
  traceHeader,
} from './definition.ts';
import { type Instance, type Outcome, startInstance } from './instance.ts';
import type { LogSink } from './log-sink.ts';
import { createPool, type Pool } from './pool.ts';
import type { FunctionError } from './protocol.ts';

export interface FunctionsOptions {
  readonly resources: readonly Resource[];
  readonly place: Place;
  /** Where functions find every AWS service. */
  readonly endpointUrl: string;
  readonly access: Pick<AccessControl, 'assertAllowed' | 'credentialsOf'>;
  readonly metrics: MetricStore;
  readonly logs: LogSink;
  readonly log: (line: string) => void;
  readonly now: () => Date;
  readonly newId: () => string;
  /** Instances per function; reserved concurrency in the template lowers it. */
  readonly instancesMax?: number;
}

export interface Functions {
  /** Waits for the result. @throws AwsError when the function does not exist or the payload is too large */
  readonly invoke: InvokeFunction;
  stop(): Promise<void>;
}

/**
 * Instances per function: more would only fight for the cores of one machine, and each has to compile for itself what it
 * does often.
 */
export const INSTANCES_MAX_DEFAULT = Math.min(10, Math.max(4, 2 * availableParallelism()));

/** What Lambda takes and gives in a synchronous invocation. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const SYNC_PAYLOAD_BYTES_MAX = 6 * 1024 * 1024;
/** What Lambda names as its limit when a response is too large. */
const RESPONSE_BYTES_MAX = SYNC_PAYLOAD_BYTES_MAX + 100;

interface LocalFunction {
  readonly definition: FunctionDefinition;
  readonly pool: Pool;
  readonly invocations: Series;
  readonly errors: Series;
  readonly duration: Series;
  readonly writeLog: (text: string) => void;
}

/** The template's functions. Nothing runs before the first event; instances stay warm until `stop`. */
export function startFunctions(options: FunctionsOptions): Functions {
  const functions = new Map<string, LocalFunction>();
  for (const resource of options.resources) {
    if (resource.type !== 'AWS::Lambda::Function') continue;
    const made = createFunction(readFunction(resource), options);
    functions.set(made.definition.name, made);
  }

  return {
    async invoke(functionNameOrArn, payload) {
      const found = functions.get(functionNameOf(functionNameOrArn));
      if (found === undefined) {
        throw new AwsError('ResourceNotFoundException', `Function not found: ${functionNameOrArn}`, 404);
      }
      assertPayloadSize(payload, SYNC_PAYLOAD_BYTES_MAX);
      return invoke(found, payload, options);
    },
    async stop() {
      await Promise.all([...functions.values()].map(({ pool }) => pool.stop()));
    },
  };
}

/** The name alone, from a name, a partial or a full ARN, with or without a version or alias. */
export function functionNameOf(functionNameOrArn: string): string {
  const [name = ''] = (functionNameOrArn.split('function:').at(-1) ?? '').split(':');
  return name;
}

/** @throws AwsError as Lambda answers a payload beyond its limit */
export function assertPayloadSize(payload: string, bytesMax: number): void {
  if (Buffer.byteLength(payload) <= bytesMax) return;
  const message = `Request must be smaller than ${bytesMax} bytes for the InvokeFunction operation`;
  throw new AwsError('RequestEntityTooLargeException', message, 413);
}

function createFunction(definition: FunctionDefinition, options: FunctionsOptions): LocalFunction {
  const { metrics, instancesMax = INSTANCES_MAX_DEFAULT } = options;
  const series = (name: string) =>
    metrics.series({ namespace: 'AWS/Lambda', name, dimensions: { FunctionName: definition.name } });
  return {
    definition,
    pool: createPool(Math.min(instancesMax, definition.reservedConcurrency ?? instancesMax), () =>
      startInstanceOf(definition, options),
    ),
    invocations: series('Invocations'),
    errors: series('Errors'),
    duration: series('Duration'),
    writeLog: options.logs.open(definition.name),
  };
}

async function invoke(fn: LocalFunction, payload: string, options: FunctionsOptions): Promise<InvocationResult> {
  const { definition } = fn;
  assertRunnable(definition);
  const requestId = options.newId();
  let startedAt = options.now();
  const outcome = await fn.pool.run(() => {
    startedAt = options.now();
    return {
      requestId,
      payload,
      deadline: startedAt.getTime() + definition.timeoutSeconds * 1000,
      traceId: traceHeader(startedAt, definition.isTraced),
    };
  });
  const endedAt = options.now().getTime();
  fn.invocations.add(1, endedAt);
  fn.duration.add(endedAt - startedAt.getTime(), endedAt);

  const failure = failureOf(outcome);
  fn.errors.add(failure === undefined ? 0 : 1, endedAt);
  if (failure === undefined) return outcome as InvocationResult;
  const error = JSON.stringify(failure);
  fn.writeLog(`${new Date(endedAt).toISOString()}\t${requestId}\tERROR\tInvoke Error\t${error}\n`);
  return { payload: error, functionError: 'Unhandled' };
}

function failureOf(outcome: Outcome): FunctionError | undefined {
  if ('error' in outcome) return outcome.error;
  if (Buffer.byteLength(outcome.payload) <= RESPONSE_BYTES_MAX) return undefined;
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${RESPONSE_BYTES_MAX} bytes).`;
  return { errorType: 'Function.ResponseSizeTooLarge', errorMessage };
}

function assertRunnable({ name, runtime, directory, reservedConcurrency }: FunctionDefinition): void {
  if (!runtime.startsWith('nodejs') || directory === undefined) {
    const message = `Function ${name} (${runtime}) is no Node.js bundle, and the local cloud runs nothing else.`;
    throw new AwsError('InvalidRuntimeException', message, 502);
  }
  if (reservedConcurrency === 0) throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
}

function startInstanceOf(definition: FunctionDefinition, options: FunctionsOptions): Promise<Instance | FunctionError> {
  const { place, endpointUrl, access } = options;
  const stream = logStreamName(options.now());
  if (definition.isTraced) {
    permits(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*', 'send traces', definition, options);
  }
  const onOutput = logWriter(definition, stream, options);
  // Lambda's own first line in every log stream.
  onOutput(`INIT_START Runtime Version: ${definition.runtime}\n`);
  return startInstance({
    start: { directory: definition.directory ?? '', handler: definition.handler, functionArn: definition.arn },
    environment: instanceEnvironment(definition, place, endpointUrl, access.credentialsOf(definition.roleArn), stream),
    timeoutSeconds: definition.timeoutSeconds,
    memoryMegabytes: definition.memoryMegabytes,
    onOutput,
  });
}

/** Without permission to write its log a function runs, and its lines are lost with the metrics in them: as on AWS. */
function logWriter(definition: FunctionDefinition, stream: string, options: FunctionsOptions): (text: string) => void {
  const { region, accountId } = options.place;
  const streamArn = `arn:aws:logs:${region}:${accountId}:log-group:${definition.logGroup}:log-stream:${stream}`;
  const write = options.logs.open(definition.name);
  let isAllowed: boolean | undefined;
  return (text) => {
    isAllowed ??= permits(
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      streamArn,
      'write its log',
      definition,
      options,
    );
    if (isAllowed) write(text);
  };
}

/** Asks for what Lambda does in the function's name, so that it counts as used, and says what is missing. */
function permits(
  actions: readonly string[],
  resourceArn: string,
  purpose: string,
  { name, roleArn }: FunctionDefinition,
  { access, log }: FunctionsOptions,
): boolean {
  try {
    for (const action of actions) access.assertAllowed(roleArn, action, resourceArn);
    return true;
  } catch (error) {
    log(`Function ${name} cannot ${purpose}: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}
