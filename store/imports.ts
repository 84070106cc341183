import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { addMilliseconds, type Instant } from '../domain/time.ts';
import { type Item, integer, optionalText, text, toItem, type ValueMap } from './items.ts';
import { retryTransient } from './retry.ts';
import { ITSELF, importPartition } from './tables.ts';

/** Import records: what a usage file is, how far it was read, and how it ended. */
export interface ImportStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
}

export type ImportFormat = 'csv' | 'ndjson';

/** Where the fields of a usage event stand in a file; contract/schemas/imports.ts says what each part means. */
export interface ImportMapping {
  readonly columns: Readonly<Partial<Record<MappedField, string | undefined>>>;
  readonly quantities?: Readonly<Record<string, string>> | undefined;
  readonly constants: Readonly<Partial<Record<'account' | 'operation' | 'source', string | undefined>>>;
  readonly requestIdPrefix?: string | undefined;
}
export type MappedField = 'requestId' | 'account' | 'operation' | 'occurredAt' | 'source';

/** What a caller says of a file before sending it. */
export interface ImportAnnouncement {
  readonly id: string;
  readonly format: ImportFormat;
  readonly compression: 'none' | 'gzip';
  readonly mapping?: ImportMapping | undefined;
  /** Nobody announced the file: it was put into the drop zone, and the mapping is the one that came with it. */
  readonly dropped?: true;
}

/** Data lines read so far, and what became of them: linesRead = recorded + duplicates + refused. */
export interface ImportCounts {
  readonly linesRead: number;
  readonly recorded: number;
  readonly duplicates: number;
  readonly refused: number;
}

export type ImportStatus = 'waiting' | 'running' | FinalStatus;
export type FinalStatus = 'finished' | 'finished-with-errors' | 'failed';

export interface ImportRecord extends ImportAnnouncement, ImportCounts {
  readonly status: ImportStatus;
  readonly requestedAt: Instant;
  /** When this content was first claimed; the same for every attempt at it. */
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  /** Why the file could not be read to its end. */
  readonly failure?: string;
  /** Where the error file lies in the artifacts bucket; absent when there were no errors. */
  readonly errorsKey?: string;
  /** What was read, as given to `claimImport`; something else under the same name is another file. */
  readonly content?: string;
}

/** The drop zone's key: `imports/<id>.<csv|ndjson>[.gz]`. */
export function importObjectKey({ id, format, compression }: ImportAnnouncement): string {
  return `imports/${id}.${format}${compression === 'gzip' ? '.gz' : ''}`;
}

/** The error file's key in the artifacts bucket. */
export function importErrorsKey(id: string): string {
  return `imports/${id}/errors.ndjson`;
}

export type CreateImportResult =
  | { readonly kind: 'created' | 'replayed'; readonly record: ImportRecord }
  /** The record is the one that has the id. */
  | { readonly kind: 'conflict'; readonly record: ImportRecord; readonly field: string };

/** Announces a file once. The same id with the same content is a replay, with other content a conflict. */
export async function createImport(
  store: ImportStore,
  announcement: ImportAnnouncement,
  now: Instant,
): Promise<CreateImportResult> {
  const { id, format, compression, mapping, dropped } = announcement;
  const item = toItem({
    ...keyOf(id),
    id,
    format,
    compression,
    mapping: mapping && canonicalMapping(mapping),
    dropped,
    status: 'waiting',
    requestedAt: now,
    ...toNumbers({ linesRead: 0, recorded: 0, duplicates: 0, refused: 0 }),
  });
  const command = new PutItemCommand({
    TableName: store.operationsTable,
    Item: item,
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await retryTransient(() => store.client.send(command));
    return { kind: 'created', record: fromItem(item) };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    const found = error.Item;
    const field = ['format', 'compression', 'mapping'].find((name) => found[name]?.S !== item[name]?.S);
    const record = fromItem(found);
    return field === undefined ? { kind: 'replayed', record } : { kind: 'conflict', record, field };
  }
}

export async function getImport(store: ImportStore, id: string): Promise<ImportRecord | undefined> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem(keyOf(id)),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command));
  return item && fromItem(item);
}

