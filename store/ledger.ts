import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { ChartEntry } from '../domain/chart.ts';
import type { Movement } from '../domain/movements.ts';
import { dayOf } from '../domain/time.ts';
import { firstDifference, type Transfer, type TransferClaims, type TransferResult } from '../domain/transfers.ts';
import { unlistedAccounts } from './accounts.ts';
import { getItems } from './batch-get.ts';
import { type Entry, type EntryResult, writeGroups } from './entries.ts';
import { sharesFromItem, termsFromItem } from './grants.ts';
import { type Item, integer, integers, optionalText, text, toItem } from './items.ts';
import { noteLateDays } from './late-days.ts';
import type { LedgerStore, LedgerTable, Posting } from './posting.ts';
import { retryTransient } from './retry.ts';
import { dayPartition, momentKey, transferKey } from './tables.ts';

/**
 * Posts a transfer exactly once, in one round trip for a first write, a replay and a refusal alike: the conditions of
 * one write decide, and the items that failed them say why. Only what counts more than a week ago takes one put more.
 * @throws StoreUnavailableError when conflicts or faults last until the deadline.
 */
export async function postTransfer(store: LedgerStore, posting: Posting): Promise<TransferResult> {
  const [[result] = []] = await postTransfers(store, [[posting]]);
  if (result?.kind === 'unavailable') throw result.error;
  if (result === undefined || result.kind === 'group-failed') throw new Error('A group of one fails by its own.');
  return result;
}

/**
 * Posts groups of transfers, all or none of each group, in as few transactions as the table allows.
 * @param groups of at most GROUP_ENTRIES_MAX postings, no two of a group under one id.
 * @returns the results of each group, in order.
 */
export async function postTransfers(
  store: LedgerStore,
  groups: readonly (readonly Posting[])[],
): Promise<EntryResult<TransferResult>[][]> {
  try {
    await noteLateDays(
      store,
      groups.flat().map(({ transfer }) => transfer),
    );
  } catch (error) {
    return groups.map((postings) => postings.map(() => ({ kind: 'unavailable', error })));
  }
  return writeGroups(
    store,
    groups.map((postings) => postings.map((posting) => transferEntry(store, posting))),
  );
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

/**
 * The same for many at once.
 * @returns the answers in the order of what is asked.
 */
export async function replaysOf(
  store: LedgerTable,
  asked: readonly { readonly id: string; readonly claims: TransferClaims }[],
): Promise<(TransferResult | undefined)[]> {
  const posted = await getItems(store, [...new Set(asked.map(({ id }) => transferKey(id)))]);
  return asked.map(({ id, claims }) => {
    const item = posted.get(transferKey(id));
    return item && answerFromPosted(transferFromItem(item), claims);
  });
}

function transferEntry(store: LedgerStore, posting: Posting): Entry<TransferResult> {
  const { transfer, claims, guard, puts } = posting;
  return {
    item: transferItem(posting),
    pk: transferKey(transfer.id),
    created: { kind: 'created', transfer },
    burning: (burned) => {
      const burnt = { ...transfer, burned };
      return { item: transferItem({ ...posting, transfer: burnt }), created: { kind: 'created', transfer: burnt } };
    },
    existing: (item) => answerFromPosted(transferFromItem(item), claims),
    guards: guard === undefined ? [] : [guard],
    movements: movementsOf(posting),
    listings: unlistedAccounts(store, posting),
    ...(puts !== undefined && { puts }),
  };
}

/** What a transfer does to the strict balances that it moves; the debit side comes first. */
function movementsOf({ transfer, debitEntry, creditEntry, frees = 0n, effects = {} }: Posting): Movement[] {
  const { asset, amount } = transfer;
  const common = { asset, day: dayOf(transfer.effectiveAt), at: transfer.recordedAt };
  const { debit, credit } = effects;
  const movements: Movement[] = [];
  if (debitEntry.balance === 'strict') {
    const moves = { account: transfer.debit, debits: amount, credits: 0n, held: -frees };
    movements.push({ ...common, ...moves, ...(debit !== undefined && { grants: debit }) });
  }
  if (creditEntry.balance === 'strict') {
    const moves = { account: transfer.credit, debits: 0n, credits: amount, held: 0n };
    movements.push({ ...common, ...moves, ...(credit !== undefined && { grants: credit }) });
  }
  return movements;
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
  const place = (account: string, entry: ChartEntry) => dayPartition(account, day, entry, key);
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
    hold: optionalText(item, 'hold'),
    grant: item.grant?.M && termsFromItem(item.grant.M),
    burned: item.burned && sharesFromItem(item, 'burned'),
    restored: item.restored && sharesFromItem(item, 'restored'),
    key: optionalText(item, 'key'),
    repair: optionalText(item, 'repair'),
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
