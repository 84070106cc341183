import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { RunOutcome } from '../domain/reconciliation/outcome.ts';
import type { Day, Instant } from '../domain/time.ts';
import { type Item, integer, optionalText, text, toItem, type ValueMap } from './items.ts';
import { retryTransient } from './retry.ts';
import { ITSELF, RUNS_PARTITION, runPartition } from './tables.ts';

/** Records of reconciliation runs: `requested` by a caller, `running` under one execution, then `succeeded` or `failed`. */
export interface RunsStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
}

export type RunTrigger = 'request' | 'daily' | 'recheck';

/** What a run compares, and who wants to know. */
export interface RunRequest {
  readonly id: string;
  readonly trigger: RunTrigger;
  readonly startDate: Day;
  /** The last day that is compared. */
  readonly endDate: Day;
  readonly requestedAt: Instant;
  readonly requestedBy?: string;
}

export interface Run extends RunRequest {
  readonly status: 'requested' | 'running' | 'succeeded' | 'failed';
  /** The ARN of the execution that has the run. */
  readonly execution?: string;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  /** Slices of the plan. */
  readonly slices?: number;
  readonly outcome?: RunOutcome;
  readonly error?: RunError;
}

export interface RunError {
  readonly name: string;
  readonly cause: string;
}

export type CreateRunResult = { readonly kind: 'created' } | { readonly kind: 'exists'; readonly run: Run };

/** Records that somebody wants a run. */
export async function createRun(store: RunsStore, request: RunRequest): Promise<CreateRunResult> {
  const existing = await putRun(store, { ...request, status: 'requested' }, { condition: 'attribute_not_exists(pk)' });
  return existing === undefined ? { kind: 'created' } : { kind: 'exists', run: existing };
}

/** Records that a run which failed is wanted again; leaves it alone when it is not failed any more. */
export async function requestAgain(store: RunsStore, run: Run): Promise<Run> {
  const { execution: _execution, finishedAt: _finishedAt, error: _error, ...kept } = run;
  const wanted: Run = { ...kept, status: 'requested' };
  const existing = await putRun(store, wanted, {
    condition: '#status = :failed',
    names: { '#status': 'status' },
    values: { ':failed': 'failed' },
  });
  return existing ?? wanted;
}

type ClaimableRun = RunRequest & Required<Pick<Run, 'execution' | 'startedAt' | 'slices'>>;

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly run: ClaimableRun }
  /** Another execution has the run, or has brought it to its end. */
  | { readonly kind: 'taken'; readonly run: Run };

/**
 * Takes a run for one execution; the same execution may take it again, and any execution a run that failed.
 * @returns the run with the times that it got when it was first requested and started: reports say them, and must come
 *   out the same whoever writes them.
 */
export async function claimRun(store: RunsStore, run: ClaimableRun): Promise<ClaimResult> {
  const existing = await putRun(store, { ...run, status: 'running' }, { condition: 'attribute_not_exists(pk)' });
  if (existing === undefined) return { kind: 'claimed', run };
  const { requestedAt, startedAt = run.startedAt } = existing;
  const kept = { ...run, requestedAt, startedAt };
  const held = await putRun(
    store,
    { ...kept, status: 'running' },
    {
      condition: 'execution = :execution OR #status IN (:requested, :failed)',
      names: { '#status': 'status' },
      values: { ':execution': run.execution, ':requested': 'requested', ':failed': 'failed' },
    },
  );
  return held === undefined ? { kind: 'claimed', run: kept } : { kind: 'taken', run: held };
}

/** Which run, and in which execution's name. */
export interface ClaimedRun {
  readonly id: string;
  readonly execution: string;
}

/** @throws ConditionalCheckFailedException when the run is another execution's. */
export async function finishRun(
  store: RunsStore,
  { id, execution }: ClaimedRun,
  outcome: RunOutcome,
  now: Instant,
): Promise<void> {
  await retryTransient(() =>
    store.client.send(
      new UpdateItemCommand({
        ...whereRunIs(store, id),
        UpdateExpression: 'SET #status = :succeeded, outcome = :outcome, finishedAt = :now REMOVE #error',
        ConditionExpression: 'execution = :execution',
        ExpressionAttributeNames: { '#status': 'status', '#error': 'error' },
        ExpressionAttributeValues: toItem({
          ':succeeded': 'succeeded',
          ':outcome': JSON.stringify(outcome),
          ':now': now,
          ':execution': execution,
        }),
      }),
    ),
  );
}

/** Characters of a cause that are kept: Step Functions gives up to 32,768, stack traces included. */
const CAUSE_CHARACTERS_MAX = 4_000;

