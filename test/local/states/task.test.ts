import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/resources.ts';
import type { ServiceCall } from '../../../local/states/runtime.ts';
import { bench, lambdaAnswer, lambdaError, machine, ROLE_ARN, START, single, task, typesOf } from './harness.ts';

const never = () => new Promise<never>(() => undefined);
const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:000000000000:function:work';

describe('a lambda:invoke task', () => {
  it("invokes in its role's name with its evaluated Arguments, and gives the payload as JSON", async () => {
    const test = bench(async () => lambdaAnswer({ total: 3 }));
    const { output } = await test.run(
      single(task({ Arguments: { FunctionName: 'work', Payload: { n: '{% $states.input.n %}' } } })),
      { n: 1 },
    );
    expect(output).toEqual({ ExecutedVersion: '$LATEST', StatusCode: 200, Payload: { total: 3 } });
    expect(test.calls).toEqual([
      {
        roleArn: ROLE_ARN,
        service: 'lambda',
        action: 'invoke',
        input: { FunctionName: 'work', Payload: { n: 1 } },
        state: 'Only',
      },
    ]);
  });

  it('hands its input as Arguments when it has none', async () => {
    const test = bench();
    const { Arguments: _, ...bare } = task() as { Arguments: unknown };
    await test.run(single(bare), { FunctionName: 'work' });
    expect(test.calls[0]?.input).toEqual({ FunctionName: 'work' });
  });

  it("fails with the function's errorType, and its whole payload as the cause", async () => {
    const failed = await bench(async () => lambdaError('NoSuchOrder', 'order 7')).run(single(task()));
    expect(failed).toMatchObject({
      status: 'FAILED',
      error: 'NoSuchOrder',
      cause: '{"errorType":"NoSuchOrder","errorMessage":"order 7"}',
    });
  });

  it('fails with Lambda.Unknown when a function failed without an errorType', async () => {
    const test = bench(async () => ({ FunctionError: 'Unhandled', Payload: '{}' }));
    expect(await test.run(single(task()))).toMatchObject({ error: 'Lambda.Unknown', cause: '{}' });
  });

  it('writes the events that AWS writes', async () => {
    const done = await bench().run(single(task({ TimeoutSeconds: 9 })));
    expect(typesOf(done)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ]);
    expect(done.events[2]).toEqual({
      id: 3,
      previousEventId: 2,
      timestamp: START.getTime() / 1000,
      type: 'TaskScheduled',
      taskScheduledEventDetails: {
        resourceType: 'lambda',
        resource: 'invoke',
        region: 'us-east-1',
        parameters: '{"FunctionName":"work"}',
        timeoutInSeconds: 9,
      },
    });
  });

  it("takes a function's ARN as its Resource, whose result is the payload", async () => {
    const test = bench(async () => lambdaAnswer([1]));
    const done = await test.run(single({ Type: 'Task', Resource: FUNCTION_ARN, Arguments: { n: 1 } }));
    expect(done.output).toEqual([1]);
    expect(test.calls[0]?.input).toEqual({ FunctionName: FUNCTION_ARN, Payload: { n: 1 } });
    expect(typesOf(done)).toContain('LambdaFunctionScheduled');
  });
});

