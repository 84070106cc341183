import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { Instant } from '../domain/time.ts';
import { type Item, integer, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { bulkPartition, bulkPartSortKey, ITSELF } from './tables.ts';

/** Bulks: what was handed in to be posted in the background, and what became of each of its elements. */
export interface BulkStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
}

export interface Bulk {
  readonly id: string;
  /** Of all that was handed in; another digest under the same id is another bulk. */
  readonly digest: string;
  readonly acceptedAt: Instant;
  /** The API key that handed it in; empty where there was none. */
  readonly by: string;
  readonly elements: number;
}

/** What became of an element, small enough that those of a part are one item of 400 KB (AWS limit). */
export interface BulkResult {
  readonly index: number;
  readonly id?: string;
  /** As HTTP would have said it of a single request. */
  readonly status: number;
  readonly result: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly field: string; readonly rule: string }[];
}

/** `conflict`: something else has this id. */
export type CreateBulkResult =
  | { readonly kind: 'created' | 'replayed'; readonly bulk: Bulk }
  | { readonly kind: 'conflict' };

/** Records a bulk once. The same content under the same id gives the bulk as it was recorded first. */
export async function createBulk(store: BulkStore, bulk: Bulk): Promise<CreateBulkResult> {
  const { elements, ...fields } = bulk;
  const command = new PutItemCommand({
    TableName: store.operationsTable,
    Item: toItem({ pk: bulkPartition(bulk.id), sk: ITSELF, ...fields, elements: BigInt(elements) }),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await retryTransient(() => store.client.send(command));
    return { kind: 'created', bulk };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    const known = bulkFromItem(error.Item);
    if (known.digest !== bulk.digest) return { kind: 'conflict' };
    // An attempt whose answer was lost has written this very record; whoever asks is told the same either way.
    return { kind: 'replayed', bulk: known };
  }
}

export interface BulkProgress {
  readonly bulk: Bulk;
  /** Results by number of the part; parts of which nothing is decided are left out. */
  readonly parts: ReadonlyMap<number, readonly BulkResult[]>;
}

/** A bulk with all results that there are; undefined when there is no such bulk. */
export async function getBulk(store: BulkStore, id: string): Promise<BulkProgress | undefined> {
  let bulk: Bulk | undefined;
  const parts = new Map<number, readonly BulkResult[]>();
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.operationsTable,
      KeyConditionExpression: 'pk = :bulk',
      ExpressionAttributeValues: toItem({ ':bulk': bulkPartition(id) }),
      ConsistentRead: true,
      ExclusiveStartKey: after,
    });
    const { Items: items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command));
    for (const item of items) {
      if (text(item, 'sk') === ITSELF) bulk = bulkFromItem(item);
      else parts.set(Number(integer(item, 'part')), resultsFromItem(item));
    }
    after = LastEvaluatedKey;
  } while (after !== undefined);
  return bulk && { bulk, parts };
}

/** The results of a part that are decided; none when nothing is. */
export async function getPartResults(store: BulkStore, id: string, part: number): Promise<readonly BulkResult[]> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem({ pk: bulkPartition(id), sk: bulkPartSortKey(part) }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command));
  return item === undefined ? [] : resultsFromItem(item);
}

/** Somebody else has told results of the part meanwhile. */
export class PartChangedError extends Error {
  override name = 'PartChangedError';
}

/**
 * Tells further results of a part; what was told before stays as it is.
 * @param told the results as they were read.
 * @throws PartChangedError when they are not these any more.
 */
export async function addPartResults(
  store: BulkStore,
  { id, part }: { readonly id: string; readonly part: number },
  told: readonly BulkResult[],
  further: readonly BulkResult[],
): Promise<void> {
  const results = [...told, ...further];
  const command = new PutItemCommand({
    TableName: store.operationsTable,
    Item: toItem({
      pk: bulkPartition(id),
      sk: bulkPartSortKey(part),
      part: BigInt(part),
      decided: BigInt(results.length),
      results: JSON.stringify(results),
    }),
    ...(told.length === 0
      ? { ConditionExpression: 'attribute_not_exists(pk)' }
      : {
          ConditionExpression: 'decided = :told',
          ExpressionAttributeValues: toItem({ ':told': BigInt(told.length) }),
        }),
  });
  try {
    await retryTransient(() => store.client.send(command));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    throw new PartChangedError(`Results of part ${part} of the bulk "${id}" were told by somebody else.`);
  }
}

function bulkFromItem(item: Item): Bulk {
  return {
    id: text(item, 'id'),
    digest: text(item, 'digest'),
    acceptedAt: text(item, 'acceptedAt'),
    by: text(item, 'by'),
    elements: Number(integer(item, 'elements')),
  };
}

function resultsFromItem(item: Item): BulkResult[] {
  // Written by this file alone, from these very types.
  return JSON.parse(text(item, 'results')) as BulkResult[];
}
