import { PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../domain/time.ts';
import { type Item, text, toItem } from './items.ts';
import type { RepairsStore, StepCounts, StepOutcome } from './repairs.ts';
import { retryTransient } from './retry.ts';
import { repairPartition, repairPartSortKey } from './tables.ts';

/** Records that a part of a repair is applied and its results are written. */
export async function recordPart(
  store: RepairsStore,
  repairId: string,
  part: number,
  counts: StepCounts,
  doneAt: Instant,
): Promise<void> {
  const key = { pk: repairPartition(repairId), sk: repairPartSortKey(part) };
  const item = toItem({ ...key, counts: JSON.stringify(counts), doneAt });
  await retryTransient(
    () => store.client.send(new PutItemCommand({ TableName: store.operationsTable, Item: item })),
    store.clock,
  );
}

/** How far applying has come: the parts that are applied, and what became of their steps. */
export interface PartsDone {
  readonly parts: ReadonlySet<number>;
  readonly counts: StepCounts;
}

/** The parts of a repair that are applied; whoever starts again after a failure passes over them. */
export async function partsDone(store: RepairsStore, repairId: string): Promise<PartsDone> {
  const parts = new Set<number>();
  const counts: Partial<Record<StepOutcome, number>> = {};
  let next: Item | undefined;
  do {
    const query: QueryCommand = new QueryCommand({
      TableName: store.operationsTable,
      KeyConditionExpression: 'pk = :repair AND begins_with(sk, :part)',
      ExpressionAttributeValues: toItem({ ':repair': repairPartition(repairId), ':part': PART }),
      ConsistentRead: true,
      ExclusiveStartKey: next,
    });
    const page = await retryTransient(() => store.client.send(query), store.clock);
    for (const item of page.Items ?? []) {
      parts.add(Number(text(item, 'sk').slice(PART.length)));
      for (const [outcome, count] of Object.entries(JSON.parse(text(item, 'counts')) as StepCounts)) {
        counts[outcome as StepOutcome] = (counts[outcome as StepOutcome] ?? 0) + count;
      }
    }
    next = page.LastEvaluatedKey;
  } while (next !== undefined);
  return { parts, counts };
}

const PART = 'part#';
