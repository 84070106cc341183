import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { AuditEntry } from '../domain/audit.ts';
import type { RunOutcome } from '../domain/reconciliation/outcome.ts';
import type { Sample, Scope } from '../domain/reconciliation/scope.ts';
import type { Day, Instant } from '../domain/time.ts';
import { appendWith, itemThatRefused } from './audit.ts';
import { type Item, integer, optionalText, text, texts, toItem, type ValueMap } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { ITSELF, RUNS_PARTITION, runPartition } from './tables.ts';

/** Records of reconciliation runs: `requested` by a caller, `running` under one execution, then `succeeded` or `failed`. */
export interface RunsStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
}

export type RunTrigger = 'request' | 'daily' | 'recheck' | 'spot' | 'invoices';

/** Schedules whose runs are named after them and a day, week or month. */
export type ScheduledTrigger = Exclude<RunTrigger, 'request'>;

/** What a run compares, and who wants to know. */
export interface RunRequest extends Scope {
  readonly id: string;
  readonly trigger: RunTrigger;
  /** Left out where usage is compared. */
  readonly books?: 'invoices';
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

/** Records that somebody wants a run; audited. */
export async function createRun(store: RunsStore, request: RunRequest): Promise<CreateRunResult> {
  const wanted: Run = { ...request, status: 'requested' };
  const only = { condition: 'attribute_not_exists(pk)' };
  const existing = await putRun(store, wanted, only, requestEntry(request, request.requestedBy, request.requestedAt));
  return existing === undefined ? { kind: 'created' } : { kind: 'exists', run: existing };
}

/**
 * Records that a run which failed is wanted again; leaves it alone when it is not failed any more. Audited.
 * @param by the API key that wants it now, and when.
 */
export async function requestAgain(store: RunsStore, run: Run, by: string, now: Instant): Promise<Run> {
  const { execution: _execution, finishedAt: _finishedAt, error: _error, ...kept } = run;
  const wanted: Run = { ...kept, status: 'requested' };
  const only = {
    condition: '#status = :failed',
    names: { '#status': 'status' },
    values: { ':failed': 'failed' },
  };
  const existing = await putRun(store, wanted, only, requestEntry(run, by, now));
  return existing ?? wanted;
}

function requestEntry(
  { id, books, startDate, endDate, accounts }: RunRequest,
  by: string | undefined,
  at: Instant,
): AuditEntry {
  const actor = by ?? `run:${id}`;
  const details = {
    startDate,
    endDate,
    ...(books !== undefined && { books }),
    ...(accounts !== undefined && { accounts }),
  };
  return { at, actor, action: 'reconciliation.requested', target: `run:${id}`, details };
}

type ClaimableRun = RunRequest & Required<Pick<Run, 'execution' | 'startedAt' | 'slices'>>;

export type ClaimResult =
  | { readonly kind: 'claimed'; readonly run: ClaimableRun }
  /** Another execution has the run, or has brought it to its end. */
  | { readonly kind: 'taken'; readonly run: Run };

/**
 * Takes a run for one execution, audited; the same execution may take it again, which changes nothing, and any execution
 * a run that failed.
 * @returns the run with the times and the sample that it got when it was first requested and started: reports say them,
 *   and must come out the same whoever writes them.
 */
export async function claimRun(store: RunsStore, run: ClaimableRun): Promise<ClaimResult> {
  const { id, trigger, startDate, endDate, execution } = run;
  const entry: AuditEntry = {
    at: run.startedAt,
    actor: `run:${id}`,
    action: 'reconciliation.started',
    target: `run:${id}`,
    details: { trigger, startDate, endDate, execution },
  };
  const isNew = { condition: 'attribute_not_exists(pk)' };
  const existing = await putRun(store, { ...run, status: 'running' }, isNew, entry);
  if (existing === undefined) return { kind: 'claimed', run };
  const { requestedAt, startedAt = run.startedAt, sample = run.sample } = existing;
  const kept = { ...run, requestedAt, startedAt, ...(sample !== undefined && { sample }) };
  if (existing.execution === execution && existing.status === 'running') return { kind: 'claimed', run: kept };
  const isOurs = {
    condition: '#status <> :succeeded AND (execution = :execution OR #status IN (:requested, :failed))',
    names: { '#status': 'status' },
    values: { ':execution': execution, ':requested': 'requested', ':failed': 'failed', ':succeeded': 'succeeded' },
  };
  const held = await putRun(store, { ...kept, status: 'running' }, isOurs, entry);
  return held === undefined ? { kind: 'claimed', run: kept } : { kind: 'taken', run: held };
}

/** Which run, and in which execution's name. */
export interface ClaimedRun {
  readonly id: string;
  readonly execution: string;
}

/** The run belongs to another execution, or was never recorded. */
export class RunNotOursError extends Error {
  override name = 'RunNotOursError';
}

/**
 * Records how a run ended; audited. Doing it again changes nothing.
 * @throws RunNotOursError when the run is another execution's.
 */
export async function finishRun(
  store: RunsStore,
  { id, execution }: ClaimedRun,
  outcome: RunOutcome,
  now: Instant,
): Promise<void> {
  const { verdict, findings, sentence } = outcome;
  const entry: AuditEntry = {
    at: now,
    actor: `run:${id}`,
    action: 'reconciliation.finished',
    target: `run:${id}`,
    details: { verdict, findings: findings.toString(), sentence },
  };
  const result = await appendWith(store, entry, [
    {
      Update: {
        ...whereRunIs(store, id),
        UpdateExpression: 'SET #status = :succeeded, outcome = :outcome, finishedAt = :now REMOVE #error',
        ConditionExpression: 'execution = :execution AND #status <> :succeeded',
        ExpressionAttributeNames: { '#status': 'status', '#error': 'error' },
        ExpressionAttributeValues: toItem({
          ':succeeded': 'succeeded',
          ':outcome': JSON.stringify(outcome),
          ':now': now,
          ':execution': execution,
        }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
  ]);
  if (result.kind === 'appended' || itemThatRefused(result)?.execution?.S === execution) return;
  throw new RunNotOursError(`The run "${id}" is not that of ${execution}; another execution has it.`);
}

/** Characters of a cause that are kept: Step Functions gives up to 32,768, stack traces included. */
const CAUSE_CHARACTERS_MAX = 4_000;
/** Of these, what the audit chain keeps: its first lines say which of all faults it was. */
const AUDITED_CAUSE_CHARACTERS_MAX = 500;

/**
 * Records why a run failed; audited. A run that is another execution's, or was never recorded, is left alone, and so is
 * one that has failed for this very reason before.
 */
export async function failRun(
  store: RunsStore,
  { id, execution }: ClaimedRun,
  error: RunError,
  now: Instant,
): Promise<'recorded' | 'not-ours'> {
  const { name, cause } = errorValue(error);
  const entry: AuditEntry = {
    at: now,
    actor: `run:${id}`,
    action: 'reconciliation.failed',
    target: `run:${id}`,
    details: { error: name, cause: cause.slice(0, AUDITED_CAUSE_CHARACTERS_MAX).toWellFormed() },
  };
  const result = await appendWith(store, entry, [
    {
      Update: {
        ...whereRunIs(store, id),
        UpdateExpression: 'SET #status = :failed, #error = :error, finishedAt = :now',
        ConditionExpression:
          '(execution = :execution OR (#status = :requested AND attribute_not_exists(execution))) AND (#status <> :failed OR #error <> :error)',
        ExpressionAttributeNames: { '#status': 'status', '#error': 'error' },
        ExpressionAttributeValues: toItem({
          ':failed': 'failed',
          ':error': { name, cause },
          ':now': now,
          ':execution': execution,
          ':requested': 'requested',
        }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
  ]);
  if (result.kind === 'appended') return 'recorded';
  const found = itemThatRefused(result);
  return found?.execution?.S === execution && found.status?.S === 'failed' ? 'recorded' : 'not-ours';
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

export function errorValue({ name, cause }: RunError): ValueMap & RunError {
  return { name, cause: cause.slice(0, CAUSE_CHARACTERS_MAX) };
}

export async function getRun(store: RunsStore, id: string): Promise<Run | undefined> {
  const { Item: item } = await retryTransient(() =>
    store.client.send(new GetItemCommand({ ...whereRunIs(store, id), ConsistentRead: true })),
  );
  return item === undefined ? undefined : runFromItem(item);
}

/**
 * The latest runs, newest request first.
 * @param schedule those of this schedule alone, whose names begin with it. They are looked for among the last 10,000
 *   runs or so, which are the megabyte that DynamoDB reads at once.
 */
export async function listRuns(store: RunsStore, limit: number, schedule?: ScheduledTrigger): Promise<Run[]> {
  const only = schedule && {
    FilterExpression: 'begins_with(#run, :name)',
    ExpressionAttributeNames: { '#run': 'run' },
  };
  const { Items: listed } = await retryTransient(() =>
    store.client.send(
      new QueryCommand({
        TableName: store.operationsTable,
        KeyConditionExpression: 'pk = :runs',
        ExpressionAttributeValues: toItem({ ':runs': RUNS_PARTITION, ':name': schedule && `${schedule}-` }),
        ScanIndexForward: false,
        // A filter lets few of them pass, and the limit is on those that are read.
        ...(only ?? { Limit: limit }),
      }),
    ),
  );
  const runs = await Promise.all((listed ?? []).slice(0, limit).map((item) => getRun(store, text(item, 'run'))));
  return runs.filter((run) => run !== undefined);
}

/** Puts a run, lists it by its time and records it, all or nothing. Gives the run that is there when the condition fails. */
async function putRun(
  store: RunsStore,
  run: Run,
  only: { condition: string; names?: Record<string, string>; values?: Record<string, string> },
  entry: AuditEntry,
): Promise<Run | undefined> {
  const { outcome: _outcome, error: _error, slices, sample, ...fields } = run;
  const result = await appendWith(store, entry, [
    {
      Put: {
        TableName: store.operationsTable,
        Item: toItem({
          ...{ pk: runPartition(run.id), sk: ITSELF, ...fields },
          slices: slices === undefined ? undefined : BigInt(slices),
          sample: sample && { week: sample.week, below: BigInt(sample.below) },
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
  ]);
  if (result.kind === 'appended') return undefined;
  const existing = itemThatRefused(result);
  if (existing === undefined) throw new RunNotOursError(`The run "${run.id}" is not there to be asked for again.`);
  return runFromItem(existing);
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
    ...(item.books !== undefined && { books: 'invoices' }),
    ...(item.accounts !== undefined && { accounts: texts(item, 'accounts') }),
    ...(item.sample?.M !== undefined && { sample: sampleFrom(item.sample.M) }),
    ...(item.slices !== undefined && { slices: Number(integer(item, 'slices')) }),
    ...(outcome !== undefined && { outcome: JSON.parse(outcome) as RunOutcome }),
    ...(error !== undefined && { error: { name: text(error, 'name'), cause: text(error, 'cause') } }),
  };
}

function sampleFrom(item: Item): Sample {
  return { week: text(item, 'week'), below: Number(integer(item, 'below')) };
}

/** All that Step Functions says when a slice fails; why it did, the slice has noted itself if it could. */
export const TOO_MANY_CHILDREN_FAILED = 'States.ExceedToleratedFailureThreshold';

function toldError(item: Item): Item | undefined {
  const error = item.error?.M;
  if (error === undefined || text(error, 'name') !== TOO_MANY_CHILDREN_FAILED) return error;
  const [firstSlice] = Object.entries(item.sliceErrors?.M ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return firstSlice?.[1].M ?? error;
}
