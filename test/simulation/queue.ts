import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { timedOut } from './dynamodb/faults.ts';
import type { Fleet } from './fleet.ts';
import type { Instance } from './instances.ts';
import type { World } from './world.ts';

/** A FIFO queue and the function that works through it: one batch of a group at a time, in order, again and again. */
export interface Queue {
  client(instance: Instance): SQSClient;
  /** Messages that were not worked through yet. */
  readonly waiting: number;
}

type Worker = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

interface Message {
  readonly id: string;
  readonly body: string;
}

interface Sent {
  readonly MessageBody: string;
  readonly MessageGroupId: string;
  readonly MessageDeduplicationId: string;
}

/** Messages of a batch. */
const BATCH = 10;
/** Milliseconds after which what was not worked through comes again. */
const VISIBILITY_MS = 150_000;
/** Milliseconds for which a message of the same name is taken for the same (AWS). */
const DEDUPLICATION_MS = 5 * 60_000;
/** What a worker is told of its time: enough for every part. */
const REMAINING_MS = 120_000;

export function createQueue(world: World, fleet: () => Fleet<Worker>): Queue {
  const { scheduler, chaos, random } = world;
  const groups = new Map<string, { readonly messages: Message[]; isBusy: boolean }>();
  const seen = new Map<string, number>();

  function enqueue({ MessageBody, MessageGroupId, MessageDeduplicationId }: Sent): void {
    const before = seen.get(MessageDeduplicationId);
    if (before !== undefined && scheduler.now() - before < DEDUPLICATION_MS) return;
    seen.set(MessageDeduplicationId, scheduler.now());
    const group = groups.get(MessageGroupId) ?? { messages: [], isBusy: false };
    groups.set(MessageGroupId, group);
    group.messages.push({ id: MessageDeduplicationId, body: MessageBody });
    wake(MessageGroupId, chaos.strikes('message-late') ? random.below(300_000) : random.below(500));
  }

  function wake(name: string, milliseconds: number): void {
    const group = groups.get(name);
    if (group === undefined || group.isBusy || group.messages.length === 0) return;
    group.isBusy = true;
    scheduler.after(milliseconds, () => {
      deliver(name).then((pause) => {
        group.isBusy = false;
        wake(name, pause);
      }, scheduler.fail);
    });
  }

  /** @returns milliseconds until the group is looked at again. */
  async function deliver(name: string): Promise<number> {
    const messages = groups.get(name)?.messages ?? [];
    const batch = messages.slice(0, BATCH);
    const event = { Records: batch.map(({ id, body }) => recordOf(id, body, name)) } as unknown as SQSEvent;
    const context = { awsRequestId: 'queue', getRemainingTimeInMillis: () => REMAINING_MS } as Context;
    const invoked = await fleet().invoke((worker) => worker(event, context));
    if (invoked.kind !== 'answered') return VISIBILITY_MS;
    const failed = new Set(invoked.answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    // What was done may come again all the same, when its removal is lost.
    if (chaos.strikes('message-twice')) return VISIBILITY_MS;
    const left = batch.filter(({ id }) => failed.has(id));
    messages.splice(0, batch.length, ...left);
    return left.length > 0 ? VISIBILITY_MS : 0;
  }

  return {
    get waiting() {
      return [...groups.values()].reduce((sum, { messages }) => sum + messages.length, 0);
    },
    client: (instance) =>
      ({
        send: ({ input }: { readonly input: Sent }) =>
          new Promise((resolve, reject) => {
            if (instance.isDead) return;
            if (chaos.strikes('crash')) return instance.die();
            const isLost = chaos.strikes('lost-request');
            const isUnanswered = chaos.strikes('lost-answer');
            scheduler.after(1 + random.below(20), () => {
              if (!isLost) enqueue(input);
              if (instance.isDead) return;
              if (isLost || isUnanswered) reject(timedOut());
              else resolve({});
            });
          }),
      }) as unknown as SQSClient,
  };
}

function recordOf(messageId: string, body: string, MessageGroupId: string) {
  return { messageId, body, attributes: { MessageGroupId } };
}
