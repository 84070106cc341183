import { type DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { AuditAction, AuditDetails, AuditEntry } from '../domain/audit.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { RunVerdict } from '../domain/reconciliation/outcome.ts';
import type { RepairKind } from '../domain/repairs/decisions.ts';
import type { Day, Instant } from '../domain/time.ts';
import { appendWith, itemThatRefused, sha256 } from './audit.ts';
import { type Item, optionalText, text, texts, toItem } from './items.ts';
import { type RetryClock, retryTransient } from './retry.ts';
import type { RunError } from './runs.ts';
import { ITSELF, REPAIRS_PARTITION, repairPartition } from './tables.ts';

/**
 * Records of repairs. Each is planned by one execution and applied by one execution at a time; every change of its state
 * is one conditional write, in one transaction with its audit record.
 */
export interface RepairsStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
  readonly clock?: RetryClock;
}

/** What is repaired, and what was decided of it. */
export type RepairSource =
  | {
      readonly kind: 'findings';
      /** The reconciliation run that found what is to be repaired. */
      readonly runId: string;
      /** In order of text. */
      readonly kinds: readonly RepairKind[];
      /** What people decided, by the id of the finding, as `parseDecision` reads it. */
      readonly decisions: Readonly<Record<string, string>>;
    }
  /** Takes back what another repair posted. */
  | { readonly kind: 'rollback'; readonly repairId: string }
  /** Posts what a file has and the ledger does not. */
  | {
      readonly kind: 'import';
      /** Of the file, in hexadecimal digits. */
      readonly sha256: string;
      /** Entries of a part. */
      readonly batchSize: number;
    };

export interface RepairRequest {
  /** The operator's run id. */
  readonly id: string;
  readonly source: RepairSource;
  /**
   * The days that were compared, and that the verifying run compares again; both included. Of an import they are those of
   * its entries, and the day on which it was asked for until it is planned.
   */
  readonly startDate: Day;
  readonly endDate: Day;
  /** Where these accounts alone were compared; the verifying run compares no others. */
  readonly accounts?: readonly string[];
  readonly requestedBy: string;
  readonly requestedAt: Instant;
}

/**
 * `requested`, `planning`, then `planned` or `nothing-to-do`; `applying`, then `applied`. `stale`: the books moved under
 * the plan, and nothing was posted. `failed` with a plan may be applied again, and without one planned again.
 */
export type RepairStatus =
  | 'requested'
  | 'planning'
  | 'planned'
  | 'nothing-to-do'
  | 'applying'
  | 'applied'
  | 'stale'
  | 'failed';

/** What the rows of an imported file come to, beside those that are steps of the plan. */
export interface EntryCounts {
  readonly read: number;
  /** The ledger has exactly this already. */
  readonly unchanged: number;
  /** Said before in the file. */
  readonly duplicates: number;
  readonly refused: number;
  /** Days that the steps count on; left out where there are none. */
  readonly firstDay?: Day;
  readonly lastDay?: Day;
}

/** A plan in numbers; amounts are decimal strings of minor units. Its steps are in the artifacts. */
export interface PlanSummary {
  /** SHA-256 of exactly what would be done: what an approval is bound to and applying names. */
  readonly hash: string;
  readonly plannedAt: Instant;
  /** When it is too old to be applied. */
  readonly goodUntil: Instant;
  readonly steps: number;
  readonly parts: number;
  /** Findings that are gone when all steps are applied, and those left for a person. */
  readonly answered: number;
  readonly left: number;
  /** Of an import. */
  readonly entries?: EntryCounts;
  readonly stepsByKind: Readonly<Record<string, number>>;
  readonly accounts: number;
  readonly totals: readonly {
    readonly asset: string;
    readonly charged: string;
    readonly givenBack: string;
    readonly rebalanced: string;
    readonly overCharged: number;
    readonly underCharged: number;
  }[];
  /** It takes a second person, and a backup of the ledger before. */
  readonly aboveThreshold: boolean;
}

/** What became of the steps, by outcome. */
export type StepCounts = Readonly<Partial<Record<StepOutcome, number>>>;

/**
 * `posted` by this repair, in whichever attempt; `already-posted` by somebody else, who said the same; `stale`: the books
 * are not what it was planned from; `refused` by the ledger; `not-tried`, because a step of its request before it failed.
 */
export type StepOutcome = 'posted' | 'already-posted' | 'stale' | 'refused' | 'not-tried';

/** How the verifying run ended; without a verdict it could not be done. */
export interface Verification {
  readonly runId: string;
  readonly verdict?: RunVerdict;
  readonly findings?: number;
}

