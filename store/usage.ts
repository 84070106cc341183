import { createHash } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
import { evidenceContent, type UsageEvent } from '../domain/evidence.ts';
import type { Ruling } from '../domain/reconciliation/rulings.ts';
import { dayOf, type Instant } from '../domain/time.ts';
import { type Item, texts, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { bucketOf, dayPartition, rulingSortKey, seenAccountsPartition, usageSortKey } from './tables.ts';

/** The usage book: evidence, written by other hands than the ledger and never changed. */
export interface UsageStore {
  readonly client: DynamoDBClient;
  readonly usageTable: string;
  readonly clock: RetryClock;
  /** Accounts that this process knows to be listed; spares the listing write after the first event of each. */
  readonly seenAccounts: Set<string>;
}

/** Accounts that one process remembers; when it has met more, it forgets them all and lists them again. */
const SEEN_ACCOUNTS_MAX = 50_000;

/**
 * Keeps a usage event. The same evidence twice is one item; different evidence under one request id is kept beside it.
 * @throws StoreUnavailableError when the table cannot be reached until the deadline.
 */
export async function recordEvidence(
  store: UsageStore,
  event: UsageEvent,
  entry: Pick<ChartEntry, 'shards'>,
  now: Instant,
): Promise<'recorded' | 'duplicate'> {
  await listAccount(store, event.account);
  const fingerprint = fingerprintOf(event);
  const recorded = await putIfNew(
    store,
    toItem({
      pk: dayPartition(event.account, dayOf(event.occurredAt), entry, event.requestId),
      sk: usageSortKey(event.occurredAt, event.requestId, fingerprint),
      ...event,
      fingerprint,
      recordedAt: now,
    }),
  );
  return recorded ? 'recorded' : 'duplicate';
}

/** A person's ruling on the evidence of a request at a time. */
export interface RecordedRuling {
  /** The id of the repair's step that keeps it. */
  readonly id: string;
  readonly account: string;
  readonly requestId: string;
  /** When the evidence happened. */
  readonly at: Instant;
  readonly ruling: Ruling;
  /** Who decided. */
  readonly decidedBy: string;
  /** The repair that keeps it. */
  readonly repair?: string;
}

/**
 * Keeps a ruling beside the evidence that it is on. Nothing is changed by it: a later ruling has the next number, and the
 * last holds.
 * @returns `conflict` when another ruling has taken the number, after whoever made this one had looked.
 * @throws StoreUnavailableError when the table cannot be reached until the deadline.
 */
export async function recordRuling(
  store: Pick<UsageStore, 'client' | 'usageTable' | 'clock'>,
  { at, ruling, ...recorded }: RecordedRuling,
  entry: Pick<ChartEntry, 'shards'>,
  now: Instant,
): Promise<'recorded' | 'duplicate' | 'conflict'> {
  const { account, requestId } = recorded;
  const item = toItem({
    pk: dayPartition(account, dayOf(at), entry, requestId),
    sk: rulingSortKey(at, requestId, ruling.number),
    ...recorded,
    occurredAt: at,
    ruling: BigInt(ruling.number),
    overrules: ruling.overrules,
    recordedAt: now,
  });
  const before = await putUnlessThere(store, item);
  if (before === undefined) return 'recorded';
  return texts(before, 'overrules').join() === ruling.overrules.join() ? 'duplicate' : 'conflict';
}

/** The repair that keeps the ruling with this number; undefined when there is none. */
export async function rulingRepair(
  store: Pick<UsageStore, 'client' | 'usageTable'> & Partial<Pick<UsageStore, 'clock'>>,
  { account, requestId, at, ruling }: Pick<RecordedRuling, 'account' | 'requestId' | 'at' | 'ruling'>,
  entry: Pick<ChartEntry, 'shards'>,
): Promise<string | undefined> {
  const command = new QueryCommand({
    TableName: store.usageTable,
    KeyConditionExpression: 'pk = :partition AND sk = :ruling',
    ExpressionAttributeValues: toItem({
      ':partition': dayPartition(account, dayOf(at), entry, requestId),
      ':ruling': rulingSortKey(at, requestId, ruling.number),
    }),
    ConsistentRead: true,
  });
  const { Items: [item] = [] } = await retryTransient(() => store.client.send(command), store.clock);
  return item?.repair?.S;
}

/** 64 bits of the digest tell evidence apart within one request and moment. */
export function fingerprintOf(event: Pick<UsageEvent, 'operation' | 'quantities'>): string {
  return createHash('sha256').update(evidenceContent(event)).digest('hex').slice(0, 16);
}

/** Lists the account before its first event, so that no evidence can stand where no reconciliation looks. */
async function listAccount(store: UsageStore, account: string): Promise<void> {
  if (store.seenAccounts.has(account)) return;
  await putIfNew(store, toItem({ pk: seenAccountsPartition(bucketOf(account)), sk: account }));
  if (store.seenAccounts.size >= SEEN_ACCOUNTS_MAX) store.seenAccounts.clear();
  store.seenAccounts.add(account);
}

async function putIfNew(store: UsageStore, item: Item): Promise<boolean> {
  return (await putUnlessThere(store, item)) === undefined;
}

/** @returns the item that has the key already; undefined when this one was put. */
async function putUnlessThere(
  store: Pick<UsageStore, 'client' | 'usageTable' | 'clock'>,
  item: Item,
): Promise<Item | undefined> {
  const command = new PutItemCommand({
    TableName: store.usageTable,
    Item: item,
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
    return undefined;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return error.Item ?? {};
    throw error;
  }
}
