import { createHash, randomUUID } from 'node:crypto';
import {
  type CancellationReason,
  type DynamoDBClient,
  QueryCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  type AuditAction,
  type AuditDetails,
  type AuditEntry,
  type AuditHead,
  type AuditRecord,
  CHAIN_START,
  canonical,
  type Digest,
  isAuditDetails,
  nextRecord,
} from '../domain/audit.ts';
import type { Instant } from '../domain/time.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { type RetryClock, retryTransient, StoreUnavailableError, systemClock } from './retry.ts';
import { AUDIT_PARTITION, auditSortKey } from './tables.ts';

/** The audit chain. Records are put and never updated, and no function may delete. */
export interface AuditStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
  /** Names one attempt to append, so that an attempt whose answer was lost is known again. */
  readonly newId?: () => string;
}

export type AppendResult =
  | { readonly kind: 'appended'; readonly record: AuditRecord }
  /** Conditions of the items failed, and nothing was written. The reasons are in the order of the items. */
  | { readonly kind: 'refused'; readonly reasons: readonly CancellationReason[] };

/** Longest wait before the next attempt, in milliseconds: appends are rare, and one takes a few. */
const LONGEST_WAIT_MS = 100;
/** Attempts at a place in the chain: with their waits about as long as other writes are tried. One of those who try at once always gets it. */
const ATTEMPTS_MAX = 40;

/**
 * Appends a record to the chain in one transaction with the change that it records, so that no change goes unrecorded
 * and none is recorded that did not happen. Where somebody else has taken the next place, it goes for the one after.
 * @param items at most 99 writes, of any table. Those with a condition should return the old item when it fails.
 * @throws StoreUnavailableError when the chain stays contended, or the table cannot be reached until the deadline, and
 *   AuditHeadAheadError when somebody has put a record there that is of a time to come.
 */
export async function appendWith(
  store: AuditStore,
  entry: AuditEntry,
  items: readonly TransactWriteItem[],
): Promise<AppendResult> {
  const { clock = systemClock, newId = randomUUID } = store;
  const token = newId();
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const record = nextRecord(await readHead(store), entry, sha256, new Date(clock.now()).toISOString());
    const result = await appendAs(store, record, token, items);
    if (result.kind !== 'contended') return result;
    await clock.sleep(clock.random() * LONGEST_WAIT_MS);
  }
  throw new StoreUnavailableError(
    `Gave up after ${ATTEMPTS_MAX} attempts: others append to the audit chain all the time.`,
  );
}

/** The SHA-256 of a text in hexadecimal digits, as the chain's hashes are. */
export const sha256: Digest = (content) => createHash('sha256').update(content).digest('hex');

async function appendAs(
  store: AuditStore,
  record: AuditRecord,
  token: string,
  items: readonly TransactWriteItem[],
): Promise<AppendResult | { readonly kind: 'contended' }> {
  const append: TransactWriteItem = {
    Put: {
      TableName: store.operationsTable,
      Item: itemOf(record, token),
      ConditionExpression: 'attribute_not_exists(pk)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
  const command = new TransactWriteItemsCommand({ TransactItems: [append, ...items] });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
    return { kind: 'appended', record };
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const [place, ...reasons] = error.CancellationReasons ?? [];
    // An attempt whose answer was lost has written this very record, and the items with it.
    if (place?.Item?.token?.S === token) return { kind: 'appended', record: recordFromItem(place.Item) };
    if (reasons.some(({ Code }) => Code === FAILED)) return { kind: 'refused', reasons };
    if (place?.Code === FAILED) return { kind: 'contended' };
    throw error;
  }
}

const FAILED = 'ConditionalCheckFailed';

/** The item that was there when its condition failed; undefined where none was. */
export function itemThatRefused(result: Extract<AppendResult, { kind: 'refused' }>): Item | undefined {
  return result.reasons.find(({ Code }) => Code === FAILED)?.Item;
}

/** The last record; undefined while there is none. */
export async function readHead(store: AuditStore): Promise<AuditRecord | undefined> {
  const [last] = await readPage(store, { from: 1, to: SEQUENCE_MAX, descending: true, limit: 1 });
  return last;
}

/** The head of the chain, also of one without records. */
export async function chainHead(store: AuditStore): Promise<AuditHead> {
  const { sequence, hash } = (await readHead(store)) ?? CHAIN_START;
  return { sequence, hash };
}

/** Above any sequence: what the sort key has digits for. */
export const SEQUENCE_MAX = 999_999_999_999;

/** Records on one page while the chain is read whole: about a megabyte, which is the most that a query gives (AWS limit). */
const PAGE_RECORDS = 1_000;

/** The records of these sequences in their order, both ends included, page by page. */
export async function* readChain(store: AuditStore, from: number, to: number): AsyncGenerator<AuditRecord> {
  for (let next = from; next <= to; ) {
    const page = await readPage(store, { from: next, to, limit: PAGE_RECORDS });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    next = last.sequence + 1;
  }
}

export interface AuditPageRequest {
  /** Sequences, both included. */
  readonly from: number;
  readonly to: number;
  readonly descending?: boolean;
  readonly limit: number;
}

/** One page of records; an empty one says that there are no more. */
export async function readPage(
  store: AuditStore,
  { from, to, descending = false, limit }: AuditPageRequest,
): Promise<AuditRecord[]> {
  if (from > to) return [];
  const command = new QueryCommand({
    TableName: store.operationsTable,
    KeyConditionExpression: 'pk = :audit AND sk BETWEEN :from AND :to',
    ExpressionAttributeValues: toItem({
      ':audit': AUDIT_PARTITION,
      ':from': auditSortKey(Math.max(0, from)),
      ':to': auditSortKey(Math.min(to, SEQUENCE_MAX)),
    }),
    ScanIndexForward: !descending,
    Limit: limit,
    // A stale head would be contended for nothing, and a chain read a moment too early would look cut.
    ConsistentRead: true,
  });
  const { Items: items = [] } = await retryTransient(() => store.client.send(command), store.clock);
  return items.map(recordFromItem);
}

/**
 * The sequence of the first record at or after a time; one above the last where all are earlier. Found by halving, since
 * times never go back in the chain; a record that was removed is passed over.
 */
export async function firstSequenceSince(store: AuditStore, at: Instant): Promise<number> {
  let [low, high] = [1, (await chainHead(store)).sequence + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [record] = await readPage(store, { from: middle, to: high - 1, limit: 1 });
    if (record === undefined || record.at >= at) high = middle;
    else low = record.sequence + 1;
  }
  return low;
}

function itemOf({ sequence, details, ...fields }: AuditRecord, token: string): Item {
  return toItem({ pk: AUDIT_PARTITION, sk: auditSortKey(sequence), ...fields, details: canonical(details), token });
}

/** Reads what is there, also where somebody wrote it past this code: it is a record whose hash does not fit, not a fault. */
function recordFromItem(item: Item): AuditRecord {
  const said = (name: string) => optionalText(item, name) ?? '';
  return {
    sequence: Number(text(item, 'sk')),
    at: said('at'),
    actor: said('actor'),
    action: said('action') as AuditAction,
    target: said('target'),
    details: detailsFrom(said('details')),
    previousHash: said('previousHash'),
    hash: said('hash'),
  };
}

function detailsFrom(json: string): AuditDetails {
  try {
    const details: unknown = JSON.parse(json);
    return isAuditDetails(details) ? details : {};
  } catch {
    return {};
  }
}
