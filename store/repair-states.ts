import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { ApprovalUse } from '../domain/approvals.ts';
import type { AuditDetails } from '../domain/audit.ts';
import type { Instant } from '../domain/time.ts';
import { useApproval } from './approvals.ts';
import { type AppendResult, appendWith, itemThatRefused } from './audit.ts';
import type { Item } from './items.ts';
import { changeOf, type RecordChange } from './record-change.ts';
import {
  entryOf,
  getRepair,
  keyOf,
  type PlanSummary,
  type Repair,
  type RepairSource,
  type RepairStatus,
  type RepairsStore,
  type StepCounts,
  type Verification,
} from './repairs.ts';
import { errorValue, type RunError } from './runs.ts';

/** Whose an attempt at a change is, and when it is made. */
export interface Attempt {
  readonly execution: string;
  readonly at: Instant;
}

export type ClaimRepairResult =
  | { readonly kind: 'claimed'; readonly repair: Repair }
  /** Another execution has it, or it is in no state for this. */
  | { readonly kind: 'taken'; readonly repair: Repair | undefined };

/** Takes a repair for one execution that plans it; the same execution may take it again. Audited. */
export function claimPlanning(store: RepairsStore, id: string, attempt: Attempt): Promise<ClaimRepairResult> {
  return claim(store, id, attempt, 'planning', {
    set: { status: 'planning', execution: attempt.execution },
    condition: '#status = :requested OR (#status = :planning AND execution = :execution)',
    values: { ':requested': 'requested', ':planning': 'planning', ':execution': attempt.execution },
  });
}

/** Takes a repair that was asked to be applied for one execution; the same execution may take it again. Audited. */
export function claimApplying(store: RepairsStore, id: string, attempt: Attempt): Promise<ClaimRepairResult> {
  return claim(store, id, attempt, 'applying', {
    set: { execution: attempt.execution },
    condition: '#status = :applying AND (attribute_not_exists(execution) OR execution = :execution)',
    values: { ':applying': 'applying', ':execution': attempt.execution },
  });
}

async function claim(
  store: RepairsStore,
  id: string,
  { execution, at }: Attempt,
  status: 'planning' | 'applying',
  change: RecordChange,
): Promise<ClaimRepairResult> {
  const isOurs = (repair: Repair | undefined) => repair?.status === status && repair.execution === execution;
  const before = await getRepair(store, id);
  // Taking again what it has is no change, and is not recorded twice.
  if (before !== undefined && isOurs(before)) return { kind: 'claimed', repair: before };
  const entry = entryOf(id, `repair.${status}`, `repair:${id}`, at, { execution });
  await appendWith(store, entry, [updateOf(store, id, change)]);
  const repair = await getRepair(store, id);
  return repair !== undefined && isOurs(repair) ? { kind: 'claimed', repair } : { kind: 'taken', repair };
}

/** A repair belongs to another execution, or is in no state for what is to be recorded of it. */
export class RepairNotOursError extends Error {
  override name = 'RepairNotOursError';
}

/** Records what was planned; audited. Recording it again changes nothing. @throws RepairNotOursError */
export async function recordPlan(
  store: RepairsStore,
  id: string,
  { execution, at }: Attempt,
  plan: PlanSummary,
  approval: string | undefined,
): Promise<void> {
  const status = plan.steps === 0 ? 'nothing-to-do' : 'planned';
  const { hash, steps, left } = plan;
  const details = { hash, steps: `${steps}`, left: `${left}`, ...(approval !== undefined && { approval }) };
  const result = await appendWith(store, entryOf(id, 'repair.planned', `repair:${id}`, at, details), [
    updateOf(store, id, {
      set: {
        status,
        plan: JSON.stringify(plan),
        planHash: hash,
        approval,
        startDate: plan.entries?.firstDay,
        endDate: plan.entries?.lastDay,
      },
      condition: '#status = :planning AND execution = :execution',
      values: { ':planning': 'planning', ':execution': execution },
    }),
  ]);
  assertOurs(result, id, execution, [status]);
}

/** Asks for a repair whose planning failed to be planned again; audited. Leaves it alone when it is not failed any more. */
export async function requestPlanning(store: RepairsStore, id: string, by: string, at: Instant): Promise<void> {
  await appendWith(store, entryOf(id, 'repair.requested', by, at, {}), [
    updateOf(store, id, {
      set: { status: 'requested' },
      remove: ['execution', 'error', 'finishedAt'],
      condition: '#status = :failed AND attribute_not_exists(planHash)',
      values: { ':failed': 'failed' },
    }),
  ]);
}

export interface ApplyingRequest {
  readonly hash: string;
  readonly by: string;
  readonly at: Instant;
  readonly use: ApprovalUse | undefined;
  readonly takeOver?: boolean;
}

/** Why applying was not asked for; the item of the approval that refused, where it was that. */
export type ApplyRefusal = { readonly repair: Item | undefined; readonly approval: Item | undefined };

/**
 * Asks for a planned repair to be applied, or one whose applying failed to be applied again, and uses its approval up;
 * all in one transaction, audited.
 * @param takeOver also one that is being applied: whatever has it may post nothing more.
 * @returns undefined when it was recorded.
 */
