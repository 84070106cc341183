import type { CancellationReason, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { Account } from '../domain/accounts.ts';
import { NO_GRANTS } from '../domain/grants.ts';
import { type KnownAccounts, tryMovements } from '../domain/movements.ts';
import type { Refusal } from '../domain/transfers.ts';
import { accountFromItem } from './accounts.ts';
import type { Entry, EntryResult, Group, Round } from './entries.ts';
import { isOutdated, type KnownGrants, rememberGrants } from './grants.ts';
import type { Item } from './items.ts';
import type { Action } from './rounds.ts';

/**
 * Reads from a cancelled transaction what is decided: groups of which something exists already, before those with a
 * failed guard, before those that an account refuses. Undefined when nothing is, because items were in other
 * transactions at that moment.
 */
export function readReasons<Result>(
  { CancellationReasons: reasons = [] }: TransactionCanceledException,
  groups: readonly Group<Result>[],
  actions: readonly Action<Result>[],
  grants: KnownGrants,
): Round<Result> | undefined {
  const failures = actions.map((action, index) => ({ ...action, reason: reasons[index] ?? {} }));
  const met = meet<Result>(failures, grants);
  const decided = new Map<Group<Result>, readonly EntryResult<Result>[]>();
  const apart = new Set<Group<Result>>();
  /** The accounts after those before that can be written. */
  let before = met.accounts;
  for (const group of groups) {
    const verdict = judge(group, met, before);
    if (verdict.kind === 'decided') decided.set(group, verdict.results);
    else if (verdict.kind === 'apart') apart.add(group);
    else before = verdict.after;
  }
  // What was planned from old knowledge of grants is not refused, and goes again with what is known now.
  if (decided.size + apart.size === 0 && !met.isNews) return undefined;
  return { isWritten: false, decided, records: new Map([...met.existing].map(([{ pk }, item]) => [pk, item])), apart };
}

export function answerAll<Result>(group: Group<Result>, answer: EntryResult<Result>): EntryResult<Result>[] {
  return group.map(() => answer);
}

/** The answers to a group of which these items are in the table already; undefined for an entry that is not there. */
export function readExisting<Result>(group: Group<Result>, items: readonly (Item | undefined)[]) {
  return group.map((entry, index): EntryResult<Result> => {
    const item = items[index];
    return item === undefined ? { kind: 'group-failed' } : readOrFault(() => entry.existing(item));
  });
}

/** An item that cannot be read is a fault of those who meet it, and not of what is written beside them. */
export function readOrFault<T>(read: () => T): T | Faulty {
  try {
    return read();
  } catch (error) {
    return { kind: 'unavailable', error };
  }
}

type Faulty = Extract<EntryResult<never>, { kind: 'unavailable' }>;

/** Codes of writes that were looked at; any other is that of a write which met something else on its way. */
const LOOKED_AT: ReadonlySet<string> = new Set(['None', 'ConditionalCheckFailed']);

/** What the items that failed a transaction say. */
interface Met<Result> {
  readonly existing: ReadonlyMap<Entry<Result>, Item>;
  readonly refused: ReadonlyMap<Entry<Result>, Refusal | 'not-final' | Faulty>;
  readonly accounts: KnownAccounts;
  /** Accounts whose items cannot be read. */
  readonly unreadable: ReadonlyMap<string, Faulty>;
  /** Every write was looked at. Where one was not, "None" of another may also say that nobody came to it. */
  readonly isComplete: boolean;
  /** An account has other grants than were known. */
  readonly isNews: boolean;
}

function meet<Result>(
  failures: readonly (Action<Result> & { readonly reason: CancellationReason })[],
  grants: KnownGrants,
): Met<Result> {
  const existing = new Map<Entry<Result>, Item>();
  const refused = new Map<Entry<Result>, Refusal | 'not-final' | Faulty>();
  const accounts = new Map<string, Account | undefined>();
  const unreadable = new Map<string, Faulty>();
  let isNews = false;
  for (const { record, guard, balance, reason } of failures) {
    if (reason.Code !== 'ConditionalCheckFailed') continue;
    const { Item: item } = reason;
    if (record !== undefined && item !== undefined) existing.set(record, item);
    if (guard !== undefined) {
      refused.set(
        guard.of,
        readOrFault(() => (item && guard.refusalOf(item)) ?? ('not-final' as const)),
      );
    }
    if (balance === undefined) continue;
    const account = readOrFault(() => item && accountFromItem(item));
    if (account !== undefined && 'kind' in account) {
      unreadable.set(balance.account, account);
      continue;
    }
    accounts.set(balance.account, account);
    if (account === undefined || balance.plan === undefined || !isOutdated(balance.plan, account)) continue;
    rememberGrants(grants, balance.account, account.grants ?? NO_GRANTS);
    isNews = true;
  }
  const isComplete = failures.every(({ reason }) => LOOKED_AT.has(reason.Code ?? ''));
  return { existing, refused, accounts, unreadable, isComplete, isNews };
}

type Verdict<Result> =
  | { readonly kind: 'decided'; readonly results: EntryResult<Result>[] }
  /** It could be written, but not after those before it. */
  | { readonly kind: 'apart' }
  | { readonly kind: 'again'; readonly after: KnownAccounts };

/** What a cancelled transaction says of a group. */
function judge<Result>(group: Group<Result>, met: Met<Result>, before: KnownAccounts): Verdict<Result> {
  const items = group.map((entry) => met.existing.get(entry));
  const isThere = items.some((item) => item !== undefined);
  // Which others of the group exist is only known when all were looked at.
  if (isThere && (met.isComplete || group.length === 1)) {
    return { kind: 'decided', results: readExisting(group, items) };
  }
  if (!met.isComplete) return { kind: 'again', after: before };
  const movements = group.map((entry) => entry.movements);
  const unreadable = movements.flat().flatMap(({ account }) => met.unreadable.get(account) ?? []);
  // Refusals are told by the accounts as they stand; those before that give may still be refused by others.
  const stands = unreadable[0] ?? readOrFault(() => tryMovements(met.accounts, movements));
  if ('kind' in stands) return { kind: 'decided', results: answerAll(group, stands) };
  const guarded = group.map((entry) => met.refused.get(entry));
  const behind = tryMovements(before, movements);
  const isBorne = behind.refusals.every((refusal) => refusal === undefined);
  if (guarded.includes('not-final') || (isBorne && guarded.every((refusal) => refusal === undefined))) {
    return { kind: 'again', after: isBorne ? behind.after : before };
  }
  const refusals = group.map((_, index) => guarded[index] ?? stands.refusals[index]);
  const first = refusals.findIndex((refusal) => refusal !== undefined);
  if (first < 0) return { kind: 'apart' };
  // What would have become of those after it, nobody can say: they were to stand on it. Nor is it known of those before
  // it whether they would be refused too, where other groups of the transaction gave to their accounts.
  return {
    kind: 'decided',
    results: refusals.map((refusal, index) =>
      index !== first || refusal === undefined || refusal === 'not-final' ? { kind: 'group-failed' } : refusal,
    ),
  };
}
