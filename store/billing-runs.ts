import { type DynamoDBClient, GetItemCommand, QueryCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { AuditAction, AuditDetails, AuditEntry } from '../domain/audit.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Asset } from '../domain/money.ts';
import type { Instant, Month } from '../domain/time.ts';
import { type AppendResult, appendWith, itemThatRefused, sha256 } from './audit.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { changeOf, type RecordChange } from './record-change.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import { errorValue, type RunError } from './runs.ts';
import { BILLING_RUNS_PARTITION, billingRunPartition, ITSELF } from './tables.ts';

/**
 * Records of billing runs: whatever changes or writes out the invoices of a month is one. A run belongs to one execution
 * at a time; every change of its state is one conditional write, in one transaction with its audit record.
 */
export interface BillingRunsStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
}

/** What a run does. It stands in the record as it was asked for, and the same id is good for the same alone. */
export type BillingSpec =
  /** Makes the invoices that are not there yet. */
  | { readonly kind: 'generate'; readonly month: Month; readonly accounts?: readonly string[] }
  /** Marks what is not final, rebuilds it, and puts what came late for final invoices into documents of its own. */
  | { readonly kind: 'regenerate'; readonly month: Month; readonly accounts?: readonly string[] }
  /** Puts what ties out into review, and asks a second person. */
  | { readonly kind: 'review'; readonly month: Month; readonly accounts?: readonly string[] }
  /** Makes final what was approved of a review, by its hash. */
  | { readonly kind: 'finalize'; readonly month: Month; readonly review: string; readonly hash: string }
  /** Writes the month's invoices out: CSV and a page each. */
  | { readonly kind: 'export'; readonly month: Month }
  /** Puts lines of a file onto drafts; a dry run only says what it would do. */
  | {
      readonly kind: 'import';
      /** Rows of invoices of another month are refused. */
      readonly month: Month;
      /** Of the file, in hexadecimal digits. */
      readonly sha256: string;
      /** Rows of a part. */
      readonly batchSize: number;
      readonly dryRun: boolean;
    }
  /** Puts back what an import of lines changed. */
  | { readonly kind: 'rollback'; readonly of: string }
  /** Compares the month's invoices with what they would be by other rate cards, or with the lines of a file. */
  | {
      readonly kind: 'parity';
      readonly month: Month;
      readonly accounts?: readonly string[];
      /** `name@effectiveFrom` of the version that stands in for the one in force. */
      readonly rateCard?: string;
      readonly sha256?: string;
    }
  /** Tells customers what a regeneration changed. */
  | { readonly kind: 'notices'; readonly of: string; readonly goodwillPercent?: string };

export type BillingKind = BillingSpec['kind'];

export interface BillingRunRequest {
  readonly id: string;
  readonly spec: BillingSpec;
  readonly requestedBy: string;
  readonly requestedAt: Instant;
}

/** `announced`: its file is awaited; `requested`, then `running` under one execution, then `succeeded` or `failed`. */
export type BillingRunStatus = 'announced' | 'requested' | 'running' | 'succeeded' | 'failed';

/** What a run came to. Amounts are decimal strings of minor units. */
export interface BillingOutcome {
  /** One sentence for people and scripts. */
  readonly sentence: string;
  /** The same in a word, of runs that end in several ways. */
  readonly verdict?: string;
  /** Documents, rows or notices by what became of them. */
  readonly counts: Readonly<Record<string, number>>;
  readonly totals?: readonly { readonly asset: Asset; readonly before: string; readonly after: string }[];
  /** Of a review: SHA-256 of exactly what is in it, which finalizing names; and the approval that was asked for. */
  readonly hash?: string;
  readonly approval?: string;
  /** Where the run left its artifacts, where that is not its own folder, see `billingRunKey`. */
  readonly folder?: string;
  /** Names of what the run left there. */
  readonly artifacts: readonly string[];
}

export interface BillingRun extends BillingRunRequest {
  readonly status: BillingRunStatus;
  /** The ARN of the execution that has it. */
  readonly execution?: string;
  readonly startedAt?: Instant;
  /** Slices of all passes together. */
  readonly slices?: number;
  readonly finishedAt?: Instant;
  readonly outcome?: BillingOutcome;
  readonly error?: RunError;
}

export type CreateBillingRunResult =
  | { readonly kind: 'created'; readonly run: BillingRun }
  /** The same was asked for before under this id. */
  | { readonly kind: 'exists'; readonly run: BillingRun }
  /** Something else was. */
  | { readonly kind: 'conflict' }
  /** One of the writes that go with it was refused; this is the item that refused it. */
  | { readonly kind: 'refused'; readonly item: Item };

