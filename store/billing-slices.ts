import { GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../domain/time.ts';
import type { BillingRunsStore, ClaimedBillingRun } from './billing-runs.ts';
import { type Item, integer, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { errorValue, type RunError, TOO_MANY_CHILDREN_FAILED } from './runs.ts';
import { billingRunPartition, billingSliceSortKey } from './tables.ts';

/** How far a billing run is: items behind its record, one for each slice of a pass that is done. */

/** Records how many slices there are, for whoever follows the run. */
export async function recordSliceCount(store: BillingRunsStore, id: string, slices: number): Promise<void> {
  const item = toItem({ pk: billingRunPartition(id), sk: SLICES, slices: BigInt(slices) });
  await retryTransient(
    () => store.client.send(new PutItemCommand({ TableName: store.operationsTable, Item: item })),
    store.clock,
  );
}

/** Records that a slice of a pass is done. */
export async function recordBillingSlice(
  store: BillingRunsStore,
  id: string,
  { pass, slice, at }: { readonly pass: string; readonly slice: string; readonly at: Instant },
): Promise<void> {
  const item = toItem({ pk: billingRunPartition(id), sk: billingSliceSortKey(pass, slice), doneAt: at });
  await retryTransient(
    () => store.client.send(new PutItemCommand({ TableName: store.operationsTable, Item: item })),
    store.clock,
  );
}

/** Behind the slices that are done, so that one query counts them and says of how many they are. */
const SLICES = 'slices';

/** How many slices of a run are done, of how many. */
export async function progressOfBillingRun(
  store: BillingRunsStore,
  id: string,
): Promise<{ readonly done: number; readonly of?: number }> {
  let done = 0;
  let of: number | undefined;
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.operationsTable,
      KeyConditionExpression: 'pk = :run AND begins_with(sk, :slice)',
      ExpressionAttributeValues: toItem({ ':run': billingRunPartition(id), ':slice': 'slice' }),
      ExclusiveStartKey: after,
      ConsistentRead: true,
    });
    const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    for (const item of Items) {
      if (text(item, 'sk') === SLICES) of = Number(integer(item, 'slices'));
      else done += 1;
    }
    after = LastEvaluatedKey;
  } while (after !== undefined);
  return of === undefined ? { done } : { done, of };
}

/** Whether a slice of a pass is done; a worker that starts again after a failure passes over what it has. */
export async function isBillingSliceDone(
  store: BillingRunsStore,
  id: string,
  { pass, slice }: { readonly pass: string; readonly slice: string },
): Promise<boolean> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem({ pk: billingRunPartition(id), sk: billingSliceSortKey(pass, slice) }),
    ConsistentRead: true,
  });
  return (await retryTransient(() => store.client.send(command), store.clock)).Item !== undefined;
}

/** Notes why a slice could not be done, for whoever looks at a run that failed. The last word counts. */
export async function noteBillingSliceFailure(
  store: BillingRunsStore,
  { id, execution }: ClaimedBillingRun,
  error: RunError,
): Promise<void> {
  const item = toItem({ pk: billingRunPartition(id), sk: FAILURE, execution, error: errorValue(error) });
  const command = new PutItemCommand({ TableName: store.operationsTable, Item: item });
  await retryTransient(() => store.client.send(command), store.clock);
}

const FAILURE = 'failure';

/** The error of a failed run: that of the slice which failed it, where it was one that this execution went through. */
export async function toldError(
  store: BillingRunsStore,
  { id, execution }: ClaimedBillingRun,
  error: RunError,
): Promise<RunError> {
  if (error.name !== TOO_MANY_CHILDREN_FAILED) return error;
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem({ pk: billingRunPartition(id), sk: FAILURE }),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  const noted = item?.execution?.S === execution ? item.error?.M : undefined;
  return noted === undefined ? error : { name: text(noted, 'name'), cause: text(noted, 'cause') };
}
