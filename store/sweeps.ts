import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { instantOf } from '../domain/reconciliation/rows.ts';
import type { Instant } from '../domain/time.ts';
import { type Item, optionalText, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { ITSELF, SWEEP_PARTITION } from './tables.ts';

/** Where it is noted how far the sweep of what expires has come. */
export interface SweepStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
}

const KEY = toItem({ pk: SWEEP_PARTITION, sk: ITSELF });

/** The moment before which everything that expires has ended; undefined while nothing was ever swept. */
export async function sweptUntil(store: SweepStore): Promise<Instant | undefined> {
  const mark = await readMark(store);
  return mark && optionalText(mark, 'sweptUntil');
}

/**
 * Where the next sweep begins: the key `<time>#<id>` of the last that ended, or the moment before which all has. More
 * may expire at one moment than a run gets through, so a moment alone would make the next one begin at its first again.
 */
export async function sweptKey(store: SweepStore): Promise<string | undefined> {
  const mark = await readMark(store);
  return mark && (optionalText(mark, 'sweptKey') ?? optionalText(mark, 'sweptUntil'));
}

/**
 * Notes how far the sweep has come. Of two sweeps at once the one that came further is right: it never goes back.
 * @param key of the last that ended, or a moment, which sorts before all that expires then.
 */
export async function noteSwept(store: SweepStore, key: string): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: store.operationsTable,
    Key: KEY,
    UpdateExpression: 'SET sweptUntil = :until, sweptKey = :key',
    ConditionExpression: 'attribute_not_exists(sweptKey) OR sweptKey < :key',
    ExpressionAttributeValues: toItem({ ':until': instantOf(key), ':key': key }),
  });
  try {
    await retryTransient(() => store.client.send(command), store.clock);
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

async function readMark(store: SweepStore): Promise<Item | undefined> {
  const command = new GetItemCommand({ TableName: store.operationsTable, Key: KEY, ConsistentRead: true });
  return (await retryTransient(() => store.client.send(command), store.clock)).Item;
}
