import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { type Account, refusalOf } from '../domain/accounts.ts';
import type { ChartEntry } from '../domain/chart.ts';
import { dayOf } from '../domain/time.ts';
import {
  firstDifference,
  firstRefusal,
  type Refusal,
  type Transfer,
  type TransferClaims,
  type TransferResult,
} from '../domain/transfers.ts';
import { accountFromItem, listingUpdate, rememberListed, unlistedAccounts } from './accounts.ts';
import { type Item, integer, integers, optionalText, text, toItem } from './items.ts';
import type { LedgerStore, LedgerTable, Posting } from './posting.ts';
import { retryTransient } from './retry.ts';
import { accountKey, dayPartition, momentKey, shardOf, transferKey } from './tables.ts';

/**
 * Posts a transfer exactly once, in one round trip for a first write, a replay and a refusal alike: the conditions of
 * one write decide, and the items that failed them say why.
 * @throws StoreUnavailableError when conflicts or faults last until the deadline.
 */
export async function postTransfer(store: LedgerStore, posting: Posting): Promise<TransferResult> {
  const touches = touchesOf(posting);
  const listings = unlistedAccounts(store, posting);
  if (touches.length + listings.length === 0 && posting.guard === undefined) return putAlone(store, posting);
  const result = await putWithAccounts(store, posting, touches, listings);
  if (result.kind === 'created') rememberListed(store, listings);
  return result;
}

export async function getTransfer(store: LedgerTable, id: string): Promise<Transfer | undefined> {
  const command = new GetItemCommand({
    TableName: store.ledgerTable,
    Key: toItem({ pk: transferKey(id) }),
    ConsistentRead: true,
  });
  const answer = await retryTransient(() => store.client.send(command), store.clock);
  return answer.Item === undefined ? undefined : transferFromItem(answer.Item);
}

/** What an id that is already posted answers to these claims; undefined when nothing has this id. */
export async function replayOf(
  store: LedgerTable,
  id: string,
  claims: TransferClaims,
): Promise<TransferResult | undefined> {
  const posted = await getTransfer(store, id);
  return posted === undefined ? undefined : answerFromPosted(posted, claims);
}

/** A strict balance that a transfer moves. */
interface Touch {
  readonly account: string;
  readonly side: 'debit' | 'credit';
}

function touchesOf({ transfer, debitEntry, creditEntry }: Posting): Touch[] {
  const touches: Touch[] = [];
  if (debitEntry.balance === 'strict') touches.push({ account: transfer.debit, side: 'debit' });
  if (creditEntry.balance === 'strict') touches.push({ account: transfer.credit, side: 'credit' });
  return touches;
}

/** Two derived balances: one conditional put is the whole write. */
async function putAlone(store: LedgerStore, posting: Posting): Promise<TransferResult> {
  try {
    await retryTransient(() => store.client.send(new PutItemCommand(putOf(store, posting))), store.clock);
    return { kind: 'created', transfer: posting.transfer };
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException && error.Item !== undefined) {
      return answerFromPosted(transferFromItem(error.Item), posting.claims);
    }
    throw error;
  }
}

/** The transfer, the strict balances that it moves, the accounts that it lists and its guard, all or nothing. */
async function putWithAccounts(
  store: LedgerStore,
  posting: Posting,
  touches: readonly Touch[],
  listings: readonly Account[],
): Promise<TransferResult> {
  const command = new TransactWriteItemsCommand({
    // Minted once, outside the retry: an attempt whose answer was lost is then answered as the success it was.
    ClientRequestToken: store.newId(),
    TransactItems: [
      { Put: putOf(store, posting) },
      ...(posting.guard === undefined ? [] : [{ Update: posting.guard.update }]),
      ...touches.map((touch) => balanceUpdate(store.ledgerTable, posting.transfer, touch)),
      ...listings.map((account) => listingUpdate(store.ledgerTable, account)),
    ],
  });
  return retryTransient(async () => {
    try {
      await store.client.send(command);
      return { kind: 'created', transfer: posting.transfer };
    } catch (error) {
      const answer =
        error instanceof TransactionCanceledException ? answerFromReasons(error, posting, touches) : undefined;
      if (answer === undefined) throw error;
      return answer;
    }
  }, store.clock);
}