export interface ImportClaimRequest {
  readonly id: string;
  readonly attempt: string;
  readonly content: string;
  readonly mapping?: ImportMapping | undefined;
  readonly leaseMs: number;
  readonly now: Instant;
}

/** The right to read an import's file: one attempt holds it at a time, until it lets go or its time is over. */
export interface ImportClaim {
  readonly id: string;
  readonly attempt: string;
}

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly claim: ImportClaim; readonly record: ImportRecord }
  /** This content was read to its end before. */
  | { readonly kind: 'finished' }
  /** Another attempt holds the claim and is still within its time. */
  | { readonly kind: 'busy' };

/**
 * Claims an import that was created before. A file sent again with other content starts anew, even when the former one
 * was read to its end: evidence is kept under its own content, so what is the same is not written twice.
 * @param attempt names this attempt; the same one may claim again.
 * @param content tells what is read from anything else under the same name.
 * @param mapping came with the content; it replaces the stored one where nobody announced the file.
 * @param leaseMs how long the attempt can last at most; after that the claim is anybody's.
 */
export async function claimImport(
  store: ImportStore,
  { id, attempt, content, mapping, leaseMs, now }: ImportClaimRequest,
): Promise<ClaimResult> {
  const record = await getImport(store, id);
  const isSameContent = record?.content === content;
  if (record !== undefined && isSameContent && isFinal(record.status)) return { kind: 'finished' };
  const anew = {
    startedAt: now,
    finishedAt: undefined,
    failure: undefined,
    errorsKey: undefined,
    ...(record?.dropped === true && { mapping: mapping && canonicalMapping(mapping) }),
    ...toNumbers({ linesRead: 0, recorded: 0, duplicates: 0, refused: 0 }),
  };
  const lease = { attempt, leaseUntil: addMilliseconds(now, leaseMs) };
  const command = update(
    store,
    id,
    { status: 'running', content, ...lease, ...(isSameContent ? {} : anew) },
    {
      // The content must be the one that was looked at: else the counts would be those of another.
      condition: `attribute_exists(pk) AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now OR attempt = :attempt) AND ${
        record?.content === undefined ? 'attribute_not_exists(#content)' : '#content = :seen'
      }`,
      values: { ':now': now, ...(record?.content !== undefined && { ':seen': record.content }) },
    },
  );
  const item = await sendConditional(store, command);
  if (item === undefined) return { kind: 'busy' };
  return { kind: 'claimed', claim: { id, attempt }, record: fromItem(item) };
}

/** The claim went to another attempt, so what this one knows is out of date. */
export class ImportClaimLostError extends Error {
  override name = 'ImportClaimLostError';
}

/** Puts progress on the record; the next attempt goes on from there. @throws ImportClaimLostError */
export async function saveImportProgress(store: ImportStore, claim: ImportClaim, counts: ImportCounts): Promise<void> {
  await updateClaimed(store, claim, toNumbers(counts));
}

/** Lets go before the end, so that the next attempt need not wait. @throws ImportClaimLostError */
export async function releaseImport(store: ImportStore, claim: ImportClaim): Promise<void> {
  await updateClaimed(store, claim, { leaseUntil: undefined });
}

/** Ends the import. @throws ImportClaimLostError */
export async function finishImport(
  store: ImportStore,
  claim: ImportClaim,
  end: {
    readonly status: FinalStatus;
    readonly counts: ImportCounts;
    readonly failure?: string | undefined;
    readonly errorsKey?: string | undefined;
    readonly finishedAt: Instant;
  },
): Promise<void> {
  const { status, counts, failure, errorsKey, finishedAt } = end;
  const set = { status, failure, errorsKey, finishedAt, leaseUntil: undefined, ...toNumbers(counts) };
  await updateClaimed(store, claim, set);
}

