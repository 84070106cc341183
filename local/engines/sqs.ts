import { join } from 'node:path';
import { AwsError, type Place, type Resource } from '../resources.ts';
import { lockDirectory } from './lock.ts';
import { loadFauxqs } from './sqs/fauxqs.ts';

export interface SqsEngine {
  /**
   * Answers a call of the SQS JSON API. Queues are found by the last part of `QueueUrl`, whatever its host.
   * @throws AwsError as SQS names its errors.
   */
  handle(operation: string, input: SqsInput): Promise<unknown>;
  stop(): Promise<void>;
}

export interface SqsInput {
  readonly QueueUrl?: string;
  readonly QueueName?: string;
  readonly [name: string]: unknown;
}

export interface SqsOptions {
  readonly resources: readonly Resource[];
  readonly place: Place;
  /** Where messages are kept; without it they are gone when the engine stops. */
  readonly directory?: string | undefined;
}

/**
 * Starts an SQS with the template's queues, in this process and without a port of its own.
 * @throws DirectoryInUse when another cloud has the directory; AwsError for a queue that SQS would not create.
 */
export async function startSqs({ resources, place, directory }: SqsOptions): Promise<SqsEngine> {
  const home = directory === undefined ? undefined : join(directory, 'sqs');
  const lock = home === undefined ? undefined : lockDirectory(home);
  const fauxqs = await loadFauxqs(home);
  const queues = resources.filter(({ type }) => type === 'AWS::SQS::Queue');
  const urls = new Map(queues.map((queue) => [queueName(queue), queue.physicalId]));

  async function call(operation: string, input: SqsInput): Promise<unknown> {
    const answer = await fauxqs.app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` },
      payload: JSON.stringify(input),
    });
    const body: unknown = answer.body === '' ? {} : answer.json();
    if (answer.statusCode === 200) return body;
    const { __type = 'InternalError', message = answer.body } = body as { __type?: string; message?: string };
    throw new AwsError(__type.slice(__type.indexOf('#') + 1), message, answer.statusCode);
  }

  for (const queue of queues) assertFitting(queue, queues, place);
  for (const name of fauxqs.queueNames()) {
    // Kept from an earlier run, and no longer in the template.
    if (!urls.has(name)) await call('DeleteQueue', { QueueUrl: name });
  }
  for (const queue of queues) {
    const name = queueName(queue);
    if (fauxqs.queueNames().includes(name)) {
      await call('SetQueueAttributes', { QueueUrl: name, Attributes: queueAttributes(queue) });
    } else {
      fauxqs.createQueue(name, queue.physicalId, queueArn(name, place), queueAttributes(queue));
    }
  }

  return {
    async handle(operation, input) {
      if (operation === 'ListQueues') return { QueueUrls: [...urls.values()] };
      if (operation === 'CreateQueue' || operation === 'DeleteQueue') {
        throw new AwsError('UnsupportedOperation', `Queues come from the template: ${operation} is not served here.`);
      }
      const name = input.QueueName ?? queueNameOfUrl(input.QueueUrl);
      const url = urls.get(name);
      if (url === undefined) throw new AwsError('QueueDoesNotExist', `The specified queue does not exist: ${name}`);
      if (operation === 'GetQueueUrl') return { QueueUrl: url };
      return await call(operation, { ...input, QueueUrl: name });
    },
    async stop() {
      await fauxqs.close();
      lock?.release();
    },
  };
}

/** The permission that an SQS call needs; a batch needs that of the single call. */
export function sqsPermission(operation: string, input: SqsInput, place: Place) {
  const name = input.QueueName ?? queueNameOfUrl(input.QueueUrl);
  const resourceArn = operation === 'ListQueues' ? '*' : queueArn(name, place);
  return { action: `sqs:${operation.replace(/Batch$/, '')}`, resourceArn };
}

/** Dead letters of a FIFO queue go to a FIFO queue, and others to another. */
function assertFitting(queue: Resource, queues: readonly Resource[], place: Place): void {
  const policy = queue.properties.RedrivePolicy as { deadLetterTargetArn?: string } | undefined;
  const target = queues.find((other) => queueArn(queueName(other), place) === policy?.deadLetterTargetArn);
  if (target === undefined || isFifo(target) === isFifo(queue)) return;
  const sentence = `${queueName(queue)}: the dead-letter queue must be the same type of queue as the source.`;
  throw new AwsError('InvalidParameterValue', sentence);
}

function isFifo({ properties }: Resource): boolean {
  return String(properties.FifoQueue) === 'true';
}

function queueArn(name: string, { region, accountId }: Place): string {
  return `arn:aws:sqs:${region}:${accountId}:${name}`;
}

function queueName({ physicalId }: Resource): string {
  return queueNameOfUrl(physicalId);
}

function queueNameOfUrl(url = ''): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

const attributeNames = [
  'VisibilityTimeout',
  'DelaySeconds',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'ReceiveMessageWaitTimeSeconds',
  'FifoQueue',
  'ContentBasedDeduplication',
];

/** The template's settings as SQS attributes, which are all text. */
function queueAttributes({ properties }: Resource): Record<string, string> {
  const plain = attributeNames
    .filter((name) => properties[name] !== undefined)
    .map((name) => [name, String(properties[name])]);
  const redrive = properties.RedrivePolicy as { deadLetterTargetArn: string; maxReceiveCount: unknown } | undefined;
  return {
    ...Object.fromEntries(plain),
    ...(redrive && {
      RedrivePolicy: JSON.stringify({ ...redrive, maxReceiveCount: Number(redrive.maxReceiveCount) }),
    }),
  };
}
