import {
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { AuditEntry } from '../domain/audit.ts';
import type { SealOutcome } from '../domain/seals/outcome.ts';
import type { Day, Instant } from '../domain/time.ts';
import { appendWith, itemThatRefused } from './audit.ts';
import { type Item, integer, optionalText, text, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { TOO_MANY_CHILDREN_FAILED } from './runs.ts';
import { ITSELF, sealRunPartition } from './tables.ts';

/** Records of sealings and of verifications: `requested` by a caller, `running` under one execution, then `succeeded` or `failed`. */
export interface SealRunsStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
}

/** Which one. Sealings and verifications have ids of their own. */
export interface SealRunName {
  readonly mode: 'seal' | 'verify';
  readonly id: string;
}

export interface SealRunRequest extends SealRunName {
  readonly trigger: 'request' | 'daily' | 'weekly';
  /** In order. */
  readonly days: readonly Day[];
  readonly requestedAt: Instant;
  readonly requestedBy?: string;
}

export interface SealRun extends SealRunRequest {
  readonly status: 'requested' | 'running' | 'succeeded' | 'failed';
  /** The ARN of the execution that has it. */
  readonly execution?: string;
  readonly startedAt?: Instant;
  /** The sequence of the last seal when it was planned. */
  readonly after?: number;
  readonly slices?: number;
  readonly finishedAt?: Instant;
  readonly outcome?: SealOutcome;
  readonly error?: { readonly name: string; readonly cause: string };
}

/** Records that somebody wants it; audited. @returns the one that has the id, if one has. */
export async function createSealRun(store: SealRunsStore, request: SealRunRequest): Promise<SealRun | undefined> {
  const entry = requestEntry(request, request.requestedBy ?? `run:${request.id}`, request.requestedAt);
  return putIf(store, { ...request, status: 'requested' }, entry, 'attribute_not_exists(pk)');
}

function requestEntry(run: SealRunRequest, actor: string, at: Instant): AuditEntry {
  return { at, actor, action: 'seal.requested', target: sealTarget(run), details: spanOf(run.days) };
}

/** What audit records name a sealing or a verification by: `seal:<id>`, `verification:<id>`. */
export function sealTarget({ mode, id }: SealRunName): string {
  return sealRunPartition(mode, id).replace('#', ':');
}

/**
 * Records that one which failed is wanted again; leaves it alone when it is not failed any more. Audited.
 * @param by the API key that wants it now, and when.
 */
export async function requestSealRunAgain(
  store: SealRunsStore,
  run: SealRun,
  by: string,
  now: Instant,
): Promise<SealRun> {
  const { error: _error, finishedAt: _finishedAt, execution: _execution, ...kept } = run;
  const wanted: SealRun = { ...kept, status: 'requested' };
  const entry = requestEntry(run, by, now);
  return (await putIf(store, wanted, entry, '#status = :failed', { ':failed': 'failed' })) ?? wanted;
}

type ClaimableRun = SealRunRequest & Required<Pick<SealRun, 'execution' | 'startedAt' | 'after' | 'slices'>>;

export type ClaimSealRunResult =
  | { readonly kind: 'claimed'; readonly run: ClaimableRun }
  /** Another execution has it, or has brought it to its end. */
  | { readonly kind: 'taken'; readonly run: SealRun };

/**
 * Takes a run for one execution, audited; the same execution may take it again, which changes nothing, and any execution
 * one that failed. One that has succeeded is nobody's any more.
 * @returns the run with the times of its first start, so that it comes out the same whoever ends it. Where a seal was made
 *   since, it is planned anew and starts anew.
 */
export async function claimSealRun(store: SealRunsStore, run: ClaimableRun): Promise<ClaimSealRunResult> {
  const { id, trigger, days, execution } = run;
  const entry: AuditEntry = {
    at: run.startedAt,
    actor: `run:${id}`,
    action: 'seal.started',
    target: sealTarget(run),
    details: { trigger, ...spanOf(days), execution, after: run.after.toString() },
  };
  const existing = await putIf(store, { ...run, status: 'running' }, entry, 'attribute_not_exists(pk)');
  if (existing === undefined) return { kind: 'claimed', run };
  const { requestedAt, startedAt = run.startedAt, after = run.after } = existing;
  const kept = { ...run, requestedAt, startedAt: after === run.after ? startedAt : run.startedAt };
  const isItsAlready = existing.execution === execution && existing.status === 'running';
  if (isItsAlready && after === run.after) return { kind: 'claimed', run: kept };
  const condition = '#status <> :succeeded AND (execution = :execution OR #status IN (:requested, :failed))';
  const held = await putIf(store, { ...kept, status: 'running' }, entry, condition, {
    ':execution': run.execution,
    ':requested': 'requested',
    ':failed': 'failed',
    ':succeeded': 'succeeded',
  });
  return held === undefined ? { kind: 'claimed', run: kept } : { kind: 'taken', run: held };
}

/** A run in the name of the execution that has it. */
export interface ClaimedSealRun extends SealRunName {
  readonly execution: string;
}

/**
 * Records why it failed; audited. One that is another execution's, or was never recorded, is left alone, and so is one
 * that has failed for this very reason before.
 */
export async function failSealRun(
  store: SealRunsStore,
  { execution, ...run }: ClaimedSealRun,
  error: { readonly name: string; readonly cause: string },
  now: Instant,
): Promise<'recorded' | 'not-ours'> {
  const { name, cause } = errorValue(error);
  const entry: AuditEntry = {
    at: now,
    actor: `run:${run.id}`,
    action: 'seal.failed',
    target: sealTarget(run),
    details: { error: name, cause: cause.slice(0, AUDITED_CAUSE_CHARACTERS_MAX).toWellFormed() },
  };
  const update: TransactWriteItem['Update'] = {
    ...whereSealRunIs(store, run),
    UpdateExpression: 'SET #status = :failed, #error = :error, finishedAt = :now',
    ConditionExpression:
      '((execution = :execution AND #status <> :succeeded) OR (#status = :requested AND attribute_not_exists(execution))) AND (#status <> :failed OR #error <> :error)',
    ExpressionAttributeNames: { '#status': 'status', '#error': 'error' },
    ExpressionAttributeValues: toItem({
      ':failed': 'failed',
      ':succeeded': 'succeeded',
      ':requested': 'requested',
      ':error': { name, cause },
      ':now': now,
      ':execution': execution,
    }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
  const result = await appendWith(store, entry, [{ Update: update }]);
  if (result.kind === 'appended') return 'recorded';
  const found = itemThatRefused(result);
  return found?.execution?.S === execution && found.status?.S === 'failed' ? 'recorded' : 'not-ours';
}

/** Characters of a cause that are kept: Step Functions gives up to 32,768, stack traces included. */
const CAUSE_CHARACTERS_MAX = 4_000;
/** Of these, what the audit chain keeps: its first lines say which of all faults it was. */
const AUDITED_CAUSE_CHARACTERS_MAX = 500;

function errorValue({ name, cause }: { readonly name: string; readonly cause: string }) {
  return { name, cause: cause.slice(0, CAUSE_CHARACTERS_MAX) };
}

/**
 * Notes on the run why a slice could not be gone through, for people who look at a run that failed: all that Step Functions
 * says then is that some child did. The latest note holds.
 */
export async function noteSealSliceFailure(
  store: SealRunsStore,
  { execution, ...run }: ClaimedSealRun,
  error: { readonly name: string; readonly cause: string },
): Promise<void> {
  const command = new UpdateItemCommand({
    ...whereSealRunIs(store, run),
    UpdateExpression: 'SET sliceError = :error',
    ConditionExpression: 'execution = :execution',
    ExpressionAttributeValues: toItem({ ':error': errorValue(error), ':execution': execution }),
  });
  await retryTransient(() => store.client.send(command), store.clock);
}

export async function getSealRun(store: SealRunsStore, run: SealRunName): Promise<SealRun | undefined> {
  const command = new GetItemCommand({ ...whereSealRunIs(store, run), ConsistentRead: true });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item === undefined ? undefined : sealRunFromItem(item);
}

/** Records that a slice is done; a worker that starts again after a failure passes over what it has. */
export async function recordSealSlice(store: SealRunsStore, run: SealRunName, slice: string, now: Instant) {
  const item = toItem({ pk: sealRunPartition(run.mode, run.id), sk: sliceSortKey(slice), doneAt: now });
  const command = new PutItemCommand({ TableName: store.operationsTable, Item: item });
  await retryTransient(() => store.client.send(command), store.clock);
}

export async function isSealSliceDone(store: SealRunsStore, run: SealRunName, slice: string): Promise<boolean> {
  return (await countSlices(store, run, 'sk = :slice', sliceSortKey(slice))) > 0;
}

/** How many slices are done of those that follow this seal. */
export async function sealSlicesDone(store: SealRunsStore, run: SealRunName, after: number): Promise<number> {
  return countSlices(store, run, 'begins_with(sk, :slice)', sliceSortKey(''), `-after-${after}`);
}

async function countSlices(
  store: SealRunsStore,
  { mode, id }: SealRunName,
  condition: string,
  slice: string,
  ending = '',
): Promise<number> {
  let count = 0;
  let next: Item | undefined;
  do {
    const command: QueryCommand = new QueryCommand({
      TableName: store.operationsTable,
      KeyConditionExpression: `pk = :run AND ${condition}`,
      ExpressionAttributeValues: toItem({ ':run': sealRunPartition(mode, id), ':slice': slice }),
      ProjectionExpression: 'sk',
      ConsistentRead: true,
      ExclusiveStartKey: next,
    });
    const { Items = [], LastEvaluatedKey } = await retryTransient(() => store.client.send(command), store.clock);
    count += Items.filter((item) => text(item, 'sk').endsWith(ending)).length;
    next = LastEvaluatedKey;
  } while (next !== undefined);
  return count;
}

function sliceSortKey(slice: string): string {
  return `slice#${slice}`;
}

/** The days of a run as an audit record says them. */
export function spanOf(days: readonly Day[]): { readonly from: string; readonly to: string } {
  return { from: days[0] ?? '', to: days.at(-1) ?? '' };
}

/** Puts a run and records it, both or neither. Gives the one that is there when the condition fails. */
async function putIf(
  store: SealRunsStore,
  run: SealRun,
  entry: AuditEntry,
  condition: string,
  values?: Readonly<Record<string, string>>,
): Promise<SealRun | undefined> {
  const { outcome: _outcome, error: _error, slices, after, ...fields } = run;
  const put = {
    TableName: store.operationsTable,
    Item: toItem({
      ...{ pk: sealRunPartition(run.mode, run.id), sk: ITSELF, ...fields },
      slices: slices === undefined ? undefined : BigInt(slices),
      after: after === undefined ? undefined : BigInt(after),
    }),
    ConditionExpression: condition,
    ...(values !== undefined && {
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: toItem(values),
    }),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const result = await appendWith(store, entry, [{ Put: put }]);
  if (result.kind === 'appended') return undefined;
  const item = itemThatRefused(result);
  if (item === undefined) throw new TypeError('A put was refused without the item that was there.');
  return sealRunFromItem(item);
}

export function whereSealRunIs(store: SealRunsStore, { mode, id }: SealRunName) {
  return { TableName: store.operationsTable, Key: toItem({ pk: sealRunPartition(mode, id), sk: ITSELF }) };
}

export function sealRunFromItem(item: Item): SealRun {
  const outcome = optionalText(item, 'outcome');
  const error = toldError(item);
  const texts = ['requestedBy', 'execution', 'startedAt', 'finishedAt'] as const;
  const counts = ['slices', 'after'] as const;
  return {
    mode: text(item, 'mode') as SealRun['mode'],
    id: text(item, 'id'),
    trigger: text(item, 'trigger') as SealRun['trigger'],
    status: text(item, 'status') as SealRun['status'],
    days: (item.days?.L ?? []).map(({ S }) => S ?? ''),
    requestedAt: text(item, 'requestedAt'),
    ...Object.fromEntries(texts.filter((name) => item[name] !== undefined).map((name) => [name, text(item, name)])),
    ...Object.fromEntries(
      counts.filter((name) => item[name] !== undefined).map((name) => [name, Number(integer(item, name))]),
    ),
    ...(outcome !== undefined && { outcome: JSON.parse(outcome) as SealOutcome }),
    ...(error !== undefined && { error: { name: text(error, 'name'), cause: text(error, 'cause') } }),
  };
}

function toldError(item: Item): Item | undefined {
  const error = item.error?.M;
  if (error === undefined || text(error, 'name') !== TOO_MANY_CHILDREN_FAILED) return error;
  return item.sliceError?.M ?? error;
}