/**
 * Records that somebody wants a run, once per id; audited.
 * @param items written with it, such as the use of an approval.
 */
export async function createBillingRun(
  store: BillingRunsStore,
  request: BillingRunRequest,
  status: 'announced' | 'requested',
  items: readonly TransactWriteItem[] = [],
): Promise<CreateBillingRunResult> {
  const { spec, ...fields } = request;
  const entry = entryOf(request.id, 'billing.requested', request.requestedBy, request.requestedAt, auditedSpec(spec));
  const put = {
    TableName: store.operationsTable,
    Item: toItem({ ...keyOf(request.id), ...fields, spec: canonicalJson(spec), status }),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  } as const;
  const listed = { pk: BILLING_RUNS_PARTITION, sk: `${request.requestedAt}#${request.id}`, run: request.id };
  const result = await appendWith(store, entry, [
    { Put: put },
    { Put: { TableName: store.operationsTable, Item: toItem(listed) } },
    ...items,
  ]);
  if (result.kind === 'appended') return { kind: 'created', run: { ...request, status } };
  const [existing] = result.reasons;
  if (existing?.Item === undefined) return { kind: 'refused', item: itemThatRefused(result) ?? {} };
  const run = billingRunFromItem(existing.Item);
  return canonicalJson(run.spec) === canonicalJson(spec) ? { kind: 'exists', run } : { kind: 'conflict' };
}

/**
 * Records that a run is wanted whose file has come, or one that failed is wanted again; audited. Leaves alone what is in
 * neither state any more.
 */
export async function requestBillingRun(store: BillingRunsStore, id: string, by: string, at: Instant): Promise<void> {
  await appendWith(store, entryOf(id, 'billing.requested', by, at, {}), [
    updateOf(store, id, {
      set: { status: 'requested' },
      remove: ['execution', 'error', 'finishedAt'],
      condition: '#status IN (:announced, :failed)',
      values: { ':announced': 'announced', ':failed': 'failed' },
    }),
  ]);
}

export type ClaimBillingRunResult =
  | { readonly kind: 'claimed'; readonly run: BillingRun & { readonly startedAt: Instant } }
  /** Another execution has it, or has brought it to its end. */
  | { readonly kind: 'taken'; readonly run: BillingRun | undefined };

/** Takes a run for one execution, audited; the same execution may take it again, which changes nothing. */
export async function claimBillingRun(
  store: BillingRunsStore,
  id: string,
  { execution, at }: { readonly execution: string; readonly at: Instant },
): Promise<ClaimBillingRunResult> {
  const before = await getBillingRun(store, id);
  if (!isHeldBy(before, execution)) {
    await appendWith(store, entryOf(id, 'billing.started', `billing-run:${id}`, at, { execution }), [
      updateOf(store, id, {
        set: { status: 'running', execution, startedAt: before?.startedAt ?? at },
        condition: '#status = :requested',
        values: { ':requested': 'requested' },
      }),
    ]);
  }
  const run = isHeldBy(before, execution) ? before : await getBillingRun(store, id);
  const startedAt = run?.startedAt;
  if (run === undefined || startedAt === undefined || !isHeldBy(run, execution)) return { kind: 'taken', run };
  return { kind: 'claimed', run: { ...run, startedAt } };
}

function isHeldBy(run: BillingRun | undefined, execution: string): boolean {
  return run?.status === 'running' && run.execution === execution;
}

/** A run in the name of the execution that has it. */
export interface ClaimedBillingRun {
  readonly id: string;
  readonly execution: string;
}

/** The run belongs to another execution, or is in no state for what is to be recorded of it. */
export class BillingRunNotOursError extends Error {
  override name = 'BillingRunNotOursError';
}

/** Records how a run ended; audited. Doing it again changes nothing. @throws BillingRunNotOursError */
export async function finishBillingRun(
  store: BillingRunsStore,
  { id, execution }: ClaimedBillingRun,
  outcome: BillingOutcome,
  at: Instant,
): Promise<void> {
  const counts = Object.entries(outcome.counts).map(([name, count]) => [name, `${count}`]);
  const { hash, approval, verdict } = outcome;
  const said = { ...(verdict && { verdict }), ...(hash && { hash }), ...(approval && { approval }) };
  const details = { ...Object.fromEntries(counts), ...said };
  const result = await appendWith(store, entryOf(id, 'billing.finished', `billing-run:${id}`, at, details), [
    updateOf(store, id, {
      set: { status: 'succeeded', outcome: JSON.stringify(outcome), finishedAt: at },
      condition: '#status = :running AND execution = :execution',
      values: { ':running': 'running', ':execution': execution },
    }),
  ]);
  assertOurs(result, id, execution, 'succeeded');
}

