import { createHash } from 'node:crypto';
import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
import { evidenceContent, type UsageEvent } from '../domain/evidence.ts';
import { dayOf, type Instant } from '../domain/time.ts';
import { type Item, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { bucketOf, dayPartition, seenAccountsPartition, shardOf, usageSortKey } from './tables.ts';

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
  const shard = shardOf(event.requestId, entry.shards);
  const recorded = await putIfNew(
    store,
    toItem({
      pk: dayPartition(event.account, dayOf(event.occurredAt), shard, entry.shards),
      sk: usageSortKey(event.occurredAt, event.requestId, fingerprint),
      ...event,
      fingerprint,
      recordedAt: now,
    }),
  );
  return recorded ? 'recorded' : 'duplicate';
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
  const command = new PutItemCommand({
    TableName: store.usageTable,
    Item: item,
    ConditionExpression: 'attribute_not_exists(pk)',
  });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
