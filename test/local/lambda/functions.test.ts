import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Functions, functionNameOf, startFunctions } from '../../../local/lambda/functions.ts';
import { createLogSink, type LogSink } from '../../../local/lambda/log-sink.ts';
import { createMetricStore, MINUTE_MS, recordEmbeddedMetrics } from '../../../local/metrics.ts';
import { AwsError, type Resource } from '../../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const roleArn = 'arn:aws:iam::000000000000:role/It';
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:It';

let home: string;
let functions: Functions;
let logs: LogSink;
let said: string[];
let asked: string[];
const metrics = createMetricStore();

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'functions-'));
  said = [];
  asked = [];
});
afterEach(async () => {
  await functions.stop();
  await logs.close();
  rmSync(home, { recursive: true });
});

/** Starts one function whose bundle is the source given. */
function start(source: string, properties: object = {}, denied: readonly string[] = [], instancesMax = 3) {
  const directory = join(home, 'code');
  mkdirSync(directory);
  writeFileSync(join(directory, 'index.mjs'), source);
  const resource: Resource = {
    stack: 'One',
    logicalId: 'It',
    type: 'AWS::Lambda::Function',
    physicalId: 'It',
    arn: functionArn,
    properties: {
      Code: { Directory: directory },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Role: roleArn,
      Timeout: 20,
      ...properties,
    },
  };
  logs = createLogSink({
    directory: join(home, 'logs'),
    onLine: (line) => recordEmbeddedMetrics(metrics, line),
  });
  functions = startFunctions({
    resources: [resource],
    place,
    endpointUrl: 'http://127.0.0.1:4566',
    access: {
      credentialsOf: () => ({ accessKeyId: 'ASIAROLE', secretAccessKey: 'secret' }),
      assertAllowed(_, action, resourceArn) {
        asked.push(`${action} ${resourceArn.replace(/\].*/, ']')}`);
        if (denied.includes(action)) throw new AwsError('AccessDeniedException', `no ${action}`);
      },
    },
    metrics,
    logs,
    log: (line) => said.push(line),
    now: () => new Date(),
    newId: () => 'request-1',
    instancesMax,
  });
  return async (event: unknown) => {
    const { payload, functionError } = await functions.invoke('It', JSON.stringify(event));
    return functionError === undefined ? JSON.parse(payload) : { failed: JSON.parse(payload) };
  };
}

describe('a function', () => {
  it('handles events in the environment of its template, and in no other', async () => {
    const invoke = start('export const handler = async (event) => ({ event, env: { ...process.env } });', {
      Environment: { Variables: { TABLE: 'ledger', AWS_REGION: 'never' } },
      MemorySize: 256,
    });
    const { event, env } = await invoke({ hello: 'world' });
    expect(event).toEqual({ hello: 'world' });
    expect(env).toMatchObject({
      TABLE: 'ledger',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'ASIAROLE',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      AWS_LAMBDA_FUNCTION_NAME: 'It',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/),
    });
    expect(env).not.toHaveProperty('HOME');
  });

  it('is told about its invocation', async () => {
    const invoke = start(`export const handler = async (_, context) =>
      ({ ...context, left: context.getRemainingTimeInMillis() });`);
    expect(await invoke({})).toMatchObject({
      awsRequestId: 'request-1',
      functionName: 'It',
      invokedFunctionArn: functionArn,
      memoryLimitInMB: '128',
      left: expect.toSatisfy((left: number) => left > 0 && left <= 20_000),
    });
  });

  it('keeps its state between events in a warm instance, and answers nothing with null', async () => {
    const invoke = start('let count = 0; export const handler = async (e) => e.silent ? undefined : ++count;');
    expect([await invoke({}), await invoke({}), await invoke({ silent: true }), await invoke({})]).toEqual([
      1,
      2,
      null,
      3,
    ]);
  });

  it('runs events at once in as many instances as allowed, and others wait in line', async () => {
    const source = `import { threadId } from 'node:worker_threads';
      let busy = 0;
      export const handler = async () => {
        if (++busy > 1) throw new Error('two events at once');
        await new Promise(setImmediate);
        busy -= 1;
        return threadId;
      };`;
    const invoke = start(source, {}, [], 2);
    const threads = await Promise.all(Array.from({ length: 9 }, () => invoke({})));
    expect(new Set(threads).size).toBeLessThanOrEqual(2);
  });

  it('reports what it throws, and goes on', async () => {
    const source = `export const handler = async (event) => {
      if (event.bad) throw Object.assign(new Error('no funds'), { name: 'Refused' });
      return 'fine';
    };`;
    const invoke = start(source);
    expect(await invoke({ bad: true })).toEqual({
      failed: { errorType: 'Refused', errorMessage: 'no funds', trace: expect.arrayContaining(['Refused: no funds']) },
    });
    expect(await invoke({})).toBe('fine');
    expect(logs.lines('It')[1]).toContain('ERROR\tInvoke Error\t{"errorType":"Refused"');
  });

  it('is cut off at its timeout, and a new instance takes the next event', async () => {
    const source = `let count = 0;
      export const handler = async (event) => { count += 1; if (event.hang) for (;;); return count; };`;
    const invoke = start(source, { Timeout: 1 });
    expect(await invoke({})).toBe(1);
    expect(await invoke({ hang: true })).toEqual({
      failed: {
        errorType: 'Sandbox.Timedout',
        errorMessage: 'RequestId: request-1 Error: Task timed out after 1.00 seconds',
      },
    });
    expect(await invoke({})).toBe(1);
  });

  it('may end itself, and a new instance takes the next event', async () => {
    const invoke = start('export const handler = async (e) => { if (e.exit) process.exit(3); return 1; };');
    expect((await invoke({ exit: true })).failed).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: 'Error: Runtime exited with error: exit status 3',
    });
    expect(await invoke({})).toBe(1);
  });

  it('fails by rejections that nobody handles', async () => {
    const source = `export const handler = () => { Promise.reject(new Error('lost')); return new Promise(() => {}); };`;
    expect((await start(source)({})).failed).toMatchObject({
      errorType: 'Runtime.UnhandledPromiseRejection',
      errorMessage: 'lost',
    });
  });

  it.each([
    ['throw new SyntaxError("half a file");', { errorType: 'SyntaxError', errorMessage: 'half a file' }],
    [
      'export const other = 1;',
      { errorType: 'Runtime.HandlerNotFound', errorMessage: expect.stringContaining('index.handler') },
    ],
  ])('fails every event when its code cannot be loaded: %s', async (source, failure) => {
    const invoke = start(source, {}, [], 1);
    const results = await Promise.all([invoke({}), invoke({})]);
    for (const { failed } of results) expect(failed).toMatchObject(failure);
  });
});