function isFinal(status: ImportStatus): boolean {
  return status !== 'waiting' && status !== 'running';
}

async function updateClaimed(store: ImportStore, { id, attempt }: ImportClaim, set: ValueMap): Promise<void> {
  const condition = '#attempt = :attempt';
  // Setting the attempt to what it is keeps one way of building updates.
  const item = await sendConditional(store, update(store, id, { ...set, attempt }, { condition, values: {} }));
  if (item === undefined) throw new ImportClaimLostError(`Another attempt has taken over the import "${id}".`);
}

/** The item after the update; undefined when the condition failed. */
async function sendConditional(store: ImportStore, command: UpdateItemCommand): Promise<Item | undefined> {
  try {
    return (await retryTransient(() => store.client.send(command))).Attributes;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

/** Sets attributes under `#name` and `:name`, so conditions may use those, and removes those that are undefined. */
function update(
  store: ImportStore,
  id: string,
  set: ValueMap,
  { condition, values }: { condition: string; values: ValueMap },
): UpdateItemCommand {
  const names = Object.keys(set);
  const kept = names.filter((name) => set[name] !== undefined);
  const sets = kept.map((name) => `#${name} = :${name}`).join(', ');
  const removed = names.filter((name) => set[name] === undefined).map((name) => `#${name}`);
  const removes = removed.length > 0 ? ` REMOVE ${removed.join(', ')}` : '';
  return new UpdateItemCommand({
    TableName: store.operationsTable,
    Key: toItem(keyOf(id)),
    UpdateExpression: `SET ${sets}${removes}`,
    ConditionExpression: condition,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: toItem({
      ...Object.fromEntries(kept.map((name) => [`:${name}`, set[name]])),
      ...values,
    }),
    ReturnValues: 'ALL_NEW',
  });
}

function keyOf(id: string): { pk: string; sk: string } {
  return { pk: importPartition(id), sk: ITSELF };
}

function toNumbers(counts: ImportCounts): Record<keyof ImportCounts, bigint> {
  const { linesRead, recorded, duplicates, refused } = counts;
  return {
    linesRead: BigInt(linesRead),
    recorded: BigInt(recorded),
    duplicates: BigInt(duplicates),
    refused: BigInt(refused),
  };
}

/** A mapping as text, the same for the same content whatever order its parts came in. */
function canonicalMapping({ columns, quantities, constants, requestIdPrefix }: ImportMapping): string {
  const sorted = (part: Readonly<Record<string, string | undefined>> | undefined) =>
    part && Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({
    columns: sorted(columns),
    quantities: sorted(quantities),
    constants: sorted(constants),
    requestIdPrefix,
  });
}

function fromItem(item: Item): ImportRecord {
  const mapping = optionalText(item, 'mapping');
  const parsed: ImportMapping | undefined = mapping === undefined ? undefined : JSON.parse(mapping);
  const startedAt = optionalText(item, 'startedAt');
  const finishedAt = optionalText(item, 'finishedAt');
  const failure = optionalText(item, 'failure');
  const errorsKey = optionalText(item, 'errorsKey');
  const content = optionalText(item, 'content');
  return {
    id: text(item, 'id'),
    // Written by this file alone, from these very types.
    format: text(item, 'format') as ImportFormat,
    compression: text(item, 'compression') as ImportAnnouncement['compression'],
    status: text(item, 'status') as ImportStatus,
    requestedAt: text(item, 'requestedAt'),
    linesRead: Number(integer(item, 'linesRead')),
    recorded: Number(integer(item, 'recorded')),
    duplicates: Number(integer(item, 'duplicates')),
    refused: Number(integer(item, 'refused')),
    ...(parsed !== undefined && { mapping: parsed }),
    ...(item.dropped?.BOOL === true && { dropped: true }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(failure !== undefined && { failure }),
    ...(errorsKey !== undefined && { errorsKey }),
    ...(content !== undefined && { content }),
  };
}