/** Records why a run failed; a run that is another execution's, or was never recorded, is left alone. */
export async function failRun(
  store: RunsStore,
  { id, execution }: ClaimedRun,
  error: RunError,
  now: Instant,
): Promise<'recorded' | 'not-ours'> {
  const command = new UpdateItemCommand({
    ...whereRunIs(store, id),
    UpdateExpression: 'SET #status = :failed, #error = :error, finishedAt = :now',
    ConditionExpression: 'execution = :execution OR (#status = :requested AND attribute_not_exists(execution))',
    ExpressionAttributeNames: { '#status': 'status', '#error': 'error' },
    ExpressionAttributeValues: toItem({
      ':failed': 'failed',
      ':error': errorValue(error),
      ':now': now,
      ':execution': execution,
      ':requested': 'requested',
    }),
  });
  return (await sendIfTrue(store, command)) ? 'recorded' : 'not-ours';
}

export async function sendIfTrue(store: RunsStore, command: UpdateItemCommand): Promise<boolean> {
  try {
    await retryTransient(() => store.client.send(command));
    return true;
  } catch (failure) {
    if (failure instanceof ConditionalCheckFailedException) return false;
    throw failure;
  }
}

export function errorValue({ name, cause }: RunError): ValueMap {
  return { name, cause: cause.slice(0, CAUSE_CHARACTERS_MAX) };
}

export async function getRun(store: RunsStore, id: string): Promise<Run | undefined> {
  const { Item: item } = await retryTransient(() =>
    store.client.send(new GetItemCommand({ ...whereRunIs(store, id), ConsistentRead: true })),
  );
  return item === undefined ? undefined : runFromItem(item);
}

/** The latest runs, newest request first. */
export async function listRuns(store: RunsStore, limit: number): Promise<Run[]> {
  const { Items: listed } = await retryTransient(() =>
    store.client.send(
      new QueryCommand({
        TableName: store.operationsTable,
        KeyConditionExpression: 'pk = :runs',
        ExpressionAttributeValues: toItem({ ':runs': RUNS_PARTITION }),
        ScanIndexForward: false,
        Limit: limit,
      }),
    ),
  );
  const runs = await Promise.all((listed ?? []).map((item) => getRun(store, text(item, 'run'))));
  return runs.filter((run) => run !== undefined);
}

/** Puts a run and lists it by its time, both or neither. Gives the run that is there when the condition fails. */
async function putRun(
  store: RunsStore,
  run: Run,
  only: { condition: string; names?: Record<string, string>; values?: Record<string, string> },
): Promise<Run | undefined> {
  const { outcome: _outcome, error: _error, slices, ...fields } = run;
  const command = new TransactWriteItemsCommand({
    TransactItems: [
      {
        Put: {
          TableName: store.operationsTable,
          Item: toItem({
            ...{ pk: runPartition(run.id), sk: ITSELF, ...fields },
            slices: slices === undefined ? undefined : BigInt(slices),
            sliceErrors: {},
          }),
          ConditionExpression: only.condition,
          ...(only.names !== undefined && { ExpressionAttributeNames: only.names }),
          ...(only.values !== undefined && { ExpressionAttributeValues: toItem(only.values) }),
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      },
      {
        Put: {
          TableName: store.operationsTable,
          Item: toItem({ pk: RUNS_PARTITION, sk: `${run.requestedAt}#${run.id}`, run: run.id }),
        },
      },
    ],
  });
  try {
    await retryTransient(() => store.client.send(command));
    return undefined;
  } catch (error) {
    const existing = error instanceof TransactionCanceledException ? error.CancellationReasons?.[0]?.Item : undefined;
    if (existing === undefined) throw error;
    return runFromItem(existing);
  }
}

export function whereRunIs(store: RunsStore, id: string) {
  return { TableName: store.operationsTable, Key: toItem({ pk: runPartition(id), sk: ITSELF }) };
}

function runFromItem(item: Item): Run {
  const outcome = optionalText(item, 'outcome');
  const error = toldError(item);
  const fields = ['requestedBy', 'execution', 'startedAt', 'finishedAt'] as const;
  return {
    id: text(item, 'id'),
    trigger: text(item, 'trigger') as RunTrigger,
    status: text(item, 'status') as Run['status'],
    startDate: text(item, 'startDate'),
    endDate: text(item, 'endDate'),
    requestedAt: text(item, 'requestedAt'),
    ...Object.fromEntries(fields.filter((name) => item[name] !== undefined).map((name) => [name, text(item, name)])),
    ...(item.slices !== undefined && { slices: Number(integer(item, 'slices')) }),
    ...(outcome !== undefined && { outcome: JSON.parse(outcome) as RunOutcome }),
    ...(error !== undefined && { error: { name: text(error, 'name'), cause: text(error, 'cause') } }),
  };
}

/** All that Step Functions says when a slice fails; why it did, the slice has noted itself if it could. */
const TOO_MANY_CHILDREN_FAILED = 'States.ExceedToleratedFailureThreshold';

function toldError(item: Item): Item | undefined {
  const error = item.error?.M;
  if (error === undefined || text(error, 'name') !== TOO_MANY_CHILDREN_FAILED) return error;
  const [firstSlice] = Object.entries(item.sliceErrors?.M ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return firstSlice?.[1].M ?? error;
}
