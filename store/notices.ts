import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../domain/time.ts';
import type { InvoicesStore } from './invoices.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { noticesPartition } from './tables.ts';

/**
 * Whether a customer was told of what a regeneration changed. The note is made before the message is handed over, so
 * that whatever breaks off in between leaves it behind, and nobody hands the message over a second time.
 */

/**
 * `sending`: it is being handed over, or somebody broke off while it was; whether it went out is not known. `sent`: it
 * was taken. `refused`: it was not taken, for certain, and may be handed over again.
 */
export type NoticeState = 'sending' | 'sent' | 'refused';

export interface NoticeNote {
  /** The regeneration that it tells of. */
  readonly of: string;
  readonly account: string;
  readonly state: NoticeState;
  /** The run that handed it over. */
  readonly run: string;
  /** Tells one attempt from another. */
  readonly attempt: string;
  readonly at: Instant;
  /** What the notifier calls the message that it took. */
  readonly messageId?: string;
}

export async function getNotice(store: InvoicesStore, of: string, account: string): Promise<NoticeNote | undefined> {
  const command = new GetItemCommand({
    TableName: store.billingTable,
    Key: toItem({ pk: noticesPartition(of), sk: account }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item && noteFromItem(item);
}

/**
 * Notes that a notice is being handed over, where none was before or the last one was refused.
 * @returns false when another attempt has noted one.
 */
export function beginNotice(store: InvoicesStore, note: Omit<NoticeNote, 'state' | 'messageId'>): Promise<boolean> {
  return put(store, { ...note, state: 'sending' }, 'attribute_not_exists(pk) OR #state = :refused', {
    ':refused': 'refused',
  });
}

/** Notes what became of a notice that this attempt has begun. @returns false when it is not this attempt's. */
export function endNotice(store: InvoicesStore, note: NoticeNote): Promise<boolean> {
  return put(store, note, '#state = :sending AND attempt = :attempt', {
    ':sending': 'sending',
    ':attempt': note.attempt,
  });
}

async function put(
  store: InvoicesStore,
  note: NoticeNote,
  ConditionExpression: string,
  values: Readonly<Record<string, string>>,
): Promise<boolean> {
  const item = toItem({ pk: noticesPartition(note.of), sk: note.account, ...note });
  const command = new PutItemCommand({
    TableName: store.billingTable,
    Item: item,
    ConditionExpression,
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: toItem(values),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
    return true;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    // A put whose answer was lost has written exactly this; no other attempt writes it.
    return isDeepStrictEqual(error.Item, item);
  }
}

function noteFromItem(item: Item): NoticeNote {
  const messageId = optionalText(item, 'messageId');
  return {
    of: text(item, 'of'),
    account: text(item, 'account'),
    state: text(item, 'state') as NoticeState,
    run: text(item, 'run'),
    attempt: text(item, 'attempt'),
    at: text(item, 'at'),
    ...(messageId !== undefined && { messageId }),
  };
}