describe('a task', () => {
  it('passes any other integration on by its service and action, and gives the answer as plain JSON', async () => {
    const test = bench(async () => ({ Item: { pk: { S: 'a' } }, At: START, Nothing: undefined }));
    const done = await test.run(
      single({ Type: 'Task', Resource: 'arn:aws:states:::aws-sdk:dynamodb:getItem', Arguments: { TableName: 't' } }),
    );
    expect(test.calls[0]).toMatchObject({ service: 'dynamodb', action: 'getItem', input: { TableName: 't' } });
    expect(done.output).toEqual({ Item: { pk: { S: 'a' } }, At: START.toISOString() });
  });

  it.each([
    ['arn:aws:states:::lambda:invoke', 'TooManyRequestsException', 'Lambda.TooManyRequestsException'],
    ['arn:aws:states:::lambda:invoke', 'AccessDeniedException', 'Lambda.AWSLambdaException'],
    [
      'arn:aws:states:::dynamodb:putItem',
      'ConditionalCheckFailedException',
      'DynamoDB.ConditionalCheckFailedException',
    ],
    [
      'arn:aws:states:::aws-sdk:dynamodb:putItem',
      'ConditionalCheckFailedException',
      'DynamoDb.ConditionalCheckFailedException',
    ],
    ['arn:aws:states:::aws-sdk:s3:getObject', 'NoSuchKey', 'S3.NoSuchKeyException'],
    ['arn:aws:states:::aws-sdk:s3:getObject', 'AccessDenied', 'S3.S3Exception'],
  ])('of %s names the exception %s %s', async (Resource, code, error) => {
    const test = bench(() => Promise.reject(new AwsError(code, 'refused', 403)));
    const failed = await test.run(single({ Type: 'Task', Resource, Arguments: {} }));
    expect(failed).toMatchObject({ status: 'FAILED', error });
    expect(failed.cause).toMatch(new RegExp(`^refused \\(.*Status Code: 403; Error Code: ${code}\\)$`));
  });

  it('fails by the name of any other Error that the call throws', async () => {
    const test = bench(() => Promise.reject(Object.assign(new Error('gone'), { name: 'Custom' })));
    expect(await test.run(single(task()))).toMatchObject({ error: 'Custom', cause: 'gone' });
  });

  it('fails with States.Timeout when the call takes longer than its TimeoutSeconds', async () => {
    const failed = await bench(never).run(single(task({ TimeoutSeconds: '{% $states.input.s %}' })), { s: 30 });
    expect(failed).toMatchObject({ status: 'FAILED', error: 'States.Timeout', seconds: 30 });
    expect(typesOf(failed)).toContain('TaskTimedOut');
  });

  it('leaves no trace of an answer that comes after its timeout', async () => {
    const test = bench(async () => {
      await test.clock.sleep(20_000, new AbortController().signal);
      return lambdaAnswer('late');
    });
    const done = await test.run(
      machine({
        Work: task({ TimeoutSeconds: 10, Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Later' }], End: true }),
        Later: { Type: 'Wait', Seconds: 60, End: true },
      }),
    );
    expect(done).toMatchObject({ status: 'SUCCEEDED', seconds: 70, output: { Error: 'States.Timeout' } });
    expect(typesOf(done)).not.toContain('TaskSucceeded');
  });

  it('fails with States.DataLimitExceeded when the result is more than 256 KiB', async () => {
    const test = bench(async () => lambdaAnswer('x'.repeat(262_144)));
    const failed = await test.run(single(task({ Output: '{% "small" %}' })));
    expect(failed).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });

  it('evaluates Output and Assign over $states.result', async () => {
    const test = bench(async () => lambdaAnswer({ n: 2 }));
    const done = await test.run(single(task({ Output: '{% $states.result.Payload.n + $states.input.n %}' })), { n: 1 });
    expect(done.output).toBe(3);
  });
});

describe('a task that waits for its token', () => {
  const waiting = (more: object = {}) =>
    task({
      Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
      Arguments: { FunctionName: 'ask', Payload: { token: '{% $states.context.Task.Token %}' } },
      ...more,
    });

  function tokenOf(call: ServiceCall | undefined): string {
    const payload = call?.input.Payload as { token: string };
    expect(payload.token).toBe(call?.taskToken);
    return payload.token;
  }

  it('succeeds with what is sent with the token', async () => {
    const test = bench();
    test.register(single(waiting()));
    const arn = await test.start();
    await expect.poll(() => test.calls.length).toBe(1);
    const taskToken = tokenOf(test.calls[0]);
    expect(await test.engine.handle('SendTaskSuccess', { taskToken, output: '{"approved":true}' })).toEqual({});
    const done = await test.ended(arn);
    expect(done.output).toEqual({ approved: true });
    expect(typesOf(done).slice(2, 6)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskSubmitted', 'TaskSucceeded']);
  });

  it('succeeds when the answer is sent before the call itself returns', async () => {
    const test = bench(async (call) => {
      await test.engine.handle('SendTaskSuccess', { taskToken: call.taskToken, output: '1' });
      return lambdaAnswer(null);
    });
    expect((await test.run(single(waiting()))).output).toBe(1);
  });

  it('fails with what SendTaskFailure says', async () => {
    const test = bench(async (call) => {
      await test.engine.handle('SendTaskFailure', { taskToken: call.taskToken, error: 'Rejected', cause: 'by b' });
      return lambdaAnswer(null);
    });
    expect(await test.run(single(waiting()))).toMatchObject({ status: 'FAILED', error: 'Rejected', cause: 'by b' });
  });

  it('fails with States.HeartbeatTimeout, which States.Timeout covers, when no heartbeat comes in time', async () => {
    const test = bench();
    const failed = await test.run(single(waiting({ HeartbeatSeconds: 10, TimeoutSeconds: 100 })));
    expect(failed).toMatchObject({ status: 'FAILED', error: 'States.HeartbeatTimeout', seconds: 10 });

    const retried = await test.run(
      single(
        waiting({
          HeartbeatSeconds: 10,
          Retry: [{ ErrorEquals: ['States.Timeout'], MaxAttempts: 1, IntervalSeconds: 5 }],
        }),
      ),
    );
    expect(retried.seconds).toBe(25);
  });

  it('goes on waiting for as long as heartbeats come', async () => {
    const { signal } = new AbortController();
    const test = bench(async ({ taskToken }) => {
      void test.clock
        .sleep(40_000, signal)
        .then(() => test.engine.handle('SendTaskHeartbeat', { taskToken }))
        .then(() => test.clock.sleep(40_000, signal))
        .then(() => test.engine.handle('SendTaskSuccess', { taskToken, output: '"at last"' }));
      return lambdaAnswer(null);
    });
    const done = await test.run(single(waiting({ HeartbeatSeconds: 60 })));
    expect(done).toMatchObject({ status: 'SUCCEEDED', output: 'at last', seconds: 80 });
  });

  it('refuses an answer that comes too late, and a token that nobody gave out', async () => {
    const test = bench();
    await test.run(single(waiting({ TimeoutSeconds: 1 })));
    const late = test.engine.handle('SendTaskSuccess', { taskToken: test.calls[0]?.taskToken, output: '1' });
    await expect(late).rejects.toMatchObject({ name: 'TaskTimedOut' });
    const unknown = test.engine.handle('SendTaskFailure', { taskToken: 'made up' });
    await expect(unknown).rejects.toMatchObject({ name: 'TaskDoesNotExist' });
    const notJson = test.engine.handle('SendTaskSuccess', { taskToken: 'made up', output: '{' });
    await expect(notJson).rejects.toMatchObject({ name: 'InvalidOutput' });
  });

  it('fails when the call itself fails', async () => {
    const test = bench(async () => lambdaError('Broken'));
    expect(await test.run(single(waiting()))).toMatchObject({ status: 'FAILED', error: 'Broken' });
  });
});
