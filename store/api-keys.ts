import {
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { ApiKey } from '../domain/api-keys.ts';
import type { AuditDetails, AuditEntry } from '../domain/audit.ts';
import type { Day, Instant } from '../domain/time.ts';
import { appendWith, itemThatRefused } from './audit.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { API_KEYS_PARTITION } from './tables.ts';

/**
 * API keys: one item each, in one partition, so that the authorizer gets it by id and the list is in order of ids. The
 * authorizer reads a key once a minute at most, which leaves a partition room for 180,000 keys in constant use
 * (3,000 reads a second, AWS limit).
 */
export interface ApiKeyStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
}

/** How the audit chain calls whoever holds the AWS account: the only one who makes keys without having one. */
const OWNER = 'owner';

/** `taken`: another key has this id. */
export type CreateKeyResult = { readonly kind: 'created' } | { readonly kind: 'taken' };

/** Makes a key; audited. @param secretHash SHA-256 of the secret, in hex: all that is kept of it. */
export async function createApiKey(store: ApiKeyStore, key: ApiKey, secretHash: string): Promise<CreateKeyResult> {
  const entry: AuditEntry = {
    at: key.createdAt,
    actor: key.createdBy ?? OWNER,
    action: 'key.created',
    target: `key:${key.id}`,
    details: grantOf(key),
  };
  const result = await appendWith(store, entry, [{ Put: putOf(store, key, secretHash) }]);
  if (result.kind === 'appended') return { kind: 'created' };
  // A request that was sent twice has written this very secret.
  const existing = itemThatRefused(result);
  return { kind: existing?.secretHash?.S === secretHash ? 'created' : 'taken' };
}

/** What a key may do and who holds it, for the audit chain. */
function grantOf({ name, scopes, account, person, expiresAt }: ApiKey): AuditDetails {
  return {
    name,
    scopes,
    ...(account !== undefined && { account }),
    ...(person !== undefined && { person }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
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
}

/** `refused`: the old key is not active any more, or was revoked, rotated or expired meanwhile. */
export type RotateKeyResult = { readonly kind: 'rotated' } | { readonly kind: 'refused'; readonly key: ApiKey };

/** Puts the new key and ends the old one, both or neither; audited. */
export async function rotateApiKey(store: ApiKeyStore, succession: KeySuccession): Promise<RotateKeyResult> {
  const { old, oldWorksUntil, successor, secretHash, now } = succession;
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
  const entry: AuditEntry = {
    at: now,
    actor: successor.createdBy ?? OWNER,
    action: 'key.rotated',
    target: `key:${old}`,
    details: { replacedBy: successor.id, worksUntil: oldWorksUntil, ...grantOf(successor) },
  };
  const result = await appendWith(store, entry, [end, { Put: putOf(store, successor, secretHash) }]);
  if (result.kind === 'appended') return { kind: 'rotated' };
  const found = result.reasons[0]?.Item;
  if (found === undefined) throw new Error(`The key ${old} was not rotated, and nothing of it says why.`);
  return { kind: 'refused', key: keyFromItem(found) };
}

/** Revokes a key for ever; audited. Who did it first and when stays. @returns the key; undefined when there is none. */
export async function revokeApiKey(
  store: ApiKeyStore,
  id: string,
  by: string,
  now: Instant,
): Promise<ApiKey | undefined> {
  const entry: AuditEntry = { at: now, actor: by, action: 'key.revoked', target: `key:${id}`, details: {} };
  const revoke: TransactWriteItem = {
    Update: {
      TableName: store.operationsTable,
      Key: keyOf(id),
      UpdateExpression: 'SET revokedAt = :now, revokedBy = :by',
      ConditionExpression: 'attribute_exists(pk) AND attribute_not_exists(revokedAt)',
      ExpressionAttributeValues: toItem({ ':now': now, ':by': by }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
  const result = await appendWith(store, entry, [revoke]);
  if (result.kind === 'appended') return getApiKey(store, id);
  const found = itemThatRefused(result);
  return found && keyFromItem(found);
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
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
}

const OPTIONAL = [
  'account',
  'person',
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