/** Characters of a cause that the audit chain keeps: its first lines say which of all faults it was. */
const AUDITED_CAUSE_CHARACTERS_MAX = 500;

/** Records why a run failed, in the name of its execution only; audited. */
export async function failBillingRun(
  store: BillingRunsStore,
  { id, execution }: ClaimedBillingRun,
  error: RunError,
  at: Instant,
): Promise<'recorded' | 'not-ours'> {
  const { name, cause } = errorValue(error);
  const details = { error: name, cause: cause.slice(0, AUDITED_CAUSE_CHARACTERS_MAX).toWellFormed() };
  const result = await appendWith(store, entryOf(id, 'billing.failed', `billing-run:${id}`, at, details), [
    updateOf(store, id, {
      set: { status: 'failed', error: { name, cause }, finishedAt: at },
      // What was asked for and never taken has failed too: the execution could not even begin.
      condition: '#status IN (:requested, :running) AND (execution = :execution OR attribute_not_exists(execution))',
      values: { ':requested': 'requested', ':running': 'running', ':execution': execution },
    }),
  ]);
  if (result.kind === 'appended') return 'recorded';
  const found = itemThatRefused(result);
  return found?.execution?.S === execution && found.status?.S === 'failed' ? 'recorded' : 'not-ours';
}

export async function getBillingRun(store: BillingRunsStore, id: string): Promise<BillingRun | undefined> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem(keyOf(id)),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item && billingRunFromItem(item);
}

/** The latest runs, newest request first. */
export async function listBillingRuns(store: BillingRunsStore, limit: number): Promise<BillingRun[]> {
  const command = new QueryCommand({
    TableName: store.operationsTable,
    KeyConditionExpression: 'pk = :runs',
    ExpressionAttributeValues: toItem({ ':runs': BILLING_RUNS_PARTITION }),
    ScanIndexForward: false,
    Limit: limit,
  });
  const { Items: listed = [] } = await retryTransient(() => store.client.send(command), store.clock);
  const runs = await Promise.all(listed.map((item) => getBillingRun(store, text(item, 'run'))));
  return runs.filter((run) => run !== undefined);
}

/** What the audit chain says of a billing run. */
function entryOf(id: string, action: AuditAction, actor: string, at: Instant, details: AuditDetails): AuditEntry {
  return { at, actor, action, target: `billing-run:${id}`, details };
}

/** Accounts may be many, so the record has the digest of all that was said. */
function auditedSpec(spec: BillingSpec): AuditDetails {
  const { kind } = spec;
  return {
    kind,
    digest: sha256(canonicalJson(spec)),
    ...('month' in spec && { month: spec.month }),
    ...('of' in spec && { of: `billing-run:${spec.of}` }),
    ...('review' in spec && { review: spec.review, hash: spec.hash }),
    ...('sha256' in spec && spec.sha256 !== undefined && { sha256: spec.sha256 }),
    ...('dryRun' in spec && { dryRun: spec.dryRun }),
  };
}

function keyOf(id: string): { pk: string; sk: string } {
  return { pk: billingRunPartition(id), sk: ITSELF };
}

function updateOf(store: BillingRunsStore, id: string, change: RecordChange): TransactWriteItem {
  return changeOf(store.operationsTable, keyOf(id), change);
}

function assertOurs(result: AppendResult, id: string, execution: string, done: BillingRunStatus): void {
  if (result.kind === 'appended') return;
  const found = itemThatRefused(result);
  if (found?.execution?.S === execution && found.status?.S === done) return;
  throw new BillingRunNotOursError(`The billing run "${id}" is not that of ${execution}; another execution has it.`);
}

function billingRunFromItem(item: Item): BillingRun {
  const [execution, startedAt, finishedAt, outcome] = ['execution', 'startedAt', 'finishedAt', 'outcome'].map((name) =>
    optionalText(item, name),
  );
  const error = item.error?.M;
  return {
    id: text(item, 'id'),
    spec: JSON.parse(text(item, 'spec')) as BillingSpec,
    requestedBy: text(item, 'requestedBy'),
    requestedAt: text(item, 'requestedAt'),
    status: text(item, 'status') as BillingRunStatus,
    ...(execution !== undefined && { execution }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(outcome !== undefined && { outcome: JSON.parse(outcome) as BillingOutcome }),
    ...(error !== undefined && { error: { name: text(error, 'name'), cause: text(error, 'cause') } }),
  };
}
