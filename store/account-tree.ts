import { QueryCommand } from '@aws-sdk/client-dynamodb';
import type { AccountHistory } from '../domain/statements.ts';
import { getItems } from './batch-get.ts';
import { type Item, text, toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { retryTransient } from './retry.ts';
import { historyFromItem } from './statements.ts';
import { accountKey, BY_BUCKET, bucketOf } from './tables.ts';

/**
 * The account of a path, if it is there, and all below it, in order of id. Each is read as it is at its moment, but
 * which there are below comes from an index: an account that was opened just now may be missing.
 * @param path of two segments at least, as every account id.
 * @throws TooManyAccountsError when there are more than `most` below.
 */
export async function readAccountTree(store: LedgerTable, path: string, most: number): Promise<AccountHistory[]> {
  const ids = [path, ...(await listBelow(store, path, most))];
  const items = await getItems(store, ids.map(accountKey));
  return ids.flatMap((id) => {
    const item = items.get(accountKey(id));
    return item === undefined ? [] : [historyFromItem(item)];
  });
}

/** More accounts below a path than one answer covers. */
export class TooManyAccountsError extends Error {
  override name = 'TooManyAccountsError';
}

async function listBelow(store: LedgerTable, path: string, most: number): Promise<string[]> {
  const below: string[] = [];
  let after: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.ledgerTable,
      IndexName: BY_BUCKET,
      KeyConditionExpression: '#bucket = :bucket AND begins_with(account, :below)',
      ExpressionAttributeNames: { '#bucket': 'bucket' },
      ExpressionAttributeValues: toItem({ ':bucket': bucketOf(path), ':below': `${path}:` }),
      Limit: most + 1 - below.length,
      ExclusiveStartKey: after,
    });
    const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    below.push(...Items.map((item) => text(item, 'account')));
    if (below.length > most) throw new TooManyAccountsError(`There are more than ${most} accounts below ${path}.`);
    after = LastEvaluatedKey;
  } while (after !== undefined);
  return below;
}
