import type { InvocationResult, InvokeFunction, Resource } from '../resources.ts';
import type { CallService } from '../service-calls.ts';
import { type FunctionDefinition, readFunction } from './definition.ts';
import { assertPayloadSize, functionNameOf } from './functions.ts';

export interface AsyncInvocationsOptions {
  readonly resources: readonly Resource[];
  readonly invoke: InvokeFunction;
  readonly callService: CallService;
  readonly log: (line: string) => void;
  readonly now: () => Date;
  readonly newId: () => string;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export interface AsyncInvocations {
  /**
   * Takes an event and returns at once, as Lambda's `Event` invocation does. What fails is tried again, then sent to the
   * failure destination and the dead letter queue that the template names.
   *
   * @throws AwsError when the payload is too large
   */
  invokeAsync(functionNameOrArn: string, payload: string): void;
  /** Gives up what still waits for another try, and waits for what runs. */
  stop(): Promise<void>;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ASYNC_PAYLOAD_BYTES_MAX = 1024 * 1024;
/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
const RETRIES_DEFAULT = 2;
const RETRY_DELAYS_MS = [60_000, 120_000];

interface EventInvokeConfig {
  readonly FunctionName: string;
  readonly MaximumRetryAttempts?: number;
  readonly DestinationConfig?: { readonly OnFailure?: { readonly Destination: string } };
}

interface Event {
  readonly requestId: string;
  readonly payload: string;
  readonly attempts: number;
}

export function createAsyncInvocations(options: AsyncInvocationsOptions): AsyncInvocations {
  const { resources, invoke, callService, log, now, newId, sleep } = options;
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  const definitions = new Map(ofType('AWS::Lambda::Function').map((fn) => [fn.physicalId, readFunction(fn)]));
  const configs = new Map(
    ofType('AWS::Lambda::EventInvokeConfig').map(({ properties }) => {
      const config = properties as unknown as EventInvokeConfig;
      return [functionNameOf(config.FunctionName), config];
    }),
  );
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();

  async function run(name: string, payload: string): Promise<void> {
    const config = configs.get(name);
    const attemptsMax = 1 + (config?.MaximumRetryAttempts ?? RETRIES_DEFAULT);
    const requestId = newId();
    for (let attempts = 1; ; attempts += 1) {
      const result = await invoke(name, payload);
      if (result.functionError === undefined) return;
      if (attempts === attemptsMax) return giveUp(name, { requestId, payload, attempts }, result);
      await sleep(RETRY_DELAYS_MS[attempts - 1] ?? 0, stopping.signal);
      if (stopping.signal.aborted) return;
    }
  }

  async function giveUp(name: string, event: Event, result: InvocationResult): Promise<void> {
    const definition = definitions.get(name);
    if (definition === undefined) return;
    log(`Function ${name} failed ${event.attempts} times on an asynchronous event: ${result.payload}`);
    const destination = configs.get(name)?.DestinationConfig?.OnFailure?.Destination;
    if (destination !== undefined) {
      await send(definition, destination, JSON.stringify(failureRecord(definition, event, result, now())));
    }
    if (definition.deadLetterArn !== undefined) await send(definition, definition.deadLetterArn, event.payload);
  }

  async function send({ roleArn }: FunctionDefinition, targetArn: string, body: string): Promise<void> {
    const queue = resources.find(({ type, arn }) => type === 'AWS::SQS::Queue' && arn === targetArn);
    if (queue === undefined)
      return log(`Failed events cannot be sent to ${targetArn}: it is no queue of the template.`);
    const input = { QueueUrl: queue.physicalId, MessageBody: body };
    await callService({ roleArn, service: 'sqs', action: 'sendMessage', input });
  }

  return {
    invokeAsync(functionNameOrArn, payload) {
      assertPayloadSize(payload, ASYNC_PAYLOAD_BYTES_MAX);
      const name = functionNameOf(functionNameOrArn);
      const work = run(name, payload)
        .catch((error: Error) => log(`An asynchronous event for ${name} was lost: ${error.message}`))
        .finally(() => running.delete(work));
      running.add(work);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** What Lambda tells a failure destination. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
function failureRecord(definition: FunctionDefinition, event: Event, result: InvocationResult, at: Date): unknown {
  return {
    version: '1.0',
    timestamp: at.toISOString(),
    requestContext: {
      requestId: event.requestId,
      functionArn: `${definition.arn}:$LATEST`,
      condition: 'RetriesExhausted',
      approximateInvokeCount: event.attempts,
    },
    requestPayload: JSON.parse(event.payload),
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: result.functionError },
    responsePayload: JSON.parse(result.payload),
  };
}
