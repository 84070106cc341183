import type { AccessControl, InvokeFunction, Resource } from './resources.ts';
import type { CallService } from './service-calls.ts';

export interface EventSourcesOptions {
  readonly resources: readonly Resource[];
  readonly region: string;
  readonly access: Pick<AccessControl, 'assertAllowed'>;
  readonly invoke: InvokeFunction;
  readonly callService: CallService;
  readonly log: (line: string) => void;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export interface EventSources {
  /** Ends the polls, and waits for the batches that are being handled. */
  stop(): Promise<void>;
}

interface QueueFeed {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly functionName: string;
  readonly roleArn: string;
  readonly batchSize: number;
  readonly reportsFailures: boolean;
  readonly pollers: number;
}

/** A message as the SQS API gives it. */
interface Message {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, MessageAttribute>>;
}

interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: string;
}

/** Limits of the SQS API: messages per receive, and seconds that a receive may wait. */
const RECEIVE_MAX = 10;
const WAIT_SECONDS_MAX = 20;
/** Lambda's batch for a queue when the template names none. */
const BATCH_SIZE_DEFAULT = 10;
/** Of a FIFO queue; others may be given 10,000. */
const FIFO_BATCH_MAX = 10;
/** Lambda begins with five; each of ours is a held connection, and two keep one machine busy. */
const POLLERS_MAX = 2;
/** After a failed poll, so that a queue that cannot be read is not asked in a tight loop. */
const PAUSE_AFTER_FAILURE_MS = 1_000;

/** What Lambda checks when a mapping is created. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const ACTIONS_NEEDED = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

/**
 * Feeds functions from queues, in the name of the function's role.
 *
 * @throws Error for what Lambda would refuse to create: a role that may not read the queue, a queue that hands a message
 *   out again before the function can be done with it
 */
export function startEventSources(options: EventSourcesOptions): EventSources {
  const mappings = options.resources.filter(({ type }) => type === 'AWS::Lambda::EventSourceMapping');
  const feeds = mappings.filter(({ properties }) => properties.Enabled !== false).map((one) => readFeed(one, options));
  const stopping = new AbortController();
  const pollers = feeds.flatMap((feed) =>
    Array.from({ length: feed.pollers }, () => poll(feed, stopping.signal, options)),
  );
  return {
    async stop() {
      stopping.abort();
      await Promise.all(pollers);
    },
  };
}

async function poll(feed: QueueFeed, signal: AbortSignal, options: EventSourcesOptions): Promise<void> {
  const stopped = new Promise<Message[]>((resolve) => signal.addEventListener('abort', () => resolve([])));
  while (!signal.aborted) {
    try {
      // A poll that still waits when the cloud stops is left behind: what it may receive comes again later.
      const messages = await Promise.race([stopped, receiveBatch(feed, options.callService)]);
      if (messages.length > 0) await handleBatch(feed, messages, options);
    } catch (error) {
      if (signal.aborted) return;
      options.log(`Reading ${feed.queueArn} for ${feed.functionName} failed: ${(error as Error).message}`);
      await options.sleep(PAUSE_AFTER_FAILURE_MS, signal);
    }
  }
}

/** Waits for the first messages, then takes what else is there until the batch is full. */
async function receiveBatch(feed: QueueFeed, callService: CallService): Promise<Message[]> {
  const batch: Message[] = [];
  while (batch.length < feed.batchSize) {
    const answer = await callService({
      roleArn: feed.roleArn,
      service: 'sqs',
      action: 'receiveMessage',
      input: {
        QueueUrl: feed.queueUrl,
        MaxNumberOfMessages: Math.min(RECEIVE_MAX, feed.batchSize - batch.length),
        WaitTimeSeconds: batch.length === 0 ? WAIT_SECONDS_MAX : 0,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      },
    });
    const { Messages = [] } = answer as { Messages?: Message[] };
    if (Messages.length === 0) return batch;
    batch.push(...Messages);
  }
  return batch;
}