export async function requestApplying(
  store: RepairsStore,
  id: string,
  { hash, by, at, use, takeOver = false }: ApplyingRequest,
): Promise<ApplyRefusal | undefined> {
  const details = { hash, takeOver, ...(use !== undefined && { approval: use.id }) };
  const result = await appendWith(store, entryOf(id, 'repair.apply-requested', by, at, details), [
    updateOf(store, id, {
      set: { status: 'applying', applyRequestedBy: by, applyRequestedAt: at },
      remove: ['execution', 'error', 'finishedAt'],
      condition: '#status IN (:planned, :failed, :taken) AND planHash = :hash',
      values: { ':planned': 'planned', ':failed': 'failed', ':taken': takeOver ? 'applying' : 'failed', ':hash': hash },
    }),
    ...(use === undefined ? [] : [useApproval(store, use)]),
  ]);
  if (result.kind === 'appended') return undefined;
  const [repair, approval] = result.reasons;
  const itemOf = (reason: typeof repair) =>
    reason?.Code === 'ConditionalCheckFailed' ? (reason.Item ?? {}) : undefined;
  return { repair: itemOf(repair), approval: itemOf(approval) };
}

/** Records the backup that was requested before anything is posted; audited. @throws RepairNotOursError */
export async function recordBackup(
  store: RepairsStore,
  id: string,
  { execution, at }: Attempt,
  backup: string,
): Promise<void> {
  const result = await appendWith(store, entryOf(id, 'repair.backed-up', `repair:${id}`, at, { backup }), [
    updateOf(store, id, {
      set: { backup },
      condition: '#status = :applying AND execution = :execution AND attribute_not_exists(#backup)',
      values: { ':applying': 'applying', ':execution': execution },
    }),
  ]);
  assertOurs(result, id, execution, ['applying']);
}

/** How applying ended. */
export type RepairEnd =
  | { readonly status: 'stale' }
  | { readonly status: 'applied'; readonly counts: StepCounts; readonly verification: Verification };

/** Records how applying ended; audited. Doing it again changes nothing. @throws RepairNotOursError */
export async function finishRepair(
  store: RepairsStore,
  { id, source }: Pick<Repair, 'id' | 'source'>,
  { execution, at }: Attempt,
  end: RepairEnd,
): Promise<void> {
  const { status } = end;
  const action =
    status === 'stale' ? 'repair.stale' : source.kind === 'rollback' ? 'repair.rolled-back' : 'repair.applied';
  const result = await appendWith(store, entryOf(id, action, `repair:${id}`, at, endDetails(source, end)), [
    updateOf(store, id, {
      set: {
        status,
        finishedAt: at,
        ...(end.status === 'applied' && {
          counts: JSON.stringify(end.counts),
          verification: JSON.stringify(end.verification),
        }),
      },
      condition: '#status = :applying AND execution = :execution',
      values: { ':applying': 'applying', ':execution': execution },
    }),
  ]);
  assertOurs(result, id, execution, [status]);
}

/** Characters of a cause that the audit chain keeps: its first lines say which of all faults it was. */
const AUDITED_CAUSE_CHARACTERS_MAX = 500;

/** Records why planning or applying broke off, in the name of its execution only; audited. */
export async function failRepair(
  store: RepairsStore,
  id: string,
  { execution, at }: Attempt,
  error: RunError,
): Promise<'recorded' | 'not-ours'> {
  const { name, cause } = errorValue(error);
  const details = { error: name, cause: cause.slice(0, AUDITED_CAUSE_CHARACTERS_MAX).toWellFormed() };
  const result = await appendWith(store, entryOf(id, 'repair.failed', `repair:${id}`, at, details), [
    updateOf(store, id, {
      set: { status: 'failed', error: { name, cause }, finishedAt: at },
      // What was asked for and never taken has failed too: the execution could not even begin.
      condition:
        '#status IN (:requested, :planning, :applying) AND (execution = :execution OR attribute_not_exists(execution))',
      values: {
        ':requested': 'requested',
        ':planning': 'planning',
        ':applying': 'applying',
        ':execution': execution,
      },
    }),
  ]);
  if (result.kind === 'appended') return 'recorded';
  const found = itemThatRefused(result);
  return found?.execution?.S === execution && found.status?.S === 'failed' ? 'recorded' : 'not-ours';
}

function updateOf(store: RepairsStore, id: string, change: RecordChange): TransactWriteItem {
  return changeOf(store.operationsTable, keyOf(id), change);
}

function assertOurs(result: AppendResult, id: string, execution: string, done: readonly RepairStatus[]): void {
  if (result.kind === 'appended') return;
  const found = itemThatRefused(result);
  if (found?.execution?.S === execution && done.some((status) => status === found.status?.S)) return;
  throw new RepairNotOursError(`The repair "${id}" is not that of ${execution}; another execution has it.`);
}

function endDetails(source: RepairSource, end: RepairEnd): AuditDetails {
  if (end.status === 'stale') return {};
  const { runId, verdict = 'none', findings } = end.verification;
  return {
    ...(source.kind === 'rollback' && { of: `repair:${source.repairId}` }),
    ...Object.fromEntries(Object.entries(end.counts).map(([outcome, count]) => [outcome, `${count}`])),
    verifiedBy: `run:${runId}`,
    verdict,
    ...(findings !== undefined && { findings: `${findings}` }),
  };
}
