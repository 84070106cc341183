import {
  type CancellationReason,
  ConditionalCheckFailedException,
  PutItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Account } from '../domain/accounts.ts';
import { type KnownAccounts, type Movement, mergeMovements, tryMovements } from '../domain/movements.ts';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import type { Refusal } from '../domain/transfers.ts';
import { accountFromItem, listingUpdate, rememberListed } from './accounts.ts';
import type { Item } from './items.ts';
import { balanceUpdate } from './movements.ts';
import type { Guard, LedgerStore } from './posting.ts';
import { retryTransient, StoreUnavailableError } from './retry.ts';
import { accountKey } from './tables.ts';

/**
 * The one way into the ledger's table. What is written is an entry: a record under a key of its own that is there once,
 * and all that must hold and move with it. Entries of a group are written all or none; groups stand for themselves, but
 * go into the same transactions, in which the updates of one account are one.
 */
export interface Entry<Result> {
  /** Put if nothing has its key; whatever has it says whether this is a replay or a conflict. */
  readonly item: Item;
  readonly pk: string;
  readonly created: Result;
  readonly existing: (item: Item) => Result;
  readonly guards: readonly Guard[];
  readonly movements: readonly Movement[];
  /** Accounts that exist from their first transfer on. */
  readonly listings: readonly Account[];
}

export type Group<Result> = readonly Entry<Result>[];

export type EntryResult<Result> =
  | Result
  | Refusal
  /** Another entry of its group was not written, so neither was this one. */
  | { readonly kind: 'group-failed' }
  /** The table could not be reached in time: nothing is known to have been written. */
  | { readonly kind: 'unavailable'; readonly error: StoreUnavailableError };

/** Actions of one transaction (AWS limit). */
const ACTIONS_MAX = 100;
/** Entries of a group: each may have a record, a guard and two accounts, and all must fit one transaction. */
export const GROUP_ENTRIES_MAX = 25;
/** Records written at once where each is a single put. */
const PUTS_AT_ONCE = 16;
/** Milliseconds after which no further transaction of a call is begun: a batch must be answered within a function's time. */
const ROUNDS_DEADLINE_MS = 6_000;

/**
 * Writes groups of entries, each entry exactly once and in as few transactions as the table allows. No account is read
 * before: the conditions of the writes decide, and the items that failed them say why. What is decided by them leaves the
 * transaction, and the others go again. A refusal is always told by an account as it stood in the table.
 * @returns the results of each group, in order.
 */
export async function writeGroups<Result>(
  store: LedgerStore,
  groups: readonly Group<Result>[],
): Promise<EntryResult<Result>[][]> {
  const results = new Map<Group<Result>, EntryResult<Result>[]>();
  const lone = groups.filter((group) => isLone(group));
  const puts = inOrder(lone, PUTS_AT_ONCE, async (group) => ({ group, result: await putAlone(store, group) }));
  for await (const { group, result } of puts) results.set(group, [result]);

  const deadline = store.clock.now() + ROUNDS_DEADLINE_MS;
  let waiting = groups.filter((group) => !results.has(group));
  /** Groups that the accounts cannot bear together with others; they go when those are written. */
  let apart = new Set<Group<Result>>();
  while (waiting.length > 0) {
    const ready = waiting.filter((group) => !apart.has(group));
    const round = await writeRound(store, nextRound(ready.length > 0 ? ready : waiting));
    for (const [group, decided] of round.decided) results.set(group, decided);
    apart = round.written ? new Set() : apart.union(round.apart);
    waiting = waiting.filter((group) => !results.has(group));
    if (waiting.length > 0 && (round.unavailable !== undefined || store.clock.now() >= deadline)) {
      const error = round.unavailable ?? new StoreUnavailableError('Not all entries were written in time.');
      for (const group of waiting)
        results.set(
          group,
          group.map(() => ({ kind: 'unavailable', error })),
        );
      waiting = [];
    }
  }
  return groups.map((group) => results.get(group) ?? []);
}

