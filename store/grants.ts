import type { Account } from '../domain/accounts.ts';
import {
  type Grant,
  type GrantShare,
  type GrantState,
  type GrantTerms,
  inBurnOrder,
  isExpired,
  NO_GRANTS,
} from '../domain/grants.ts';
import type { MergedPlan } from '../domain/movements.ts';
import { addMilliseconds, dayOf, type Instant } from '../domain/time.ts';
import { type Item, integer, MalformedItemError, optionalText, text, toItem, type ValueMap } from './items.ts';
import type { LedgerStore } from './posting.ts';
import { expiryKey, expiryPartition, momentKey } from './tables.ts';

/**
 * What an account has left of its grants is a part of its item: `grants` by id, and `grantsShape`, a number that grows
 * with whatever is given. What is written of it is the difference between two states, under conditions by which it holds.
 */

/** Accounts whose grants one process remembers; when it has met more, it forgets them all and asks again. */
const KNOWN_MAX = 10_000;

/** What this process knows of accounts' grants. Nobody knows of an account that it has none: it is assumed, and checked. */
export type KnownGrants = Map<string, GrantState>;

/** Remembers what an account was seen to have; what was seen before a newer shape is passed over. */
export function rememberGrants(known: KnownGrants, account: string, state: GrantState): void {
  if ((known.get(account)?.shape ?? 0n) > state.shape) return;
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(account, state);
}

export function knownGrantsOf(store: LedgerStore): KnownGrants {
  return store.grants ?? new Map();
}

/** Whether a plan was made from something else than the account has. */
export function isOutdated({ before }: MergedPlan, { grants = NO_GRANTS }: Account): boolean {
  return JSON.stringify(comparable(before)) !== JSON.stringify(comparable(grants));
}

function comparable({ shape, grants }: GrantState) {
  return [shape.toString(), ...grants.map(({ id, remaining }) => [id, remaining.toString()])];
}

/** Undefined for an account that never had a grant. */
export function grantsFromItem(item: Item): GrantState | undefined {
  if (item.grantsShape === undefined) return undefined;
  const map = item.grants?.M;
  if (map === undefined) throw new MalformedItemError(`The item has no map in "grants": ${item.pk?.S}.`);
  const grants = Object.entries(map).map(
    ([id, { M: fields = {} }]): Grant => ({
      id,
      remaining: integer(fields, 'remaining'),
      ...termsFromItem(fields),
      at: text(fields, 'at'),
    }),
  );
  return { shape: integer(item, 'grantsShape'), grants: inBurnOrder(grants) };
}

/** The terms of a grant, in the transfer that it is and in the account alike. */
export function termsFromItem(fields: Item): GrantTerms {
  const expiresAt = optionalText(fields, 'expiresAt');
  return { priority: integer(fields, 'priority'), ...(expiresAt !== undefined && { expiresAt }) };
}

/** What a transfer says that it burned or restored. */
export function sharesFromItem(item: Item, name: 'burned' | 'restored'): GrantShare[] {
  const shares = item[name]?.L ?? [];
  return shares.map(({ M: share = {} }) => ({ grant: text(share, 'grant'), amount: integer(share, 'amount') }));
}

/** A grant that has to be looked at, in the partitions of what expires. */
export interface ListedGrant {
  readonly grant: string;
  readonly account: string;
}

/** Lists a grant with what expires at its time. It is put with the grant, and never changed. */
export function expiryItem(grant: string, account: string, expiresAt: Instant): Item {
  return listedAt({ grant, account }, expiresAt, expiryKey(grant));
}

/** Lists a grant to be looked at again, at a time after its expiry. */
export function lookAgainItem(listed: ListedGrant, at: Instant): Item {
  return listedAt(listed, at, `${expiryKey(listed.grant)}#${at}`);
}

/** Milliseconds until what was put back into an expired grant is looked at: by then it is written for certain. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Lists grants that have expired, or are about to, when something is put back: their own entries may be past. They are
 * listed at a full minute, so that what several reversals put back at once is mostly listed once.
 */
export function lookAgainItems(putBack: readonly Grant[], account: string, now: Instant): Item[] {
  const soon = addMilliseconds(now, LOOK_AGAIN_MS);
  const at = nextMultiple(addMilliseconds(soon, LOOK_AGAIN_MS - 1), LOOK_AGAIN_MS);
  return putBack.filter((grant) => isExpired(grant, soon)).map(({ id }) => lookAgainItem({ grant: id, account }, at));
}

/** The first moment after this one that is a multiple of so many milliseconds: a full minute, hour or day. */
export function nextMultiple(now: Instant, milliseconds: number): Instant {
  return new Date(Math.floor(Date.parse(now) / milliseconds + 1) * milliseconds).toISOString();
}

