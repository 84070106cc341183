import { afterEach, describe, expect, it } from 'vitest';
import { type EventSources, startEventSources } from '../../local/event-sources.ts';
import { AwsError, type InvocationResult, type Resource } from '../../local/resources.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:Imports';
const resource = (type: string, physicalId: string, arn: string, properties: object): Resource => ({
  stack: 'One',
  logicalId: physicalId,
  type,
  physicalId,
  arn,
  properties: { ...properties },
});
const queue = (properties: object = {}) =>
  resource('AWS::SQS::Queue', 'http://127.0.0.1:1/0/Imports', queueArn, properties);
const fn = (properties: object = {}) =>
  resource('AWS::Lambda::Function', 'It', 'arn:aws:lambda:us-east-1:000000000000:function:It', {
    Role: 'role',
    ...properties,
  });
const mapping = (properties: object = {}) =>
  resource('AWS::Lambda::EventSourceMapping', 'Feed', '', {
    EventSourceArn: queueArn,
    FunctionName: 'It',
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: { MaximumConcurrency: 1 },
    ...properties,
  });

const message = (id: string) => ({
  MessageId: id,
  ReceiptHandle: `handle-${id}`,
  Body: `body ${id}`,
  MD5OfBody: 'md5',
  Attributes: { ApproximateReceiveCount: '1' },
  MessageAttributes: { kind: { DataType: 'String', StringValue: 'usage' } },
});

let sources: EventSources | undefined;
afterEach(async () => {
  await sources?.stop();
  sources = undefined;
});

interface Feeding {
  readonly resources?: readonly Resource[];
  /** What each receive gives; after them the queue stays silent. */
  readonly receives?: readonly (readonly string[] | Error)[];
  readonly result?: InvocationResult;
  readonly denied?: string;
}

/** Feeds the function and waits until the queue was asked once more than it had messages. */
async function feed({
  resources = [queue(), fn(), mapping()],
  receives = [],
  result = { payload: 'null' },
  denied,
}: Feeding) {
  const events: { Records: readonly Record<string, unknown>[] }[] = [];
  const received: unknown[] = [];
  const deleted: string[] = [];
  const said: string[] = [];
  const left = [...receives];
  await new Promise<void>((drained) => {
    sources = startEventSources({
      resources,
      region: 'us-east-1',
      access: {
        assertAllowed(_, action) {
          if (action === denied) throw new AwsError('AccessDeniedException', `no ${action}`);
        },
      },
      invoke: async (_, payload) => {
        events.push(JSON.parse(payload));
        return result;
      },
      callService: async ({ roleArn, action, input }) => {
        expect(roleArn).toBe('role');
        if (action === 'deleteMessageBatch') {
          const { Entries } = input as { Entries: readonly { ReceiptHandle: string }[] };
          deleted.push(...Entries.map(({ ReceiptHandle }) => ReceiptHandle));
          return {};
        }
        received.push(input);
        const next = left.shift();
        if (next instanceof Error) throw next;
        if (next !== undefined) return { Messages: next.map(message) };
        const { WaitTimeSeconds } = input as { WaitTimeSeconds: number };
        if (WaitTimeSeconds === 0) return {};
        drained();
        return new Promise(() => {});
      },
      log: (line) => said.push(line),
      sleep: async () => {},
    });
  });
  return { events, received, deleted, said };
}