/** A record and nothing else: one conditional put is the whole write, and half the price of a transaction. */
function isLone<Result>(group: Group<Result>): boolean {
  const [entry] = group;
  if (entry === undefined || group.length > 1) return entry === undefined;
  return entry.guards.length + entry.movements.length + entry.listings.length === 0;
}

async function putAlone<Result>(store: LedgerStore, [entry]: Group<Result>): Promise<EntryResult<Result>> {
  if (entry === undefined) throw new TypeError('A group has at least one entry.');
  try {
    await retryTransient(() => store.client.send(new PutItemCommand(putOf(store, entry))), store.clock);
    return entry.created;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException && error.Item !== undefined) return entry.existing(error.Item);
    if (error instanceof StoreUnavailableError) return { kind: 'unavailable', error };
    throw error;
  }
}

function putOf<Result>(store: LedgerStore, entry: Entry<Result>) {
  return {
    TableName: store.ledgerTable,
    Item: entry.item,
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  } as const;
}

/** The first groups that fit one transaction. A group that writes an item of another waits for the next. */
function nextRound<Result>(waiting: readonly Group<Result>[]): Group<Result>[] {
  const round: Group<Result>[] = [];
  const own = new Set<string>();
  const shared = new Set<string>();
  for (const group of waiting) {
    const mine = group.flatMap(({ pk, guards }) => [pk, ...guards.map((guard) => guard.pk)]);
    const touched = group.flatMap(({ movements, listings }) => [
      ...movements.map(({ account }) => account),
      ...listings.map(({ id }) => id),
    ]);
    if (mine.some((key) => own.has(key))) continue;
    const news = new Set(touched.filter((account) => !shared.has(account)));
    if (round.length > 0 && own.size + shared.size + mine.length + news.size > ACTIONS_MAX) break;
    for (const key of mine) own.add(key);
    for (const account of news) shared.add(account);
    round.push(group);
  }
  return round;
}

interface Round<Result> {
  /** All groups of the round are in the table. */
  readonly written: boolean;
  readonly decided: ReadonlyMap<Group<Result>, EntryResult<Result>[]>;
  readonly apart: ReadonlySet<Group<Result>>;
  readonly unavailable?: StoreUnavailableError;
}

async function writeRound<Result>(store: LedgerStore, groups: readonly Group<Result>[]): Promise<Round<Result>> {
  const actions = actionsOf(store, groups);
  const command = new TransactWriteItemsCommand({
    // Minted once, outside the retry: an attempt whose answer was lost is then answered as the success it was.
    ClientRequestToken: store.newId(),
    TransactItems: actions.map(({ write }) => write),
  });
  const nothing = new Map<Group<Result>, EntryResult<Result>[]>();
  try {
    return await retryTransient(async () => {
      try {
        await store.client.send(command);
      } catch (error) {
        const round = error instanceof TransactionCanceledException ? readReasons(error, groups, actions) : undefined;
        if (round === undefined) throw error;
        return round;
      }
      rememberListed(
        store,
        groups.flat().flatMap((entry) => entry.listings),
      );
      const decided = new Map(groups.map((group) => [group, group.map((entry) => entry.created)]));
      return { written: true, decided, apart: new Set() };
    }, store.clock);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { written: false, decided: nothing, apart: new Set(), unavailable: error };
  }
}

/** A write of a transaction, and what it is part of. */
interface Action<Result> {
  readonly write: TransactWriteItem;
  readonly record?: Entry<Result>;
  readonly guard?: { readonly of: Entry<Result>; readonly refusalOf: Guard['refusalOf'] };
  readonly account?: string;
}

function actionsOf<Result>(store: LedgerStore, groups: readonly Group<Result>[]): Action<Result>[] {
  const entries = groups.flat();
  const movements = Map.groupBy(
    entries.flatMap((entry) => entry.movements),
    ({ account }) => account,
  );
  const listings = Map.groupBy(
    entries.flatMap((entry) => entry.listings),
    ({ id }) => id,
  );
  return [
    ...entries.map((entry) => ({ write: { Put: putOf(store, entry) }, record: entry })),
    ...entries.flatMap((entry) =>
      entry.guards.map(({ write, refusalOf }) => ({ write, guard: { of: entry, refusalOf } })),
    ),
    ...[...movements].map(([account, moves]) => ({
      write: balanceUpdate(store.ledgerTable, accountKey(account), mergeMovements(moves)),
      account,
    })),
    ...[...listings.values()].map((accounts) => ({ write: listingUpdate(store.ledgerTable, accounts) })),
  ];
}

