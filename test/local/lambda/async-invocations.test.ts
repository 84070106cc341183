import { describe, expect, it } from 'vitest';
import { createAsyncInvocations } from '../../../local/lambda/async-invocations.ts';
import type { InvocationResult, Resource } from '../../../local/resources.ts';
import type { ServiceCall } from '../../../local/service-calls.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:Failures';
const failure: InvocationResult = { payload: '{"errorType":"Error"}', functionError: 'Unhandled' };

const resource = (type: string, physicalId: string, arn: string, properties: object): Resource => ({
  stack: 'One',
  logicalId: physicalId,
  type,
  physicalId,
  arn,
  properties: { ...properties },
});
const queue = resource('AWS::SQS::Queue', 'http://127.0.0.1:1/0/Failures', queueArn, {});
const fn = (properties: object = {}) =>
  resource('AWS::Lambda::Function', 'It', 'arn:aws:lambda:us-east-1:000000000000:function:It', {
    Role: 'role',
    Code: {},
    ...properties,
  });

/** Lets one event fail or succeed in turn, and waits until nothing more happens with it. */
async function run(resources: readonly Resource[], results: readonly InvocationResult[]) {
  const calls: ServiceCall[] = [];
  const delays: number[] = [];
  const left = [...results];
  let settled = () => {};
  const done = new Promise<void>((resolve) => {
    settled = resolve;
  });
  const invocations = createAsyncInvocations({
    resources,
    invoke: async () => {
      const result = left.shift() ?? failure;
      if (left.length === 0) settled();
      return result;
    },
    callService: async (call) => calls.push(call),
    log: () => {},
    now: () => new Date('2026-11-20T12:00:00Z'),
    newId: () => 'request-1',
    sleep: async (milliseconds) => {
      delays.push(milliseconds);
    },
  });
  invocations.invokeAsync('It', '{"n":1}');
  await done;
  await invocations.stop();
  return { calls, delays, left: left.length };
}

describe('an asynchronous event', () => {
  it('is tried twice more, after one and two minutes, and succeeds in the end', async () => {
    const { calls, delays, left } = await run([fn()], [failure, failure, { payload: 'null' }]);
    expect({ calls, delays, left }).toEqual({ calls: [], delays: [60_000, 120_000], left: 0 });
  });

  it('goes to the failure destination with all that is known of it', async () => {
    const config = resource('AWS::Lambda::EventInvokeConfig', 'Config', '', {
      FunctionName: 'It',
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: queueArn } },
    });
    const { calls } = await run([fn(), config, queue], [failure]);
    expect(calls).toHaveLength(1);
    const [{ input, ...call } = { input: {} }] = calls;
    expect(call).toEqual({ roleArn: 'role', service: 'sqs', action: 'sendMessage' });
    const { QueueUrl, MessageBody } = input as { QueueUrl: string; MessageBody: string };
    expect(QueueUrl).toBe(queue.physicalId);
    expect(JSON.parse(MessageBody)).toMatchObject({
      requestContext: { requestId: 'request-1', condition: 'RetriesExhausted', approximateInvokeCount: 1 },
      requestPayload: { n: 1 },
      responsePayload: { errorType: 'Error' },
    });
  });

  it('goes to the dead letter queue as it came', async () => {
    const { calls } = await run(
      [fn({ DeadLetterConfig: { TargetArn: queueArn } }), queue],
      [failure, failure, failure],
    );
    expect(calls.map(({ input }) => input)).toEqual([{ QueueUrl: queue.physicalId, MessageBody: '{"n":1}' }]);
  });
});
