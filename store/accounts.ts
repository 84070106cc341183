import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import type { Account, AccountStatus } from '../domain/accounts.ts';
import { dayOf } from '../domain/time.ts';
import { type Item, integer, text, toItem } from './items.ts';
import type { LedgerStore, Posting } from './ledger.ts';
import { retryTransient } from './retry.ts';
import { accountKey, bucketOf } from './tables.ts';

/** What the caller said about the account in so many words; the rest has defaults that may differ next time. */
export type AccountClaims = Partial<Pick<Account, 'openedOn' | 'creditLimit'>>;

export type OpenAccountResult =
  | { readonly kind: 'created'; readonly account: Account }
  | { readonly kind: 'replayed'; readonly account: Account }
  | { readonly kind: 'conflict'; readonly field: string };

/** Opens an account exactly once; opening it again with the same words gives the account as it is now. */
export async function openAccount(
  store: Pick<LedgerStore, 'client' | 'ledgerTable'>,
  account: Account,
  claims: AccountClaims,
): Promise<OpenAccountResult> {
  try {
    await putIfNew(store, account);
    return { kind: 'created', account };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    const existing = accountFromItem(error.Item);
    const field = (['openedOn', 'creditLimit'] as const).find(
      (name) => claims[name] !== undefined && claims[name] !== existing[name],
    );
    return field === undefined ? { kind: 'replayed', account: existing } : { kind: 'conflict', field };
  }
}

export async function getAccount(
  store: { readonly client: DynamoDBClient; readonly ledgerTable: string },
  id: string,
): Promise<Account | undefined> {
  const answer = await retryTransient(() =>
    store.client.send(
      new GetItemCommand({ TableName: store.ledgerTable, Key: toItem({ pk: accountKey(id) }), ConsistentRead: true }),
    ),
  );
  return answer.Item === undefined ? undefined : accountFromItem(answer.Item);
}

/**
 * The accounts of a posting that its transaction must list: customer accounts with a derived balance exist from their
 * first transfer on, so that charging them stays one put. Listed in the same transaction, a transfer of an account that
 * no reconciliation would find cannot exist, and a refused one leaves nothing behind.
 */
export function unlistedAccounts(store: LedgerStore, { transfer, debitEntry, creditEntry }: Posting): Account[] {
  const sides = [
    { id: transfer.debit, entry: debitEntry },
    { id: transfer.credit, entry: creditEntry },
  ];
  return sides
    .filter(({ id, entry }) => entry.balance === 'derived' && entry.party === 'customer' && !store.listed.has(id))
    .map(({ id, entry }) => ({
      id,
      asset: entry.asset,
      balance: 'derived',
      status: 'open',
      openedOn: dayOf(transfer.effectiveAt),
      createdAt: transfer.recordedAt,
      creditLimit: 0n,
    }));
}

/** Writes an account unless it is there; what is there stays as it is. */
export function listingUpdate(table: string, account: Account): TransactWriteItem {
  const { pk: _pk, ...fields } = accountItem(account);
  const names = Object.keys(fields);
  return {
    Update: {
      TableName: table,
      Key: toItem({ pk: accountKey(account.id) }),
      UpdateExpression: `SET ${names.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(', ')}`,
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: Object.fromEntries(names.map((name) => [`:${name}`, fields[name] ?? { NULL: true }])),
    },
  };
}

/** Accounts that one process remembers as listed; when it has met more, it forgets them all and lists them again. */
const LISTED_MAX = 50_000;

export function rememberListed(store: LedgerStore, accounts: readonly Account[]): void {
  if (store.listed.size + accounts.length > LISTED_MAX) store.listed.clear();
  for (const { id } of accounts) store.listed.add(id);
}

/** Reads an account item; figures are there when it keeps a strict balance. */
export function accountFromItem(item: Item): Account {
  const balance = text(item, 'balance') === 'strict' ? 'strict' : 'derived';
  return {
    id: text(item, 'account'),
    asset: text(item, 'asset'),
    balance,
    status: statusOf(text(item, 'status')),
    openedOn: text(item, 'openedOn'),
    createdAt: text(item, 'createdAt'),
    creditLimit: integer(item, 'creditLimit'),
    ...(balance === 'strict' && {
      figures: {
        credits: integer(item, 'credits'),
        debits: integer(item, 'debits'),
        available: integer(item, 'available'),
      },
    }),
  };
}

async function putIfNew(store: Pick<LedgerStore, 'client' | 'ledgerTable'>, account: Account): Promise<void> {
  const command = new PutItemCommand({
    TableName: store.ledgerTable,
    Item: accountItem(account),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  await retryTransient(() => store.client.send(command));
}

function accountItem({ id, figures, ...fields }: Account): Item {
  return toItem({ pk: accountKey(id), account: id, bucket: bucketOf(id), ...fields, ...figures });
}

function statusOf(value: string): AccountStatus {
  return value === 'frozen' || value === 'closed' ? value : 'open';
}
