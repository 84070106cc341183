import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import {
  type Account,
  type AccountChangeResult,
  answerToChange,
  STATUS_CHANGES,
  type StatusChange,
} from '../domain/accounts.ts';
import type { Instant } from '../domain/time.ts';
import { accountFromItem, getAccount } from './accounts.ts';
import { toItem } from './items.ts';
import type { LedgerTable } from './posting.ts';
import { retryTransient, StoreUnavailableError } from './retry.ts';
import { accountKey } from './tables.ts';

/** Why, when and by which key. */
export interface Cause {
  readonly reason: string;
  readonly at: Instant;
  readonly by: string;
}

/** Freezes, unfreezes or closes an account in one conditional update; repeating it changes nothing. */
export async function changeStatus(
  store: LedgerTable,
  id: string,
  kind: StatusChange,
  cause: Cause,
): Promise<AccountChangeResult> {
  const { from, to } = STATUS_CHANGES[kind];
  const before = from.map((status, index) => [`:from${index}`, status] as const);
  const isClose = kind === 'close';
  const empty = isClose ? ' AND credits = debits AND (attribute_not_exists(held) OR held = :nothing)' : '';
  const updated = await update(store, id, {
    UpdateExpression: 'SET #status = :to, statusReason = :reason, statusChangedAt = :at, statusChangedBy = :by',
    // Only strict balances have `available`.
    ConditionExpression: `attribute_exists(available) AND #status IN (${before.map(([name]) => name).join(', ')})${empty}`,
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: toItem({
      ...Object.fromEntries(before),
      ':to': to,
      ':reason': cause.reason,
      ':at': cause.at,
      ':by': cause.by,
      ':nothing': isClose ? 0n : undefined,
    }),
  });
  if (updated.ok) return { kind: 'changed', account: updated.account };
  const answer = answerToChange(updated.account, { kind });
  if (answer !== undefined) return answer;
  throw new Error(`The table refused to ${kind} ${id}, and nothing of the account says why.`);
}

/** Attempts at a change of limit; each one that fails has met another change of the same limit. */
const LIMIT_ATTEMPTS_MAX = 10;

/**
 * Sets the credit limit; what is available moves by the difference in the same update, guarded by the limit that the
 * difference was computed from. The limit of the opening is kept, because a repeated opening is compared with it.
 * @throws StoreUnavailableError when others change the same limit all the time.
 */
export async function changeCreditLimit(
  store: LedgerTable,
  id: string,
  creditLimit: bigint,
): Promise<AccountChangeResult> {
  let account = await getAccount(store, id);
  for (let attempt = 0; attempt < LIMIT_ATTEMPTS_MAX; attempt += 1) {
    const answer = answerToChange(account, { kind: 'credit-limit', creditLimit });
    if (answer !== undefined) return answer;
    const from = account?.creditLimit ?? 0n;
    const updated = await update(store, id, {
      UpdateExpression:
        'SET creditLimit = :to, available = available + :more, openingCreditLimit = if_not_exists(openingCreditLimit, :from)',
      ConditionExpression: '#status <> :closed AND creditLimit = :from AND available >= :less',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: toItem({
        ':to': creditLimit,
        ':from': from,
        ':more': creditLimit - from,
        ':less': from - creditLimit,
        ':closed': 'closed',
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

type Update = Omit<UpdateItemCommandInput, 'TableName' | 'Key'>;

async function update(store: LedgerTable, id: string, expressions: Update): Promise<Updated> {
  const command = new UpdateItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: accountKey(id) }),
    ...expressions,
    ReturnValues: 'ALL_NEW',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    const { Attributes = {} } = await retryTransient(() => store.client.send(command), store.clock);
    return { ok: true, account: accountFromItem(Attributes) };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return { ok: false, account: error.Item === undefined ? undefined : accountFromItem(error.Item) };
  }
}