describe('payloads', () => {
  it('are refused above 6 MB', async () => {
    start('export const handler = async () => 1;');
    await expect(functions.invoke('It', `"${'x'.repeat(6 * 1024 * 1024)}"`)).rejects.toMatchObject({
      name: 'RequestEntityTooLargeException',
      status: 413,
    });
  });

  it('fail the invocation when the response is above 6 MB', async () => {
    const invoke = start(`export const handler = async () => 'x'.repeat(6 * 1024 * 1024 + 200);`);
    expect((await invoke({})).failed.errorType).toBe('Function.ResponseSizeTooLarge');
  });
});

describe('logs', () => {
  const talkative = `export const handler = async () => {
    console.log('to standard output');
    console.error('to standard error');
    console.log(JSON.stringify({
      _aws: { Timestamp: ${Date.UTC(2026, 10, 20)}, CloudWatchMetrics: [{ Namespace: 'N', Metrics: [{ Name: 'count' }] }] },
      count: 4,
    }));
  };`;
  const midnight = Date.UTC(2026, 10, 20);

  it('are kept in memory and on disk, and their metrics taken', async () => {
    await start(talkative)({});
    expect(logs.lines('It').slice(1, 3)).toEqual(['to standard output', 'to standard error']);
    const count = { namespace: 'N', name: 'count', dimensions: {} };
    expect(metrics.statistic(count, 'Sum', midnight, midnight + MINUTE_MS)).toBe(4);
    await logs.close();
    expect(readFileSync(join(home, 'logs', 'It.log'), 'utf8')).toContain('to standard output\nto standard error\n');
  });

  it('use the permissions of the role once per instance, traces too', async () => {
    const invoke = start(talkative, { TracingConfig: { Mode: 'Active' }, LoggingConfig: { LogGroup: 'own-group' } });
    await invoke({});
    await invoke({});
    const stream = expect.stringMatching(/:log-group:own-group:log-stream:\d{4}\/\d\d\/\d\d\/\[\$LATEST\]$/);
    expect(asked).toHaveLength(4);
    expect(asked.slice(0, 2)).toEqual(['xray:PutTraceSegments *', 'xray:PutTelemetryRecords *']);
    expect(asked.slice(2)).toEqual([stream, stream]);
  });

  it('are lost without the permission to write them, and that is said', async () => {
    expect(await start(talkative, {}, ['logs:PutLogEvents'])({})).toBeNull();
    expect(logs.lines('It')).toEqual([]);
    expect(said).toEqual(['Function It cannot write its log: no logs:PutLogEvents']);
  });
});

describe('functions that are asked for', () => {
  it('must exist', async () => {
    start('export const handler = async () => 1;');
    await expect(functions.invoke('Other', '{}')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      status: 404,
    });
  });

  it('must be Node.js bundles', async () => {
    start('', { Runtime: 'python3.13' });
    await expect(functions.invoke('It', '{}')).rejects.toThrow('Function It (python3.13) is no Node.js bundle');
  });

  it('are throttled when the template reserves no concurrency for them', async () => {
    start('export const handler = async () => 1;', { ReservedConcurrentExecutions: 0 });
    await expect(functions.invoke('It', '{}')).rejects.toMatchObject({ name: 'TooManyRequestsException', status: 429 });
  });

  it.each(['It', 'It:live', functionArn, `${functionArn}:7`, '000000000000:function:It'])('may be named %s', (name) => {
    expect(functionNameOf(name)).toBe('It');
    start('export const handler = async () => 1;');
  });
});
