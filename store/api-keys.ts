import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../domain/time.ts';
import { optionalText, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { apiKeyPartition, ITSELF } from './tables.ts';

/** An API key as it is kept: only the digest of its secret is known here. */
export interface ApiKey {
  readonly id: string;
  /** SHA-256 of the secret, in hex. A key's secret is 32 random bytes, so a slow password hash would add nothing. */
  readonly secretHash: string;
  readonly name: string;
  readonly scopes: readonly string[];
  /** The one account that the key may see; absent when it may see all. */
  readonly account?: string;
  readonly createdAt: Instant;
  readonly expiresAt?: Instant;
}

export interface ApiKeyStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
}

export async function putApiKey(store: ApiKeyStore, key: ApiKey): Promise<void> {
  const command = new PutItemCommand({
    TableName: store.operationsTable,
    Item: toItem({ pk: apiKeyPartition(key.id), sk: ITSELF, ...key }),
    ConditionExpression: 'attribute_not_exists(pk)',
  });
  await retryTransient(() => store.client.send(command));
}

export async function getApiKey(store: ApiKeyStore, id: string): Promise<ApiKey | undefined> {
  const { Item: item } = await retryTransient(() =>
    store.client.send(
      new GetItemCommand({
        TableName: store.operationsTable,
        Key: toItem({ pk: apiKeyPartition(id), sk: ITSELF }),
        // A key must work from the moment it was made: a denial would be remembered for a minute.
        ConsistentRead: true,
      }),
    ),
  );
  if (item === undefined) return undefined;
  const account = optionalText(item, 'account');
  const expiresAt = optionalText(item, 'expiresAt');
  return {
    id: text(item, 'id'),
    secretHash: text(item, 'secretHash'),
    name: text(item, 'name'),
    scopes: (item.scopes?.L ?? []).map((scope) => scope.S ?? ''),
    createdAt: text(item, 'createdAt'),
    ...(account !== undefined && { account }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
