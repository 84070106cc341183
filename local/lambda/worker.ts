/** The inside of a function's instance: loads the handler once, then handles one event at a time. Runs in a worker thread. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { FunctionError, WorkerMessage, WorkerRequest, WorkerStart } from './protocol.ts';

/** A message before what was written meanwhile is put to it. */
type Said = WorkerMessage extends infer Message ? (Message extends unknown ? Omit<Message, 'output'> : never) : never;
type Handler = (event: unknown, context: unknown) => unknown;

const start = workerData as WorkerStart;
const MODULE_EXTENSIONS = ['.mjs', '.js', '.cjs'];

const takeOutput = captureOutput();
process.on('uncaughtException', fail);
process.on('unhandledRejection', (reason) => {
  // The name under which Lambda's runtime reports them.
  fail(Object.assign(asError(reason), { name: 'Runtime.UnhandledPromiseRejection' }));
});

try {
  const handler = await loadHandler(start);
  parentPort?.on('message', (request: WorkerRequest) => void handle(handler, request));
  send({ kind: 'ready' });
} catch (error) {
  fail(error);
}

async function loadHandler({ directory, handler }: WorkerStart): Promise<Handler> {
  const dot = handler.lastIndexOf('.');
  const [file, exportName] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const path = MODULE_EXTENSIONS.map((extension) => join(directory, file + extension)).find(existsSync);
  if (path === undefined) throw namedError('Runtime.ImportModuleError', `Error: Cannot find module '${file}'`);
  const loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const found = loaded[exportName] ?? (loaded.default as Record<string, unknown> | undefined)?.[exportName];
  if (typeof found === 'function') return found as Handler;
  throw namedError('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
}

async function handle(handler: Handler, request: WorkerRequest): Promise<void> {
  process.env._X_AMZN_TRACE_ID = request.traceId;
  try {
    const result = await handler(JSON.parse(request.payload), contextOf(request));
    send({ kind: 'result', payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    send({ kind: 'error', error: describe(error), fatal: false });
  }
}

function contextOf({ requestId, deadline }: WorkerRequest) {
  const { env } = process;
  return {
    awsRequestId: requestId,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: start.functionArn,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

/**
 * Gathers what is written to the standard streams: it goes along with the result, or is sent at the end of the turn when
 * the function waits for something. A message per line would cost more than the function.
 * @returns takes what was gathered.
 */
function captureOutput(): () => string {
  let text = '';
  const take = () => {
    const gathered = text;
    text = '';
    return gathered;
  };
  const flush = () => {
    if (text !== '') parentPort?.postMessage({ kind: 'output', output: take() } satisfies WorkerMessage);
  };
  const write = (
    chunk: string | Uint8Array,
    encodingOrCallback?: BufferEncoding | ((error?: Error | null) => void),
    callback?: (error?: Error | null) => void,
  ): boolean => {
    if (text === '') setImmediate(flush);
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    (typeof encodingOrCallback === 'function' ? encodingOrCallback : callback)?.();
    return true;
  };
  process.stdout.write = write;
  process.stderr.write = write;
  return take;
}

function send(message: Said): void {
  parentPort?.postMessage({ ...message, output: takeOutput() } satisfies WorkerMessage);
}

/** Reports what nobody caught, and ends the instance as Lambda does. */
function fail(error: unknown): void {
  send({ kind: 'error', error: describe(error), fatal: true });
  process.exit(1);
}

function describe(thrown: unknown): FunctionError {
  const error = asError(thrown);
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : namedError(typeof thrown, String(thrown));
}

function namedError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
