import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import {
  type Account,
  type AccountChangeResult,
  answerToChange,
  STATUS_CHANGES,
  type StatusChange,
} from '../domain/accounts.ts';
import type { AuditEntry } from '../domain/audit.ts';
import { expiredOf, NO_GRANTS } from '../domain/grants.ts';
import type { Instant } from '../domain/time.ts';
import { accountFromItem, getAccount } from './accounts.ts';
import { type AuditStore, appendWith, itemThatRefused } from './audit.ts';
import { shapeCondition, shapeValues } from './grants.ts';
import { toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { StoreUnavailableError } from './retry.ts';
import { accountKey } from './tables.ts';

/** Accounts are in the ledger and the audit chain in the operations table; one transaction writes both. */
export type AccountChangesStore = LedgerTable & AuditStore;

/** When and by which key. */
export interface Author {
  readonly at: Instant;
  readonly by: string;
}

/** Why, when and by which key. */
export interface Cause extends Author {
  readonly reason: string;
}

const STATUS_ACTIONS = {
  freeze: 'account.frozen',
  unfreeze: 'account.unfrozen',
  close: 'account.closed',
} as const satisfies Record<StatusChange, AuditEntry['action']>;

/** Freezes, unfreezes or closes an account in one audited conditional update; repeating it changes nothing. */
export async function changeStatus(
  store: AccountChangesStore,
  id: string,
  kind: StatusChange,
  cause: Cause,
): Promise<AccountChangeResult> {
  const answer = answerToChange(await getAccount(store, id), { kind });
  if (answer !== undefined) return answer;
  const { from, to } = STATUS_CHANGES[kind];
  const before = from.map((status, index) => [`:from${index}`, status] as const);
  const isClose = kind === 'close';
  const empty = isClose ? ' AND credits = debits AND (attribute_not_exists(held) OR held = :nothing)' : '';
  const { reason, at, by } = cause;
  const entry: AuditEntry = {
    at,
    actor: by,
    action: STATUS_ACTIONS[kind],
    target: `account:${id}`,
    details: { reason },
  };
  const updated = await update(store, id, entry, {
    UpdateExpression: 'SET #status = :to, statusReason = :reason, statusChangedAt = :at, statusChangedBy = :by',
    // Only strict balances have `available`.
    ConditionExpression: `attribute_exists(available) AND #status IN (${before.map(([name]) => name).join(', ')})${empty}`,
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: toItem({
      ...Object.fromEntries(before),
      ':to': to,
      ':reason': reason,
      ':at': at,
      ':by': by,
      ':nothing': isClose ? 0n : undefined,
    }),
  });
  if (updated.ok) return { kind: 'changed', account: updated.account };
  const late = answerToChange(updated.account, { kind });
  if (late !== undefined) return late;
  throw new Error(`The table refused to ${kind} ${id}, and nothing of the account says why.`);
}

/** Attempts at a change of limit; each one that fails has met another change of the same limit. */
const LIMIT_ATTEMPTS_MAX = 10;

/**
 * Sets the credit limit; what is available moves by the difference in the same audited update, guarded by the limit that
 * the difference was computed from. The limit of the opening is kept, because a repeated opening is compared with it.
 * @throws StoreUnavailableError when others change the same limit all the time.
 */
export async function changeCreditLimit(
  store: AccountChangesStore,
  id: string,
  creditLimit: bigint,
  { at, by }: Author,
): Promise<AccountChangeResult> {
  let account = await getAccount(store, id);
  for (let attempt = 0; attempt < LIMIT_ATTEMPTS_MAX; attempt += 1) {
    const answer = answerToChange(account, { kind: 'credit-limit', creditLimit }, at);
    if (answer !== undefined) return answer;
    const from = account?.creditLimit ?? 0n;
    const grants = account?.grants ?? NO_GRANTS;
    const enough = creditLimit < from ? ` AND available >= :less AND ${shapeCondition(grants)}` : '';
    const details = { from: from.toString(), to: creditLimit.toString(), asset: account?.asset ?? '' };
    const entry: AuditEntry = { at, actor: by, action: 'credit-limit.changed', target: `account:${id}`, details };
    const updated = await update(store, id, entry, {
      UpdateExpression:
        'SET creditLimit = :to, available = available + :more, openingCreditLimit = if_not_exists(openingCreditLimit, :from)',
      ConditionExpression: `#status <> :closed AND creditLimit = :from${enough}`,
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: toItem({
        ':to': creditLimit,
        ':from': from,
        ':more': creditLimit - from,
        ':closed': 'closed',
        ...(enough !== '' && { ':less': from - creditLimit + expiredOf(grants, at), ...shapeValues(grants) }),
      }),
    });
    if (updated.ok) return { kind: 'changed', account: updated.account };
    account = updated.account;
  }
  throw new StoreUnavailableError(`Gave up after ${LIMIT_ATTEMPTS_MAX} attempts: the limit of ${id} keeps changing.`);
}

type Updated =
  | { readonly ok: true; readonly account: Account }
  /** As it stood when the condition failed; undefined where there is none. */
  | { readonly ok: false; readonly account: Account | undefined };

type Update = Pick<
  NonNullable<TransactWriteItem['Update']>,
  'UpdateExpression' | 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

/** Updates an account and appends the record of it, both or neither. */
async function update(
  store: AccountChangesStore,
  id: string,
  entry: AuditEntry,
  expressions: Update,
): Promise<Updated> {
  const change = {
    TableName: store.ledgerTable,
    Key: toItem({ pk: accountKey(id) }),
    ...expressions,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const result = await appendWith(store, entry, [{ Update: change }]);
  if (result.kind === 'refused') {
    const item = itemThatRefused(result);
    return { ok: false, account: item === undefined ? undefined : accountFromItem(item) };
  }
  // A transaction does not give what it wrote, so the account is read as it is now.
  const account = await getAccount(store, id);
  if (account === undefined) throw new Error(`The account ${id} was changed a moment ago and is not there any more.`);
  return { ok: true, account };
}