function putOf(store: LedgerStore, posting: Posting): PutItemCommandInput & { Item: Item } {
  return {
    TableName: store.ledgerTable,
    Item: transferItem(posting),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
}

function balanceUpdate(table: string, transfer: Transfer, touch: Touch): TransactWriteItem {
  const debits = touch.side === 'debit';
  return {
    Update: {
      TableName: table,
      Key: toItem({ pk: accountKey(touch.account) }),
      UpdateExpression: debits
        ? 'SET debits = debits + :amount, available = available - :amount'
        : 'SET credits = credits + :amount, available = available + :amount',
      ConditionExpression: `#status = :open AND asset = :asset AND openedOn <= :day${debits ? ' AND available >= :amount' : ''}`,
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: toItem({
        ':amount': transfer.amount,
        ':open': 'open',
        ':asset': transfer.asset,
        ':day': dayOf(transfer.effectiveAt),
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/**
 * Reads the outcome from a cancelled transaction. An existing transfer decides before any refusal does, and the guard
 * before the accounts. Undefined when the answer is not final because the transfer or another item was in another
 * transaction at that moment.
 */
function answerFromReasons(
  error: TransactionCanceledException,
  posting: Posting,
  touches: readonly Touch[],
): TransferResult | undefined {
  const { transfer, guard } = posting;
  const [put, ...others] = error.CancellationReasons ?? [];
  if (put?.Code === 'ConditionalCheckFailed' && put.Item !== undefined) {
    return answerFromPosted(transferFromItem(put.Item), posting.claims);
  }
  if (put?.Code !== 'None') return undefined;
  const guarding = guard === undefined ? undefined : others.shift();
  if (guarding !== undefined && guarding.Code !== 'None') {
    return guarding.Item === undefined ? undefined : guard?.refusalOf(guarding.Item);
  }
  const refusals = others.flatMap((reason, index): Refusal[] => {
    const touch = touches[index];
    if (reason.Code !== 'ConditionalCheckFailed' || touch === undefined) return [];
    const account = reason.Item === undefined ? undefined : accountFromItem(reason.Item);
    const { asset, amount, effectiveAt } = transfer;
    const refusal = refusalOf(account, { ...touch, asset, amount, day: dayOf(effectiveAt) });
    return refusal === undefined ? [] : [refusal];
  });
  return firstRefusal(refusals);
}

function answerFromPosted(posted: Transfer, claims: TransferClaims): TransferResult {
  const field = firstDifference(posted, claims);
  return field === undefined
    ? { kind: 'replayed', transfer: posted }
    : { kind: 'conflict', id: posted.id, field, posted };
}

function transferItem({ transfer, debitEntry, creditEntry }: Posting): Item {
  const key = transfer.requestId ?? transfer.id;
  const day = dayOf(transfer.effectiveAt);
  const moment = momentKey(transfer.effectiveAt, key);
  const place = (account: string, entry: ChartEntry) =>
    dayPartition(account, day, shardOf(key, entry.shards), entry.shards);
  // A platform account is indexed only when the other side is one too: no transfer goes without, and a charge pays once.
  const bothPlatform = debitEntry.party === 'platform' && creditEntry.party === 'platform';
  const indexDebit = bothPlatform || debitEntry.party === 'customer';
  const indexCredit = bothPlatform || creditEntry.party === 'customer';
  return toItem({
    pk: transferKey(transfer.id),
    ...transfer,
    ...(indexDebit && { debitDay: place(transfer.debit, debitEntry), debitAt: moment }),
    ...(indexCredit && { creditDay: place(transfer.credit, creditEntry), creditAt: moment }),
  });
}

/** Reads a transfer; index keys are passed over. */
export function transferFromItem(item: Item): Transfer {
  const optional = {
    requestId: optionalText(item, 'requestId'),
    operation: optionalText(item, 'operation'),
    quantities: item.quantities === undefined ? undefined : integers(item, 'quantities'),
    rateCard: optionalText(item, 'rateCard'),
    description: optionalText(item, 'description'),
    corrects: optionalText(item, 'corrects'),
    key: optionalText(item, 'key'),
  };
  return {
    id: text(item, 'id'),
    kind: text(item, 'kind') === 'charge' ? 'charge' : 'transfer',
    debit: text(item, 'debit'),
    credit: text(item, 'credit'),
    asset: text(item, 'asset'),
    amount: integer(item, 'amount'),
    effectiveAt: text(item, 'effectiveAt'),
    recordedAt: text(item, 'recordedAt'),
    ...present(optional),
  };
}

function present<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
