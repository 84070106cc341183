import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import type { Account, AccountStatus } from '../domain/accounts.ts';
import { type Day, dayOf, monthOf } from '../domain/time.ts';
import { grantsFromItem } from './grants.ts';
import { type Item, integer, optionalText, text, toItem } from './items.ts';
import type { LedgerStore, LedgerTable, Posting } from './posting.ts';
import { retryTransient } from './retry.ts';
import { accountKey, bucketOf } from './tables.ts';

/** What the caller said about the account in so many words; the rest has defaults that may differ next time. */
export type AccountClaims = Partial<Pick<Account, 'openedOn' | 'creditLimit' | 'metadata'>>;

export type OpenAccountResult =
  | { readonly kind: 'created'; readonly account: Account }
  | { readonly kind: 'replayed'; readonly account: Account }
  | { readonly kind: 'conflict'; readonly field: string };

/** Opens an account exactly once; opening it again with the same words gives the account as it is now. */
export async function openAccount(
  store: LedgerTable,
  account: Account,
  claims: AccountClaims,
): Promise<OpenAccountResult> {
  try {
    await putIfNew(store, account);
    return { kind: 'created', account };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    const field = firstDifference(error.Item, claims);
    return field === undefined
      ? { kind: 'replayed', account: accountFromItem(error.Item) }
      : { kind: 'conflict', field };
  }
}

/** Compares with the account as it was opened, whatever was changed since. */
function firstDifference(item: Item, claims: AccountClaims): string | undefined {
  const { openedOn, creditLimit, metadata } = accountFromItem(item);
  const openingLimit = item.openingCreditLimit === undefined ? creditLimit : integer(item, 'openingCreditLimit');
  const opened: AccountClaims = { openedOn, creditLimit: openingLimit, metadata: metadata ?? {} };
  return (['openedOn', 'creditLimit', 'metadata'] as const).find(
    (name) => claims[name] !== undefined && comparable(claims[name]) !== comparable(opened[name]),
  );
}

function comparable(value: AccountClaims[keyof AccountClaims]): string | bigint | undefined {
  return typeof value === 'object' ? JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}

export async function getAccount(store: LedgerTable, id: string): Promise<Account | undefined> {
  const command = new GetItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: accountKey(id) }),
    ConsistentRead: true,
  });
  const answer = await retryTransient(() => store.client.send(command), store.clock);
  return answer.Item === undefined ? undefined : accountFromItem(answer.Item);
}

/**
 * The accounts of a posting that its transaction must list: customer accounts with a derived balance exist from their
 * first transfer on, so that charging them stays one put. Listed in the same transaction, a transfer of an account that
 * no reconciliation would find cannot exist, and a refused one leaves nothing behind. With the account, the month of the
 * transfer is listed: no opening bounds these accounts, so this is how their readers know which days there are. Platform
 * accounts are listed with the transfers that are listed under them, those between two of them: a seal would miss these.
 */
export function unlistedAccounts(store: LedgerStore, { transfer, debitEntry, creditEntry }: Posting): Account[] {
  const sides = [
    { id: transfer.debit, entry: debitEntry },
    { id: transfer.credit, entry: creditEntry },
  ];
  const bothPlatform = sides.every(({ entry }) => entry.party === 'platform');
  return sides
    .filter(
      ({ id, entry }) =>
        entry.balance === 'derived' &&
        (bothPlatform || entry.party === 'customer') &&
        !store.listed.has(listing(id, dayOf(transfer.effectiveAt))),
    )
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

/** Writes an account unless it is there, and adds the months that it is opened in; what is there stays as it is. */
export function listingUpdate(table: string, openings: readonly Account[]): TransactWriteItem {
  const [account] = openings;
  if (account === undefined) throw new TypeError('There is no account to list.');
  const { pk: _pk, ...fields } = accountItem(account);
  const names = Object.keys(fields);
  const months = new Set(openings.map(({ openedOn }) => monthOf(openedOn)));
  return {
    Update: {
      TableName: table,
      Key: toItem({ pk: accountKey(account.id) }),
      UpdateExpression: `SET ${names.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(', ')} ADD months :months`,
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: {
        ...Object.fromEntries(names.map((name) => [`:${name}`, fields[name] ?? { NULL: true }])),
        ':months': { SS: [...months] },
      },
    },
  };
}

/** Accounts and months that one process remembers as listed; when it has met more, it forgets them all and lists them again. */
const LISTED_MAX = 50_000;

export function rememberListed(store: LedgerStore, accounts: readonly Account[]): void {
  if (store.listed.size + accounts.length > LISTED_MAX) store.listed.clear();
  for (const { id, openedOn } of accounts) store.listed.add(listing(id, openedOn));
}

function listing(account: string, day: Day): string {
  return `${account}#${monthOf(day)}`;
}

/** Reads an account item; figures are there when it keeps a strict balance. */
export function accountFromItem(item: Item): Account {
  const balance = text(item, 'balance') === 'strict' ? 'strict' : 'derived';
  const grants = grantsFromItem(item);
  const [statusReason, statusChangedAt, statusChangedBy] = [
    optionalText(item, 'statusReason'),
    optionalText(item, 'statusChangedAt'),
    optionalText(item, 'statusChangedBy'),
  ];
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
        // Written with the first hold, so that whoever holds nothing pays for no more bytes.
        held: item.held === undefined ? 0n : integer(item, 'held'),
        ...(item.holdChanges !== undefined && { holdChanges: integer(item, 'holdChanges') }),
        available: integer(item, 'available'),
      },
    }),
    ...(grants !== undefined && { grants }),
    ...(item.metadata?.M !== undefined && { metadata: texts(item.metadata.M) }),
    ...(statusReason !== undefined && { statusReason }),
    ...(statusChangedAt !== undefined && { statusChangedAt }),
    ...(statusChangedBy !== undefined && { statusChangedBy }),
  };
}

async function putIfNew(store: LedgerTable, account: Account): Promise<void> {
  const command = new PutItemCommand({
    TableName: store.ledgerTable,
    Item: accountItem(account),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  await retryTransient(() => store.client.send(command), store.clock);
}

/** An account is opened without grants. */
function accountItem({ id, figures, grants: _grants, ...fields }: Account): Item {
  const { held, ...others } = figures ?? { held: 0n };
  return toItem({
    ...{ pk: accountKey(id), account: id, bucket: bucketOf(id), ...fields, ...others },
    held: held === 0n ? undefined : held,
  });
}

function texts(map: Item): Record<string, string> {
  return Object.fromEntries(Object.keys(map).map((name) => [name, text(map, name)]));
}

function statusOf(value: string): AccountStatus {
  return value === 'frozen' || value === 'closed' ? value : 'open';
}