describe('a queue that feeds a function', () => {
  it('hands over its messages as Lambda writes them, and deletes them', async () => {
    const { events, deleted } = await feed({ receives: [['m1']] });
    expect(events).toEqual([
      {
        Records: [
          {
            messageId: 'm1',
            receiptHandle: 'handle-m1',
            body: 'body m1',
            attributes: { ApproximateReceiveCount: '1' },
            messageAttributes: {
              kind: { dataType: 'String', stringValue: 'usage', stringListValues: [], binaryListValues: [] },
            },
            md5OfBody: 'md5',
            eventSource: 'aws:sqs',
            eventSourceARN: queueArn,
            awsRegion: 'us-east-1',
          },
        ],
      },
    ]);
    expect(deleted).toEqual(['handle-m1']);
  });

  it('fills the batch with what is there, and asks for no more', async () => {
    const { events, received } = await feed({
      resources: [queue(), fn(), mapping({ BatchSize: 3 })],
      receives: [['m1', 'm2'], ['m3']],
    });
    expect(events.map(({ Records }) => Records.map(({ messageId }) => messageId))).toEqual([['m1', 'm2', 'm3']]);
    expect(received.slice(0, 2)).toMatchObject([
      { MaxNumberOfMessages: 3, WaitTimeSeconds: 20 },
      { MaxNumberOfMessages: 1, WaitTimeSeconds: 0 },
    ]);
  });

  it.each([
    ['{"batchItemFailures":[{"itemIdentifier":"m1"}]}', ['handle-m2']],
    ['{"batchItemFailures":[]}', ['handle-m1', 'handle-m2']],
    ['{}', ['handle-m1', 'handle-m2']],
    ['{"batchItemFailures":[{"itemIdentifier":""}]}', []],
    ['{"batchItemFailures":[{"itemIdentifier":"stranger"}]}', []],
    ['{"batchItemFailures":"m1"}', []],
  ])('keeps what the function reports as failed: %s', async (payload, expected) => {
    expect((await feed({ receives: [['m1', 'm2']], result: { payload } })).deleted).toEqual(expected);
  });

  it('deletes all when the template asks for no report', async () => {
    const resources = [queue(), fn(), mapping({ FunctionResponseTypes: undefined })];
    const result = { payload: '{"batchItemFailures":[{"itemIdentifier":"m1"}]}' };
    expect((await feed({ resources, receives: [['m1']], result })).deleted).toEqual(['handle-m1']);
  });

  it('keeps all when the function fails', async () => {
    const result = { payload: '{}', functionError: 'Unhandled' } as const;
    expect((await feed({ receives: [['m1']], result })).deleted).toEqual([]);
  });

  it('is read again after a failure, which is told', async () => {
    const { events, said } = await feed({ receives: [new Error('engine away'), ['m1']] });
    expect(events).toHaveLength(1);
    expect(said).toEqual([`Reading ${queueArn} for It failed: engine away`]);
  });
});

describe('a mapping that Lambda would not create', () => {
  it.each([
    ['a role that may not read', { denied: 'sqs:ReceiveMessage' }, 'no sqs:ReceiveMessage'],
    [
      'a queue that is too quick',
      { resources: [queue(), fn({ Timeout: 60 }), mapping()] },
      "the queue's visibility timeout (30 s) is less than the function's timeout (60 s)",
    ],
    ['an unknown queue', { resources: [fn(), mapping()] }, `${queueArn} is no queue of the template`],
    [
      'a batching window on a FIFO queue',
      { resources: [queue({ FifoQueue: true }), fn(), mapping({ MaximumBatchingWindowInSeconds: 5 })] },
      'a FIFO queue knows no batching window',
    ],
    [
      'a large batch of a FIFO queue',
      { resources: [queue({ FifoQueue: true }), fn(), mapping({ BatchSize: 11 })] },
      'a batch of a FIFO queue has at most 10 messages',
    ],
    ['a filter', { resources: [queue(), fn(), mapping({ FilterCriteria: {} })] }, 'FilterCriteria are not applied'],
  ])('is refused: %s', async (_, feeding, sentence) => {
    await expect(feed(feeding)).rejects.toThrow(sentence);
  });

  it('is left alone when it is not enabled', async () => {
    sources = startEventSources({
      resources: [mapping({ Enabled: false })],
      region: 'us-east-1',
      access: { assertAllowed: () => {} },
      invoke: async () => ({ payload: 'null' }),
      callService: async () => ({}),
      log: () => {},
      sleep: async () => {},
    });
    await sources.stop();
  });
});
