import { BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import { type Item, text, toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { retryTransient } from './retry.ts';

/** Items of one call (AWS limit). */
const ITEMS_MAX = 100;

/** Calls under way at once: hides the network's latency and leaves connections to other requests. */
const CALLS_AT_ONCE = 8;

/**
 * Items of the ledger's table by their keys, each as it is at its moment: together they are no snapshot. What is not
 * there is left out.
 * @param keys each once.
 * @throws StoreUnavailableError when some are not read until the deadline.
 */
export async function getItems(store: LedgerTable, keys: readonly string[]): Promise<ReadonlyMap<string, Item>> {
  const batches = Array.from({ length: Math.ceil(keys.length / ITEMS_MAX) }, (_, index) =>
    keys.slice(index * ITEMS_MAX, (index + 1) * ITEMS_MAX),
  );
  const found = new Map<string, Item>();
  for await (const items of inOrder(batches, CALLS_AT_ONCE, (batch) => getBatch(store, batch))) {
    for (const item of items) found.set(text(item, 'pk'), item);
  }
  return found;
}

/** The table gave some items of a batch and not others, for lack of throughput; those are asked for again. */
export class UnprocessedKeysError extends Error {
  override name = 'UnprocessedKeysError';
}

async function getBatch(store: LedgerTable, keys: readonly string[]): Promise<Item[]> {
  const found: Item[] = [];
  let left: Item[] = keys.map((pk) => toItem({ pk }));
  await retryTransient(async () => {
    const command = new BatchGetItemCommand({
      RequestItems: { [store.ledgerTable]: { Keys: left, ConsistentRead: true } },
    });
    const { Responses, UnprocessedKeys } = await store.client.send(command);
    found.push(...(Responses?.[store.ledgerTable] ?? []));
    left = UnprocessedKeys?.[store.ledgerTable]?.Keys ?? [];
    if (left.length > 0) throw new UnprocessedKeysError(`${left.length} items of a batch were not read.`);
  }, store.clock);
  return found;
}
