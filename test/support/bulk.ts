import { SendMessageCommand, type SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { operations } from '../../contract/routes.ts';
import { getBulk, postBulk } from '../../functions/api/bulk.ts';
import type { PostingDeps } from '../../functions/api/ledger-deps.ts';
import { makeHandler, type PostBulkDeps } from '../../functions/events/post-bulk.ts';
import { apiHandler, type Operations } from '../../functions/runtime/pipeline.ts';
import { systemClock } from '../../store/retry.ts';
import { call, type TestAnswer, type TestCall } from './api.ts';
import type { TestLedger } from './ledger.ts';

export const BULK = 'POST /v1/bulk';
export const SHOW_BULK = 'GET /v1/bulk/{bulkId}';

export interface TestBulks {
  /** What was sent to the queue and not worked through yet. */
  readonly queue: SendMessageCommandInput[];
  /** Set, it is what sending to the queue comes to. */
  fault: Error | undefined;
  send(route: string, request?: TestCall): Promise<TestAnswer>;
  /** Works through what is in the queue, once, ten messages at a time. @returns the messages that are to come again. */
  work(change?: WorkChange): Promise<SendMessageCommandInput[]>;
}

export interface WorkChange {
  readonly ledger?: Partial<PostingDeps>;
  readonly remainingMs?: number;
}

/** The two operations on bulks with a queue of its own, and the function that is fed from it. */
export function startBulks(ledger: TestLedger): TestBulks {
  const { client, operationsTable } = ledger.books;
  const bulks = { client, operationsTable };
  const { audit: _, ...posting } = ledger.deps;
  const sqs = new SQSClient({ region: 'us-east-1' });
  const made: TestBulks = {
    queue: [],
    fault: undefined,
    send: (route, request) => call(handler, route, request),
    async work({ ledger: change = {}, remainingMs = 120_000 } = {}) {
      const deps: PostBulkDeps = {
        ledger: { ...posting, store: { ...posting.store, clock: systemClock }, ...change },
        bulks,
      };
      const again: SendMessageCommandInput[] = [];
      const waiting = made.queue.splice(0);
      while (waiting.length > 0) {
        const batch = waiting.splice(0, 10);
        const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => remainingMs } as Context;
        const { batchItemFailures } = await makeHandler(deps)(eventOf(batch), context);
        const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        again.push(...batch.filter((message) => failed.has(message.MessageDeduplicationId ?? '')));
      }
      made.queue.push(...again);
      return again;
    },
  };
  sqs.middlewareStack.add(
    (next, { commandName }) =>
      async (sent) => {
        if (commandName !== SendMessageCommand.name) return next(sent);
        if (made.fault !== undefined) throw made.fault;
        made.queue.push(sent.input as SendMessageCommandInput);
        return { response: undefined, output: { $metadata: {} } };
      },
    { step: 'initialize' },
  );
  const deps = { bulks, bulkQueue: { client: sqs, url: 'queue' }, chart: posting.chart, now: () => ledger.deps.now() };
  const implementations = {
    postBulk: (request: Parameters<typeof postBulk>[1]) => postBulk(deps, request),
    getBulk: (request: Parameters<typeof getBulk>[1]) => getBulk(deps, request),
  };
  const handler = apiHandler('api/operations', operations, implementations as unknown as Operations<'api/operations'>);
  return made;
}

function eventOf(messages: readonly SendMessageCommandInput[]): SQSEvent {
  const Records = messages.map(({ MessageBody, MessageGroupId, MessageDeduplicationId }) => ({
    messageId: MessageDeduplicationId ?? '',
    body: MessageBody ?? '',
    attributes: { MessageGroupId },
  }));
  return { Records } as unknown as SQSEvent;
}