/**
 * Reads from a cancelled transaction what is decided: groups of which something exists already, before those with a
 * failed guard, before those that an account refuses. Undefined when nothing is, because items were in other
 * transactions at that moment.
 */
function readReasons<Result>(
  { CancellationReasons: reasons = [] }: TransactionCanceledException,
  groups: readonly Group<Result>[],
  actions: readonly Action<Result>[],
): Round<Result> | undefined {
  const failures = actions.map((action, index) => ({ ...action, reason: reasons[index] ?? {} }));
  const isNew = new Set(failures.flatMap(({ record, reason }) => (record && reason.Code === 'None' ? [record] : [])));
  const existing = new Map<Entry<Result>, Result>();
  const refused = new Map<Entry<Result>, Refusal | 'not-final'>();
  const accounts = new Map<string, Account | undefined>();
  for (const { record, guard, account, reason } of failures) {
    if (reason.Code === 'None') continue;
    const failed = reason.Code === 'ConditionalCheckFailed';
    if (record !== undefined && failed && reason.Item !== undefined) existing.set(record, record.existing(reason.Item));
    if (guard !== undefined) refused.set(guard.of, guardRefusal(reason, guard.refusalOf) ?? 'not-final');
    if (account !== undefined && failed) {
      accounts.set(account, reason.Item === undefined ? undefined : accountFromItem(reason.Item));
    }
  }

  const decided = new Map<Group<Result>, EntryResult<Result>[]>();
  for (const group of groups) {
    const results = resultsOf(group, { existing, isNew, refused, accounts });
    if (results !== undefined) decided.set(group, results);
  }
  const apart = togetherTooMuch(
    groups.filter((group) => !decided.has(group)),
    accounts,
  );
  return decided.size + apart.size === 0 ? undefined : { written: false, decided, apart };
}

function guardRefusal(reason: CancellationReason, refusalOf: Guard['refusalOf']): Refusal | undefined {
  if (reason.Code !== 'ConditionalCheckFailed' || reason.Item === undefined) return undefined;
  return refusalOf(reason.Item);
}

/** What a cancelled transaction says of a group; undefined when the group may go again as it is. */
function resultsOf<Result>(
  group: Group<Result>,
  known: {
    readonly existing: ReadonlyMap<Entry<Result>, Result>;
    readonly isNew: ReadonlySet<Entry<Result>>;
    readonly refused: ReadonlyMap<Entry<Result>, Refusal | 'not-final'>;
    readonly accounts: KnownAccounts;
  },
): EntryResult<Result>[] | undefined {
  const failed: EntryResult<Result> = { kind: 'group-failed' };
  if (group.some((entry) => known.existing.has(entry))) {
    return group.map((entry) => known.existing.get(entry) ?? failed);
  }
  if (!group.every((entry) => known.isNew.has(entry))) return undefined;
  const { refusals } = tryMovements(
    known.accounts,
    group.map((entry) => entry.movements),
  );
  const told = group.map((entry, index) => known.refused.get(entry) ?? refusals[index]);
  if (told.includes('not-final') || told.every((refusal) => refusal === undefined)) return undefined;
  return told.map((refusal) => (refusal === undefined || refusal === 'not-final' ? failed : refusal));
}

/** Groups that each could be written, but not after those before them. */
function togetherTooMuch<Result>(groups: readonly Group<Result>[], accounts: KnownAccounts): Set<Group<Result>> {
  const apart = new Set<Group<Result>>();
  let known = accounts;
  for (const group of groups) {
    const { refusals, after } = tryMovements(
      known,
      group.map((entry) => entry.movements),
    );
    if (refusals.every((refusal) => refusal === undefined)) known = after;
    else apart.add(group);
  }
  return apart;
}
