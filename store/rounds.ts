import {
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { GrantShare } from '../domain/grants.ts';
import { type MergedMovement, mergeMovements } from '../domain/movements.ts';
import { listingUpdate, rememberListed } from './accounts.ts';
import type { Entry, Group, Round } from './entries.ts';
import { type KnownGrants, rememberGrants } from './grants.ts';
import { type Item, text } from './items.ts';
import { balanceUpdate } from './movements.ts';
import type { Guard, LedgerStore } from './posting.ts';
import { answerAll, readReasons } from './reasons.ts';
import { retryTransient, StoreUnavailableError, WRITE_DEADLINE_MS } from './retry.ts';
import { accountKey } from './tables.ts';

/** Actions of one transaction (AWS limit). */
const ACTIONS_MAX = 100;

/** The first of these groups that fit one transaction together. */
export function fitting<Result>(groups: readonly Group<Result>[]): Group<Result>[] {
  const round: Group<Result>[] = [];
  const shared = new Set<string>();
  let own = 0;
  for (const group of groups) {
    const touched = group.flatMap(({ movements, listings, puts = [] }) => [
      ...movements.map(({ account }) => account),
      ...listings.map(({ id }) => id),
      ...puts.map((item) => text(item, 'pk')),
    ]);
    const mine = ownKeys(group).length;
    const news = new Set(touched.filter((key) => !shared.has(key)));
    if (round.length > 0 && own + shared.size + mine + news.size > ACTIONS_MAX) break;
    own += mine;
    for (const key of news) shared.add(key);
    round.push(group);
  }
  return round;
}

/** The items that a group writes and no other group of its transaction may. */
export function ownKeys<Result>(group: Group<Result>): string[] {
  return group.flatMap(({ pk, guards }) => [pk, ...guards.map((guard) => guard.pk)]);
}

export function putOf(store: LedgerStore, { item }: { readonly item: Item }) {
  return {
    TableName: store.ledgerTable,
    Item: item,
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  } as const;
}

/** Writes groups in one transaction, or says what of them is decided. */
export async function transact<Result>(
  store: LedgerStore,
  groups: readonly Group<Result>[],
  grants: KnownGrants,
  leftMs: number,
): Promise<Round<Result>> {
  const plan = planRound(groups, grants);
  const actions = actionsOf(store, groups, plan);
  const command = new TransactWriteItemsCommand({
    // Minted once, outside the retry: an attempt whose answer was lost is then answered as the success it was.
    ClientRequestToken: store.newId(),
    TransactItems: actions.map(({ write }) => write),
  });
  const attempt = async (): Promise<Round<Result>> => {
    try {
      await store.client.send(command);
    } catch (error) {
      const round =
        error instanceof TransactionCanceledException ? readReasons(error, groups, actions, grants) : undefined;
      if (round === undefined) throw error;
      return round;
    }
    return allWritten(store, groups, plan, grants);
  };
  try {
    return await retryTransient(attempt, store.clock, Math.min(leftMs, WRITE_DEADLINE_MS));
  } catch (error) {
    const nothing: Round<Result> = { isWritten: false, decided: new Map(), records: new Map(), apart: new Set() };
    if (error instanceof StoreUnavailableError) return { ...nothing, unavailable: error };
    const faulty = new Map(groups.map((group) => [group, answerAll(group, { kind: 'unavailable', error })]));
    return { ...nothing, decided: faulty };
  }
}

interface RoundPlan<Result> {
  /** The movements of each account as one. */
  readonly balances: readonly MergedMovement[];
  /** The record of an entry, which says what it burns of grants as far as these are known. */
  readonly recordOf: (entry: Entry<Result>) => Pick<Entry<Result>, 'item' | 'created'>;
}

function planRound<Result>(groups: readonly Group<Result>[], grants: KnownGrants): RoundPlan<Result> {
  const entries = groups.flat();
  const moves = entries.flatMap((entry) => entry.movements.map((movement) => ({ entry, movement })));
  const burnedBy = new Map<Entry<Result>, readonly GrantShare[]>();
  const balances = [...Map.groupBy(moves, ({ movement }) => movement.account)].map(([account, own]) => {
    const merged = mergeMovements(
      own.map(({ movement }) => movement),
      grants.get(account),
    );
    for (const [index, { entry }] of own.entries()) {
      const shares = merged.plan?.burned[index] ?? [];
      if (shares.length > 0) burnedBy.set(entry, shares);
    }
    return merged;
  });
  const records = new Map([...burnedBy].map(([entry, shares]) => [entry, entry.burning?.(shares) ?? entry]));
  return { balances, recordOf: (entry) => records.get(entry) ?? entry };
}

/** A write of a transaction, and what it is part of. */
export interface Action<Result> {
  readonly write: TransactWriteItem;
  readonly record?: Entry<Result>;
  readonly guard?: { readonly of: Entry<Result>; readonly refusalOf: Guard['refusalOf'] };
  readonly balance?: MergedMovement;
}

function actionsOf<Result>(
  store: LedgerStore,
  groups: readonly Group<Result>[],
  { balances, recordOf }: RoundPlan<Result>,
): Action<Result>[] {
  const entries = groups.flat();
  const listings = Map.groupBy(
    entries.flatMap((entry) => entry.listings),
    ({ id }) => id,
  );
  const puts = new Map(entries.flatMap((entry) => entry.puts ?? []).map((item) => [text(item, 'pk'), item]));
  return [
    ...entries.map((entry) => ({ write: { Put: putOf(store, recordOf(entry)) }, record: entry })),
    ...entries.flatMap((entry) =>
      entry.guards.map(({ write, refusalOf }) => ({ write, guard: { of: entry, refusalOf } })),
    ),
    ...balances.map((balance) => ({
      write: balanceUpdate(store.ledgerTable, accountKey(balance.account), balance),
      balance,
    })),
    ...[...listings.values()].map((accounts) => ({ write: listingUpdate(store.ledgerTable, accounts) })),
    ...[...puts.values()].map((item) => ({ write: { Put: { TableName: store.ledgerTable, Item: item } } })),
  ];
}

function allWritten<Result>(
  store: LedgerStore,
  groups: readonly Group<Result>[],
  { balances, recordOf }: RoundPlan<Result>,
  grants: KnownGrants,
): Round<Result> {
  const entries = groups.flat();
  rememberListed(
    store,
    entries.flatMap((entry) => entry.listings),
  );
  for (const { account, plan } of balances) {
    if (plan !== undefined && plan.after.shape > 0n) rememberGrants(grants, account, plan.after);
  }
  return {
    isWritten: true,
    decided: new Map(groups.map((group) => [group, group.map((entry) => recordOf(entry).created)])),
    records: new Map(entries.map((entry) => [entry.pk, recordOf(entry).item])),
    apart: new Set(),
  };
}
