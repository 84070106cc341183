import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { ApiKey } from '../domain/api-keys.ts';
import type { Day, Instant } from '../domain/time.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { API_KEYS_PARTITION } from './tables.ts';

/**
 * API keys: one item each, in one partition, so that the authorizer gets it by id and the list is in order of ids. The
 * authorizer reads a key once a minute at most, which leaves a partition room for 180,000 keys in constant use
 * (3,000 reads a second, AWS limit).
 */
export interface ApiKeyStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
}

/** `taken`: another key has this id. */
export type CreateKeyResult = { readonly kind: 'created' } | { readonly kind: 'taken' };

/** @param secretHash SHA-256 of the secret, in hex: all that is kept of it. */
export async function createApiKey(store: ApiKeyStore, key: ApiKey, secretHash: string): Promise<CreateKeyResult> {
  const command = new PutItemCommand({
    ...putOf(store, key, secretHash),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await retryTransient(() => store.client.send(command));
    return { kind: 'created' };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    // An attempt whose answer was lost has written this very secret.
    return { kind: text(error.Item, 'secretHash') === secretHash ? 'created' : 'taken' };
  }
}

/** A key with the digest of its secret, for whoever has to tell whether a caller knows it. */
export interface Credential {
  readonly key: ApiKey;
  readonly secretHash: string;
}

export async function getCredential(store: ApiKeyStore, id: string): Promise<Credential | undefined> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: keyOf(id),
    // A key must work from the moment it was made: a denial would be remembered for a minute.
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command));
  return item === undefined ? undefined : { key: keyFromItem(item), secretHash: text(item, 'secretHash') };
}

export async function getApiKey(store: ApiKeyStore, id: string): Promise<ApiKey | undefined> {
  return (await getCredential(store, id))?.key;
}

export interface KeyPage {
  readonly keys: readonly ApiKey[];
  /** The id after which the next page begins; absent on the last one. */
  readonly next?: string;
}

/** Keys in order of their ids, behind the id `after`. Digests of secrets are not read. */
export async function listApiKeys(store: ApiKeyStore, limit: number, after?: string): Promise<KeyPage> {
  const command = new QueryCommand({
    TableName: store.operationsTable,
    KeyConditionExpression: 'pk = :keys',
    ExpressionAttributeValues: toItem({ ':keys': API_KEYS_PARTITION }),
    ...LISTED,
    // One more than asked for tells whether there is a next page. Key items have under 2 KB, so 1 MB holds them.
    Limit: limit + 1,
    ...(after !== undefined && { ExclusiveStartKey: keyOf(after) }),
    // Whoever has just made a key wants to see it.
    ConsistentRead: true,
  });
  const { Items: items = [] } = await retryTransient(() => store.client.send(command));
  const keys = items.slice(0, limit).map(keyFromItem);
  const last = keys.at(-1);
  return items.length > limit && last !== undefined ? { keys, next: last.id } : { keys };
}

/** What is to be written when one key takes another's place. */
export interface KeySuccession {
  readonly old: string;
  readonly oldWorksUntil: Instant;
  readonly successor: ApiKey;
  readonly secretHash: string;
  readonly now: Instant;
  /** Made once for each request, so that an attempt whose answer was lost is not done again. */
  readonly token: string;
}

/** `refused`: the old key is not active any more, or was revoked, rotated or expired meanwhile. */
export type RotateKeyResult = { readonly kind: 'rotated' } | { readonly kind: 'refused'; readonly key: ApiKey };

/** Puts the new key and ends the old one, both or neither. */
export async function rotateApiKey(store: ApiKeyStore, succession: KeySuccession): Promise<RotateKeyResult> {
  const { old, oldWorksUntil, successor, secretHash, now, token } = succession;
  const end: TransactWriteItem = {
    Update: {
      TableName: store.operationsTable,
      Key: keyOf(old),
      UpdateExpression: 'SET replacedBy = :successor, expiresAt = :end',
      ConditionExpression:
        'attribute_exists(pk) AND attribute_not_exists(revokedAt) AND attribute_not_exists(replacedBy) AND (attribute_not_exists(expiresAt) OR expiresAt > :now)',
      ExpressionAttributeValues: toItem({ ':successor': successor.id, ':end': oldWorksUntil, ':now': now }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
  const command = new TransactWriteItemsCommand({
    ClientRequestToken: token,
    TransactItems: [end, { Put: putOf(store, successor, secretHash) }],
  });
  try {
    await retryTransient(() => store.client.send(command));
    return { kind: 'rotated' };
  } catch (error) {
    const found = error instanceof TransactionCanceledException ? error.CancellationReasons?.[0]?.Item : undefined;
    if (found === undefined) throw error;
    return { kind: 'refused', key: keyFromItem(found) };
  }
}

/** Revokes a key for ever. Who did it first and when stays. @returns the key; undefined when there is none. */
export async function revokeApiKey(
  store: ApiKeyStore,
  id: string,
  by: string,
  now: Instant,
): Promise<ApiKey | undefined> {
  const command = new UpdateItemCommand({
    TableName: store.operationsTable,
    Key: keyOf(id),
    UpdateExpression: 'SET revokedAt = if_not_exists(revokedAt, :now), revokedBy = if_not_exists(revokedBy, :by)',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeValues: toItem({ ':now': now, ':by': by }),
    ReturnValues: 'ALL_NEW',
  });
  try {
    const { Attributes: item } = await retryTransient(() => store.client.send(command));
    return item && keyFromItem(item);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

/** Notes the day on which a key was used. Tried once: what fails today is noted tomorrow. */
export async function noteKeyUse(store: ApiKeyStore, id: string, day: Day, signal: AbortSignal): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: store.operationsTable,
    Key: keyOf(id),
    UpdateExpression: 'SET lastUsedOn = :day',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeValues: toItem({ ':day': day }),
  });
  await store.client.send(command, { abortSignal: signal });
}

function keyOf(id: string): Item {
  return toItem({ pk: API_KEYS_PARTITION, sk: id });
}

function putOf(store: ApiKeyStore, key: ApiKey, secretHash: string) {
  return {
    TableName: store.operationsTable,
    Item: toItem({ pk: API_KEYS_PARTITION, sk: key.id, ...key, secretHash }),
    ConditionExpression: 'attribute_not_exists(pk)',
  };
}

const OPTIONAL = [
  'account',
  'createdBy',
  'expiresAt',
  'replaces',
  'replacedBy',
  'revokedAt',
  'revokedBy',
  'lastUsedOn',
];
const FIELDS = ['pk', 'sk', 'id', 'name', 'scopes', 'createdAt', ...OPTIONAL];

/** Names stand behind `#`, because some are reserved words of DynamoDB. */
const LISTED = {
  ProjectionExpression: FIELDS.map((name) => `#${name}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(FIELDS.map((name) => [`#${name}`, name])),
};

function keyFromItem(item: Item): ApiKey {
  const optional = OPTIONAL.map((name) => [name, optionalText(item, name)]).filter(([, value]) => value !== undefined);
  return {
    id: text(item, 'id'),
    name: text(item, 'name'),
    scopes: (item.scopes?.L ?? []).map((scope) => scope.S ?? ''),
    createdAt: text(item, 'createdAt'),
    ...Object.fromEntries(optional),
  };
}