export interface Repair extends RepairRequest {
  readonly status: RepairStatus;
  /** The ARN of the execution that has it. */
  readonly execution?: string;
  readonly plan?: PlanSummary;
  /** The approval that applying needs. */
  readonly approval?: string;
  readonly applyRequestedBy?: string;
  readonly applyRequestedAt?: Instant;
  /** The ARN of the backup of the ledger that was requested before anything was posted. */
  readonly backup?: string;
  readonly counts?: StepCounts;
  readonly verification?: Verification;
  readonly finishedAt?: Instant;
  readonly error?: RunError;
}

export type CreateRepairResult =
  | { readonly kind: 'created'; readonly repair: Repair }
  /** The same was asked for before under this id. */
  | { readonly kind: 'exists'; readonly repair: Repair }
  /** Something else was. */
  | { readonly kind: 'conflict'; readonly field: 'source' };

/** Records that somebody wants a repair planned, once per id; audited. */
export async function createRepair(store: RepairsStore, request: RepairRequest): Promise<CreateRepairResult> {
  const { source, ...fields } = request;
  const entry = entryOf(
    request.id,
    'repair.requested',
    request.requestedBy,
    request.requestedAt,
    auditedSource(source),
  );
  const result = await appendWith(store, entry, [
    {
      Put: {
        TableName: store.operationsTable,
        Item: toItem({ ...keyOf(request.id), ...fields, source: canonicalJson(source), status: 'requested' }),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    {
      Put: {
        TableName: store.operationsTable,
        Item: toItem({ pk: REPAIRS_PARTITION, sk: `${request.requestedAt}#${request.id}`, repair: request.id }),
      },
    },
  ]);
  if (result.kind === 'appended') return { kind: 'created', repair: { ...request, status: 'requested' } };
  const existing = repairFromItem(itemThatRefused(result) ?? {});
  const isSame = canonicalJson(existing.source) === canonicalJson(source);
  return isSame ? { kind: 'exists', repair: existing } : { kind: 'conflict', field: 'source' };
}

export async function getRepair(store: RepairsStore, id: string): Promise<Repair | undefined> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem(keyOf(id)),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item && repairFromItem(item);
}

/** The latest repairs, newest request first. */
export async function listRepairs(store: RepairsStore, limit: number): Promise<Repair[]> {
  const command = new QueryCommand({
    TableName: store.operationsTable,
    KeyConditionExpression: 'pk = :repairs',
    ExpressionAttributeValues: toItem({ ':repairs': REPAIRS_PARTITION }),
    ScanIndexForward: false,
    Limit: limit,
  });
  const { Items: listed = [] } = await retryTransient(() => store.client.send(command), store.clock);
  const repairs = await Promise.all(listed.map((item) => getRepair(store, text(item, 'repair'))));
  return repairs.filter((repair) => repair !== undefined);
}

/** What the audit chain says of a repair. */
export function entryOf(
  id: string,
  action: AuditAction,
  actor: string,
  at: Instant,
  details: AuditDetails,
): AuditEntry {
  return { at, actor, action, target: `repair:${id}`, details };
}
/** Decisions may be many, so the record has the digest of all that was said. */
function auditedSource(source: RepairSource): AuditDetails {
  const digest = sha256(canonicalJson(source));
  switch (source.kind) {
    case 'findings':
      return { kind: source.kind, of: `run:${source.runId}`, kinds: source.kinds, digest };
    case 'rollback':
      return { kind: source.kind, of: `repair:${source.repairId}`, digest };
    case 'import':
      return { kind: source.kind, of: `sha256:${source.sha256}`, digest };
  }
}

export function keyOf(id: string): { pk: string; sk: string } {
  return { pk: repairPartition(id), sk: ITSELF };
}

const TEXTS = ['execution', 'approval', 'applyRequestedBy', 'applyRequestedAt', 'backup', 'finishedAt'] as const;
const JSON_TEXTS = ['plan', 'counts', 'verification'] as const;

function repairFromItem(item: Item): Repair {
  const optional = Object.fromEntries(
    [
      ...TEXTS.map((name) => [name, optionalText(item, name)] as const),
      ...JSON_TEXTS.map((name) => [name, parsed(optionalText(item, name))] as const),
    ].filter(([, value]) => value !== undefined),
  );
  const error = item.error?.M;
  return {
    id: text(item, 'id'),
    source: JSON.parse(text(item, 'source')) as RepairSource,
    startDate: text(item, 'startDate'),
    endDate: text(item, 'endDate'),
    ...(item.accounts !== undefined && { accounts: texts(item, 'accounts') }),
    requestedBy: text(item, 'requestedBy'),
    requestedAt: text(item, 'requestedAt'),
    status: text(item, 'status') as RepairStatus,
    ...optional,
    ...(error !== undefined && { error: { name: text(error, 'name'), cause: text(error, 'cause') } }),
  };
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}
