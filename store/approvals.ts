import { GetItemCommand, QueryCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { ApiKey } from '../domain/api-keys.ts';
import {
  type Approval,
  type ApprovalUse,
  answerToDecision,
  type Decision,
  type DecisionResult,
  isWithdrawal,
  type KeyLineage,
  type StoredState,
} from '../domain/approvals.ts';
import type { AuditEntry } from '../domain/audit.ts';
import { getApiKey } from './api-keys.ts';
import { type AuditStore, appendWith, itemThatRefused } from './audit.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import { APPROVALS_PARTITION, approvalPartition, ITSELF } from './tables.ts';

/** What whoever needs a second person says. */
export type ApprovalRequest = Pick<
  Approval,
  'id' | 'action' | 'target' | 'hash' | 'summary' | 'requestedBy' | 'requestedAt' | 'expiresAt'
>;

export type RequestResult =
  | { readonly kind: 'created'; readonly approval: Approval }
  /** The same was asked before under this id, by the same key; the approval as it is now. */
  | { readonly kind: 'exists'; readonly approval: Approval }
  | { readonly kind: 'conflict'; readonly field: string };

/** Asks for a second person's consent, once per id; audited. */
export async function requestApproval(store: AuditStore, request: ApprovalRequest): Promise<RequestResult> {
  const { id, action, target, hash, summary, requestedBy, requestedAt, expiresAt } = request;
  const fields = { id, action, target, hash, summary, requestedBy, requestedAt, expiresAt };
  const approval: Approval = { ...fields, state: 'requested' };
  const entry: AuditEntry = {
    at: requestedAt,
    actor: requestedBy,
    action: 'approval.requested',
    target: `approval:${id}`,
    details: { for: action, target, hash, expiresAt },
  };
  const result = await appendWith(store, entry, [
    {
      Put: {
        TableName: store.operationsTable,
        Item: toItem({ ...keyOf(id), ...approval }),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    {
      Put: {
        TableName: store.operationsTable,
        Item: toItem({ pk: APPROVALS_PARTITION, sk: `${requestedAt}#${id}`, approval: id }),
      },
    },
  ]);
  if (result.kind === 'appended') return { kind: 'created', approval };
  const existing = approvalFromItem(itemThatRefused(result) ?? {});
  const field = (['action', 'target', 'hash', 'requestedBy'] as const).find((name) => existing[name] !== request[name]);
  return field === undefined ? { kind: 'exists', approval: existing } : { kind: 'conflict', field };
}

export async function getApproval(store: AuditStore, id: string): Promise<Approval | undefined> {
  const command = new GetItemCommand({
    TableName: store.operationsTable,
    Key: toItem(keyOf(id)),
    ConsistentRead: true,
  });
  const { Item: item } = await retryTransient(() => store.client.send(command), store.clock);
  return item && approvalFromItem(item);
}

/**
 * Approves or rejects in one conditional update; audited. Saying the same again changes nothing.
 * @param isOwnRequest whether whoever decides counts as the person who asked, see `isSamePerson`.
 */
export async function decideApproval(
  store: AuditStore,
  id: string,
  decision: Decision,
  isOwnRequest: (approval: Approval) => Promise<boolean>,
): Promise<DecisionResult> {
  let approval = await getApproval(store, id);
  const isOwn = approval !== undefined && (await isOwnRequest(approval));
  for (let attempt = 1; attempt <= DECISION_ATTEMPTS_MAX; attempt += 1) {
    const answer = answerToDecision(approval, decision, isOwn);
    if (answer !== undefined) return answer;
    if (approval === undefined) break;
    const isTakenBack = isWithdrawal(approval, decision);
    const result = await appendWith(store, entryOf(approval, decision, isTakenBack), [
      decisionUpdate(store, approval, decision),
    ]);
    // Where it was refused, somebody else decided between the reading and the writing.
    approval = await getApproval(store, id);
    if (result.kind === 'appended' && approval !== undefined) {
      return { kind: 'changed', approval };
    }
  }
  throw new Error(`The table refused to decide the approval ${id}, and nothing of it says why.`);
}

/** States only go forward: what was asked for is approved at most once before a rejection takes that back. */
const DECISION_ATTEMPTS_MAX = 3;

function entryOf({ id, hash }: Approval, { verdict, reason, by, at }: Decision, isTakenBack: boolean): AuditEntry {
  return {
    at,
    actor: by,
    action: `approval.${verdict}`,
    target: `approval:${id}`,
    details: { hash, ...(reason !== undefined && { reason }), ...(isTakenBack && { withdrawn: true }) },
  };
}

function decisionUpdate(
  store: AuditStore,
  { id, hash, state }: Approval,
  { verdict, reason, by, at }: Decision,
): TransactWriteItem {
  return {
    Update: {
      TableName: store.operationsTable,
      Key: toItem(keyOf(id)),
      UpdateExpression: `SET #state = :verdict, decidedBy = :by, decidedAt = :at${reason === undefined ? ' REMOVE reason' : ', reason = :reason'}`,
      ConditionExpression: '#state = :state AND #hash = :hash AND expiresAt > :at',
      ExpressionAttributeNames: { '#state': 'state', '#hash': 'hash' },
      ExpressionAttributeValues: toItem({
        ':verdict': verdict,
        ':by': by,
        ':at': at,
        ':reason': reason,
        ':state': state,
        ':hash': hash,
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/**
 * The write that uses an approval up. Put it into the transaction of what it allows, by `appendWith`, with a record that
 * names the approval: then the action and the use of its approval happen together or not at all. Where its condition
 * fails, `refusalOfUse` says why from the item that comes back, which `approvalFromItem` reads.
 */
export function useApproval(store: Pick<AuditStore, 'operationsTable'>, use: ApprovalUse): TransactWriteItem {
  const { id, action, target, hash, by, at } = use;
  return {
    Update: {
      TableName: store.operationsTable,
      Key: toItem(keyOf(id)),
      UpdateExpression: 'SET #state = :used, usedBy = :by, usedAt = :at',
      ConditionExpression:
        '#state = :approved AND #action = :action AND #target = :target AND #hash = :hash AND expiresAt > :at',
      ExpressionAttributeNames: { '#state': 'state', '#action': 'action', '#target': 'target', '#hash': 'hash' },
      ExpressionAttributeValues: toItem({
        ':used': 'used',
        ':approved': 'approved',
        ':action': action,
        ':target': target,
        ':hash': hash,
        ':by': by,
        ':at': at,
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

export interface ApprovalPage {
  readonly approvals: readonly Approval[];
  /** The sort key after which the next page begins; absent on the last one. */
  readonly next?: string;
}

/** Approvals in order of their requests, newest first, behind the sort key `after`. */
export async function listApprovals(store: AuditStore, limit: number, after?: string): Promise<ApprovalPage> {
  const command = new QueryCommand({
    TableName: store.operationsTable,
    KeyConditionExpression: 'pk = :approvals',
    ExpressionAttributeValues: toItem({ ':approvals': APPROVALS_PARTITION }),
    ScanIndexForward: false,
    // One more than asked for tells whether there is a next page. Its items have under 1 KB, so 1 MB holds them.
    Limit: limit + 1,
    ...(after !== undefined && { ExclusiveStartKey: toItem({ pk: APPROVALS_PARTITION, sk: after }) }),
    ConsistentRead: true,
  });
  const { Items: items = [] } = await retryTransient(() => store.client.send(command), store.clock);
  const listed = items.slice(0, limit);
  const found = await Promise.all(listed.map((item) => getApproval(store, text(item, 'approval'))));
  const approvals = found.filter((approval) => approval !== undefined);
  const last = listed.at(-1);
  return items.length > limit && last !== undefined ? { approvals, next: text(last, 'sk') } : { approvals };
}

/** Keys that one lineage may have: ten years of weekly rotations, twice. */
export const LINEAGE_KEYS_MAX = 1_000;

/** Too many keys stand behind one key to say whose it is. */
export class LineageTooLongError extends Error {
  override name = 'LineageTooLongError';
}

/**
 * A key and all keys that it comes from: makers and predecessors, over any number of steps.
 * @throws LineageTooLongError, because a lineage that was read in part might miss the very key that matters.
 */
export async function lineageOf(store: AuditStore, key: Pick<ApiKey, 'id'> & Partial<ApiKey>): Promise<KeyLineage> {
  const ancestors = new Set<string>();
  let generation = parentsOf(key);
  while (generation.length > 0) {
    for (const id of generation) ancestors.add(id);
    if (ancestors.size > LINEAGE_KEYS_MAX) {
      throw new LineageTooLongError(
        `More than ${LINEAGE_KEYS_MAX} keys stand behind the key ${key.id}; make a new one.`,
      );
    }
    const keys = await Promise.all(generation.map((id) => getApiKey(store, id)));
    const parents = new Set(keys.flatMap((parent) => (parent === undefined ? [] : parentsOf(parent))));
    generation = [...parents].filter((id) => !ancestors.has(id));
  }
  return { key: { id: key.id, ...(key.person !== undefined && { person: key.person }) }, ancestors };
}

function parentsOf({ createdBy, replaces }: Partial<ApiKey>): string[] {
  return [...new Set([createdBy, replaces])].filter((id) => id !== undefined);
}

function keyOf(id: string): { pk: string; sk: string } {
  return { pk: approvalPartition(id), sk: ITSELF };
}

const OPTIONAL = ['decidedBy', 'decidedAt', 'reason', 'usedBy', 'usedAt'] as const;

/** Reads an approval, such as the one that refused to be used. */
export function approvalFromItem(item: Item): Approval {
  const optional = OPTIONAL.map((name) => [name, optionalText(item, name)]).filter(([, value]) => value !== undefined);
  return {
    id: text(item, 'id'),
    action: text(item, 'action'),
    target: text(item, 'target'),
    hash: text(item, 'hash'),
    summary: (item.summary?.L ?? []).map(({ S }) => S ?? ''),
    requestedBy: text(item, 'requestedBy'),
    requestedAt: text(item, 'requestedAt'),
    expiresAt: text(item, 'expiresAt'),
    state: text(item, 'state') as StoredState,
    ...Object.fromEntries(optional),
  };
}
