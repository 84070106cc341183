import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Account } from '../domain/accounts.ts';
import type { GrantShare } from '../domain/grants.ts';
import type { Movement } from '../domain/movements.ts';
import { inOrder } from '../domain/reconciliation/in-order.ts';
import type { Refusal } from '../domain/transfers.ts';
import { type KnownGrants, knownGrantsOf } from './grants.ts';
import type { Item } from './items.ts';
import type { Guard, LedgerStore } from './posting.ts';
import { answerAll, readExisting, readOrFault } from './reasons.ts';
import { retryTransient, StoreUnavailableError, WRITE_DEADLINE_MS } from './retry.ts';
import { fitting, ownKeys, putOf, transact } from './rounds.ts';

/**
 * The one way into the ledger's table. What is written is an entry: a record under a key of its own that is there once,
 * and all that must hold and move with it. Entries of a group are written all or none; groups stand for themselves, but
 * go into the same transactions, in which the updates of one account are one.
 */
export interface Entry<Result> {
  /** Put if nothing has its key; whatever has it says whether this is a replay or a conflict. It never changes. */
  readonly item: Item;
  readonly pk: string;
  readonly created: Result;
  /** The record and its result when its movements burn grants, which is known when the write is planned. */
  readonly burning?: (burned: readonly GrantShare[]) => Pick<Entry<Result>, 'item' | 'created'>;
  readonly existing: (item: Item) => Result;
  readonly guards: readonly Guard[];
  readonly movements: readonly Movement[];
  /** Accounts that exist from their first transfer on. */
  readonly listings: readonly Account[];
  /** Further items that are put with it, whatever has their keys. Entries that put the same key put the same item. */
  readonly puts?: readonly Item[];
}

export type Group<Result> = readonly Entry<Result>[];

export type EntryResult<Result> =
  | Result
  | Refusal
  /** Another entry of its group was not written, so neither was this one. */
  | { readonly kind: 'group-failed' }
  /**
   * Nothing is known to have been written: the table could not be reached in time (StoreUnavailableError), or a fault
   * stands in the way that no repetition mends, such as an item that cannot be read.
   */
  | { readonly kind: 'unavailable'; readonly error: unknown };

/** What a round of writes came to. */
export interface Round<Result> {
  /** All groups of the round are in the table. */
  readonly isWritten: boolean;
  readonly decided: ReadonlyMap<Group<Result>, readonly EntryResult<Result>[]>;
  /** Records that the round met or put, by key. */
  readonly records: ReadonlyMap<string, Item>;
  /** Groups that the accounts cannot bear together with the others of the round. */
  readonly apart: ReadonlySet<Group<Result>>;
  /** Why whatever is not decided can wait no longer. */
  readonly unavailable?: StoreUnavailableError;
}

/** Entries of a group: each may have a record, a guard and two accounts, and all must fit one transaction. */
export const GROUP_ENTRIES_MAX = 25;
/** Records written at once where each is a single put. */
const PUTS_AT_ONCE = 16;
/**
 * Milliseconds after which no attempt at a write of a call is begun: a batch must be answered within a function's time,
 * for every element, however slow the table is.
 */
const GROUPS_DEADLINE_MS = 6_000;

/**
 * Writes groups of entries, each entry exactly once and in as few transactions as the table allows. No account is read
 * before: the conditions of the writes decide, and the items that failed them say why. What is decided by them leaves the
 * transaction, and the others go again. A refusal is always told by an account as it stood in the table. Groups that
 * have a record in common are written in the given order, so that the later one meets what the earlier one left.
 * @returns the results of each group, in order; a group that meets a fault fails none of the others.
 */
export async function writeGroups<Result>(
  store: LedgerStore,
  groups: readonly Group<Result>[],
): Promise<EntryResult<Result>[][]> {
  const results = new Map<Group<Result>, readonly EntryResult<Result>[]>();
  const records = new Map<string, Item>();
  const grants = knownGrantsOf(store);
  const deadline = store.clock.now() + GROUPS_DEADLINE_MS;
  let waiting = groups.filter((group) => group.length > 0);
  let apart: ReadonlySet<Group<Result>> = new Set();
  for (let leftMs = GROUPS_DEADLINE_MS; waiting.length > 0; leftMs = deadline - store.clock.now()) {
    const round = nextRound(waiting, apart);
    const outcome = leftMs > 0 ? await write(store, round, grants, leftMs) : outOfTime<Result>();
    for (const [group, decided] of outcome.decided) results.set(group, decided);
    for (const [pk, item] of outcome.records) records.set(pk, item);
    if (outcome.unavailable !== undefined) {
      const told = { kind: 'unavailable', error: outcome.unavailable } as const;
      for (const group of waiting) if (!results.has(group)) results.set(group, answerAll(group, told));
    }
    // Whatever was put aside was so for the sake of others, and they are written, or decided and gone.
    const isNewStart = outcome.isWritten || round.every((group) => apart.has(group));
    apart = isNewStart ? outcome.apart : apart.union(outcome.apart);
    waiting = waiting.filter((group) => !results.has(group));
    for (const group of waiting) {
      const remembered = recall(group, records);
      if (remembered !== undefined) results.set(group, remembered);
    }
    waiting = waiting.filter((group) => !results.has(group));
  }
  return groups.map((group) => [...(results.get(group) ?? [])]);
}