/** Deletes what was handled; the rest comes again when its visibility timeout has passed. */
async function handleBatch(feed: QueueFeed, messages: readonly Message[], options: EventSourcesOptions): Promise<void> {
  const { invoke, callService } = options;
  const Records = messages.map((message) => recordOf(message, feed.queueArn, options.region));
  const { payload, functionError } = await invoke(feed.functionName, JSON.stringify({ Records }));
  if (functionError !== undefined) return;
  const failed = feed.reportsFailures ? failedMessages(payload, messages) : new Set<string>();
  const done = messages.filter(({ MessageId }) => !failed.has(MessageId));
  for (let start = 0; start < done.length; start += RECEIVE_MAX) {
    const Entries = done
      .slice(start, start + RECEIVE_MAX)
      .map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    const input = { QueueUrl: feed.queueUrl, Entries };
    await callService({ roleArn: feed.roleArn, service: 'sqs', action: 'deleteMessageBatch', input });
  }
}

/**
 * The ids that the function reports as failed. A report that Lambda cannot read fails the whole batch.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
function failedMessages(payload: string, messages: readonly Message[]): ReadonlySet<string> {
  const all = new Set(messages.map(({ MessageId }) => MessageId));
  const report = JSON.parse(payload) as { batchItemFailures?: unknown } | null;
  const failures = report?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return all;
  const ids = failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
  return ids.every((id): id is string => typeof id === 'string' && all.has(id)) ? new Set(ids) : all;
}

function recordOf(message: Message, queueArn: string, region: string): unknown {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, attribute]) => [
    name,
    {
      dataType: attribute.DataType,
      stringValue: attribute.StringValue,
      binaryValue: attribute.BinaryValue,
      stringListValues: [],
      binaryListValues: [],
    },
  ]);
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  };
}

interface MappingProperties {
  readonly EventSourceArn: string;
  readonly FunctionName: string;
  readonly BatchSize?: number;
  readonly FunctionResponseTypes?: readonly string[];
  readonly FilterCriteria?: unknown;
  readonly MaximumBatchingWindowInSeconds?: number;
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number };
}

/** Seconds; what a queue and a function have when the template does not say. */
const VISIBILITY_SECONDS_DEFAULT = 30;
const FUNCTION_SECONDS_DEFAULT = 3;

function readFeed(mapping: Resource, { resources, access }: EventSourcesOptions): QueueFeed {
  const properties = mapping.properties as unknown as MappingProperties;
  const refuse = (sentence: string) =>
    new Error(`Event source ${mapping.logicalId} of stack ${mapping.stack}: ${sentence}.`);
  const queue = resources.find(({ type, arn }) => type === 'AWS::SQS::Queue' && arn === properties.EventSourceArn);
  const fn = resources.find(({ physicalId, arn }) => [physicalId, arn].includes(properties.FunctionName));
  if (queue === undefined)
    throw refuse(`${properties.EventSourceArn} is no queue of the template, and only queues feed functions here`);
  if (fn === undefined) throw refuse(`there is no function ${properties.FunctionName}`);
  if (properties.FilterCriteria !== undefined) throw refuse('FilterCriteria are not applied by the local cloud');
  const batchSize = properties.BatchSize ?? BATCH_SIZE_DEFAULT;
  if (String(queue.properties.FifoQueue) === 'true') {
    if ((properties.MaximumBatchingWindowInSeconds ?? 0) > 0) throw refuse('a FIFO queue knows no batching window');
    if (batchSize > FIFO_BATCH_MAX) throw refuse(`a batch of a FIFO queue has at most ${FIFO_BATCH_MAX} messages`);
  }

  const visibility = Number(queue.properties.VisibilityTimeout ?? VISIBILITY_SECONDS_DEFAULT);
  const timeout = Number(fn.properties.Timeout ?? FUNCTION_SECONDS_DEFAULT);
  if (visibility < timeout) {
    throw refuse(`the queue's visibility timeout (${visibility} s) is less than the function's timeout (${timeout} s)`);
  }
  const roleArn = String(fn.properties.Role);
  for (const action of ACTIONS_NEEDED) access.assertAllowed(roleArn, action, queue.arn);
  return {
    queueUrl: queue.physicalId,
    queueArn: queue.arn,
    functionName: fn.physicalId,
    roleArn,
    batchSize,
    reportsFailures: properties.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
    pollers: Math.min(properties.ScalingConfig?.MaximumConcurrency ?? POLLERS_MAX, POLLERS_MAX),
  };
}