export function listedGrantFromItem(item: Item): ListedGrant {
  return { grant: text(item, 'grant'), account: text(item, 'account') };
}

/** `kind` tells it from other things that expire. */
function listedAt({ grant, account }: ListedGrant, at: Instant, pk: string): Item {
  const [creditDay, creditAt] = [expiryPartition(dayOf(at), grant), momentKey(at, grant)];
  return toItem({ pk, kind: 'grant', grant, account, creditDay, creditAt });
}

/** Parts of an update: what is set and removed, under which conditions, with which names and values. */
export interface UpdateParts {
  readonly set: readonly string[];
  readonly remove: readonly string[];
  readonly conditions: readonly string[];
  readonly names: Readonly<Record<string, string>>;
  readonly values: ValueMap;
}

/** The condition that what is known of an account's grants is of the shape that they have. */
export function shapeCondition({ shape }: GrantState): string {
  return shape === 0n ? 'attribute_not_exists(grantsShape)' : 'grantsShape = :shape';
}

export function shapeValues({ shape }: GrantState): ValueMap {
  return shape === 0n ? {} : { ':shape': shape };
}

/** No account has it. */
const NO_SHAPE = -1n;

/** What a plan changes in the item of the account. */
export function grantsUpdate(plan: MergedPlan): UpdateParts {
  const { before, after, isImpossible } = plan;
  // Fails for certain, and with it comes what the account has.
  if (isImpossible) return { ...NOTHING, conditions: ['grantsShape = :shape'], values: { ':shape': NO_SHAPE } };
  const asked = { ...NOTHING, conditions: [shapeCondition(before)], values: shapeValues(before) };
  const isGiven = after.shape !== before.shape;
  if (before.shape === 0n) {
    if (!isGiven) return asked;
    const grants = Object.fromEntries(after.grants.map((grant) => [grant.id, entryOf(grant)]));
    return {
      ...asked,
      set: ['grants = :grants', 'grantsShape = :next'],
      values: { ':grants': grants, ':next': after.shape },
    };
  }
  // What is burned beside something given was planned step by step, so each remainder must be just what was known.
  const isExact = isGiven && plan.burned.some((shares) => shares.length > 0);
  const left = new Map(after.grants.map((grant) => [grant.id, grant]));
  const had = new Set(before.grants.map(({ id }) => id));
  return merge([
    asked,
    ...(isGiven ? [{ ...NOTHING, set: ['grantsShape = :next'], values: { ':next': after.shape } }] : []),
    ...before.grants.map((grant, index) => changeOfGrant(index, grant, left.get(grant.id), isExact)),
    ...after.grants.filter(({ id }) => !had.has(id)).map(newGrant),
  ]);
}

const NOTHING: UpdateParts = { set: [], remove: [], conditions: [], names: {}, values: {} };

function changeOfGrant(index: number, before: Grant, after: Grant | undefined, isExact: boolean): UpdateParts {
  const path = `grants.#g${index}`;
  const value = `:g${index}`;
  const names = { [`#g${index}`]: before.id };
  const exactly = `${path}.remaining = ${value}was`;
  const was = { [`${value}was`]: before.remaining };
  if (after === undefined) return { set: [], remove: [path], conditions: [exactly], names, values: was };
  const change = after.remaining - before.remaining;
  if (change === 0n) return isExact ? { ...NOTHING, conditions: [exactly], names, values: was } : NOTHING;
  const [sign, amount] = change > 0n ? ['+', change] : ['-', -change];
  const enough = change > 0n ? `attribute_exists(${path})` : `${path}.remaining >= ${value}`;
  return {
    set: [`${path}.remaining = ${path}.remaining ${sign} ${value}`],
    remove: [],
    conditions: [isExact ? exactly : enough],
    names,
    values: { [value]: amount, ...(isExact && was) },
  };
}

function newGrant(grant: Grant, index: number): UpdateParts {
  return {
    ...NOTHING,
    set: [`grants.#n${index} = :n${index}`],
    names: { [`#n${index}`]: grant.id },
    values: { [`:n${index}`]: entryOf(grant) },
  };
}

function entryOf({ id: _id, ...fields }: Grant): ValueMap {
  return { ...fields };
}

function merge(parts: readonly UpdateParts[]): UpdateParts {
  return {
    set: parts.flatMap(({ set }) => set),
    remove: parts.flatMap(({ remove }) => remove),
    conditions: parts.flatMap(({ conditions }) => conditions),
    names: Object.assign({}, ...parts.map(({ names }) => names)),
    values: Object.assign({}, ...parts.map(({ values }) => values)),
  };
}