/** The answers to a group whose records are all known to be in the table, which need not be asked once more. */
function recall<Result>(group: Group<Result>, records: ReadonlyMap<string, Item>): EntryResult<Result>[] | undefined {
  const items = group.map(({ pk }) => records.get(pk));
  return items.includes(undefined) ? undefined : readExisting(group, items);
}

/**
 * The groups to write next. Of those that wait for no other: records that are a single put each, else as many groups as
 * fit one transaction.
 */
function nextRound<Result>(waiting: readonly Group<Result>[], apart: ReadonlySet<Group<Result>>): Group<Result>[] {
  const first = firstOfTheirRecords(waiting);
  const lone = first.filter(isLone);
  if (lone.length > 0) return lone;
  const ready = first.filter((group) => !apart.has(group));
  return fitting(ready.length > 0 ? ready : first);
}

/** Groups that write no item of a group before them: no two writes of a transaction may have one item (AWS rule). */
function firstOfTheirRecords<Result>(waiting: readonly Group<Result>[]): Group<Result>[] {
  const taken = new Set<string>();
  return waiting.filter((group) => {
    const own = ownKeys(group);
    const isFirst = !own.some((key) => taken.has(key));
    for (const key of own) taken.add(key);
    return isFirst;
  });
}

/** A record and nothing else: one conditional put is the whole write, and half the price of a transaction. */
function isLone<Result>(group: Group<Result>): boolean {
  const [entry] = group;
  if (entry === undefined || group.length > 1) return false;
  const { guards, movements, listings, puts = [] } = entry;
  return guards.length + movements.length + listings.length + puts.length === 0;
}

function write<Result>(store: LedgerStore, round: readonly Group<Result>[], grants: KnownGrants, leftMs: number) {
  const [first] = round;
  return first !== undefined && isLone(first) ? putEach(store, round, leftMs) : transact(store, round, grants, leftMs);
}

function outOfTime<Result>(): Round<Result> {
  const unavailable = new StoreUnavailableError('Not all entries were written in time.');
  return { isWritten: false, decided: new Map(), records: new Map(), apart: new Set(), unavailable };
}

/** Puts records that stand for themselves, several at a time. */
async function putEach<Result>(
  store: LedgerStore,
  groups: readonly Group<Result>[],
  leftMs: number,
): Promise<Round<Result>> {
  const decided = new Map<Group<Result>, readonly EntryResult<Result>[]>();
  const records = new Map<string, Item>();
  const deadline = groups.length > PUTS_AT_ONCE ? store.clock.now() + leftMs : undefined;
  const puts = inOrder(groups, PUTS_AT_ONCE, async (group) => {
    const left = deadline === undefined ? leftMs : deadline - store.clock.now();
    return { group, put: await putAlone(store, group, left) };
  });
  for await (const { group, put } of puts) {
    decided.set(group, [put.result]);
    if (put.item !== undefined) for (const { pk } of group) records.set(pk, put.item);
  }
  return { isWritten: true, decided, records, apart: new Set() };
}

async function putAlone<Result>(
  store: LedgerStore,
  [entry]: Group<Result>,
  leftMs: number,
): Promise<{ readonly result: EntryResult<Result>; readonly item?: Item }> {
  if (entry === undefined) throw new TypeError('A group has at least one entry.');
  const command = new PutItemCommand(putOf(store, entry));
  let attempts = 0;
  const attempt = () => {
    attempts += 1;
    return store.client.send(command);
  };
  try {
    if (leftMs <= 0) throw new StoreUnavailableError('Not all entries were written in time.');
    await retryTransient(attempt, store.clock, Math.min(leftMs, WRITE_DEADLINE_MS));
    return { result: entry.created, item: entry.item };
  } catch (error) {
    const item = error instanceof ConditionalCheckFailedException ? error.Item : undefined;
    if (item === undefined) return { result: { kind: 'unavailable', error } };
    // A single put has no token. What an attempt before this one has written, and its answer was lost, is this very item.
    if (attempts > 1 && isDeepStrictEqual(item, entry.item)) return { result: entry.created, item };
    return { result: readOrFault(() => entry.existing(item)), item };
  }
}
