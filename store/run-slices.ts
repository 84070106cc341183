import { PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../domain/time.ts';
import { type Item, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { type ClaimedRun, errorValue, type RunError, type RunsStore, sendIfTrue, whereRunIs } from './runs.ts';
import { runPartition } from './tables.ts';

/**
 * Records that a slice is compared and its part is written. What was noted of an attempt that failed goes first: behind
 * a slice that is done nobody would come back for it.
 */
export async function recordSlice(
  store: RunsStore,
  { id, execution }: ClaimedRun,
  slice: { readonly id: string; readonly findings: number; readonly doneAt: Instant },
): Promise<void> {
  const forget = new UpdateItemCommand({
    ...whereRunIs(store, id),
    UpdateExpression: 'REMOVE sliceErrors.#slice',
    ConditionExpression: 'execution = :execution AND attribute_exists(sliceErrors.#slice)',
    ExpressionAttributeNames: { '#slice': slice.id },
    ExpressionAttributeValues: toItem({ ':execution': execution }),
  });
  await sendIfTrue(store, forget);
  const item = toItem({
    pk: runPartition(id),
    sk: sliceSortKey(slice.id),
    findings: BigInt(slice.findings),
    doneAt: slice.doneAt,
  });
  await retryTransient(() => store.client.send(new PutItemCommand({ TableName: store.operationsTable, Item: item })));
}

/**
 * Notes on the run why a slice could not be compared, for people who look at a run that failed. The note goes when the
 * slice is compared after all.
 */
export async function noteSliceFailure(
  store: RunsStore,
  { id, execution }: ClaimedRun,
  sliceId: string,
  error: RunError,
): Promise<void> {
  const command = new UpdateItemCommand({
    ...whereRunIs(store, id),
    UpdateExpression: 'SET sliceErrors.#slice = :error',
    ConditionExpression: 'execution = :execution',
    ExpressionAttributeNames: { '#slice': sliceId },
    ExpressionAttributeValues: toItem({ ':error': errorValue(error), ':execution': execution }),
  });
  await retryTransient(() => store.client.send(command));
}

/** Whether a slice is done; a worker that starts again after a failure passes over what it has. */
export async function isSliceDone(store: RunsStore, runId: string, sliceId: string): Promise<boolean> {
  return (await countSlices(store, runId, 'sk = :slice', sliceSortKey(sliceId))) > 0;
}

/** How many slices of a run are done. */
export async function slicesDone(store: RunsStore, runId: string): Promise<number> {
  return countSlices(store, runId, 'begins_with(sk, :slice)', sliceSortKey(''));
}

async function countSlices(store: RunsStore, runId: string, condition: string, slice: string): Promise<number> {
  let count = 0;
  let next: Item | undefined;
  do {
    const page = await retryTransient(() =>
      store.client.send(
        new QueryCommand({
          TableName: store.operationsTable,
          KeyConditionExpression: `pk = :run AND ${condition}`,
          ExpressionAttributeValues: toItem({ ':run': runPartition(runId), ':slice': slice }),
          Select: 'COUNT',
          ConsistentRead: true,
          ExclusiveStartKey: next,
        }),
      ),
    );
    count += page.Count ?? 0;
    next = page.LastEvaluatedKey;
  } while (next !== undefined);
  return count;
}

function sliceSortKey(sliceId: string): string {
  return `slice#${sliceId}`;
}
