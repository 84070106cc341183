import type { Instant } from './time.ts';

/** What a transfer says that is a grant: value that is burned in an order, and may expire. */
export type GrantTerms = {
  /** Lower is burned first. */
  readonly priority: bigint;
  /** The first moment at which it cannot be spent any more; left out, it lasts. */
  readonly expiresAt?: Instant;
};

/** A part of a transfer that came out of a grant, or went back into it. Amounts are minor units. */
export type GrantShare = { readonly grant: string; readonly amount: bigint };

/** What an account has left of a grant. */
export interface Grant extends GrantTerms {
  /** The id of the transfer that granted it. */
  readonly id: string;
  readonly remaining: bigint;
  /** When it was granted. */
  readonly at: Instant;
}

/**
 * What an account has left of its grants. All else in it is paid money, which is burned last:
 * balance = paid + sum of what remains.
 */
export interface GrantState {
  /**
   * Grows whenever something is given: a grant, or what is put back into one. So while it stays, what remains of each
   * grant only falls, and a plan that was made from older knowledge either still holds or fails.
   */
  readonly shape: bigint;
  /** In the order in which they are burned. */
  readonly grants: readonly Grant[];
}

/** An account that never had a grant. */
export const NO_GRANTS: GrantState = { shape: 0n, grants: [] };

/** Grants that an account may have something left of: each is a part of the item that every charge rewrites. */
export const GRANTS_MAX = 10;

/** The same where a reversal puts back what was burned: it should not be refused because of what was granted meanwhile. */
export const GRANTS_KEPT_MAX = 20;

/** What a movement does to the grants of its account, besides burning them in order. */
export type GrantEffect =
  /** Adds a grant. */
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** Puts back what a reversed transfer had burned: `remaining` of each is how much. */
  | { readonly kind: 'put-back'; readonly grants: readonly Grant[] }
  /** Takes of this grant first, whether it has expired or not: its own reversal. */
  | { readonly kind: 'taken-back'; readonly grant: string }
  /** Takes of this grant alone: it has expired. */
  | { readonly kind: 'expired'; readonly grant: string }
  /**
   * May burn what was valid at that time although it has expired since, but no more of it than `reserved` minor units: a
   * hold that is captured had reserved so much, or reversals that it is posted with have put so much back.
   */
  | { readonly kind: 'valid-at'; readonly at: Instant; readonly reserved: bigint };

/** A movement, as far as it concerns grants. */
export interface GrantMovement {
  readonly at: Instant;
  readonly debits: bigint;
  readonly grants?: GrantEffect;
}

export type GrantPlan =
  | { readonly kind: 'planned'; readonly after: GrantState; readonly burned: readonly GrantShare[] }
  | { readonly kind: 'too-many-grants' }
  /** Less remains of the expired grant than was to be taken. */
  | { readonly kind: 'spent' };

/** What a movement burns or gives, from what an account has. */
export function planGrants(state: GrantState, { at, debits, grants: effect }: GrantMovement): GrantPlan {
  switch (effect?.kind) {
    case 'granted':
      return give(state, [effect.grant], GRANTS_MAX);
    case 'put-back':
      return give(state, effect.grants, GRANTS_KEPT_MAX);
    case 'taken-back': {
      const own = state.grants.filter(({ id }) => id === effect.grant);
      const others = state.grants.filter((grant) => grant.id !== effect.grant && !isExpired(grant, at));
      return burn(state, [...own, ...others].map(wholly), debits);
    }
    case 'expired': {
      const own = state.grants.filter(({ id, remaining }) => id === effect.grant && remaining >= debits);
      return own.length === 0 ? { kind: 'spent' } : burn(state, own.map(wholly), debits);
    }
    default: {
      const { at: validAt, reserved } = effect ?? { at, reserved: 0n };
      const valid = state.grants.filter((grant) => !isExpired(grant, validAt));
      return burn(state, sharesOf(valid, at, reserved), debits);
    }
  }
}

/** A grant cannot be spent from the moment on at which it expires, whether that was posted or not. */
export function isExpired({ expiresAt }: Pick<Grant, 'expiresAt'>, at: Instant): boolean {
  return expiresAt !== undefined && expiresAt <= at;
}

/** What is in the account and cannot be spent: left of expired grants, and not posted to breakage yet. */
export function expiredOf({ grants }: GrantState, at: Instant): bigint {
  return sumOf(grants.filter((grant) => isExpired(grant, at)));
}

/** What remains of all grants, expired or not. */
export function sumOf(grants: readonly Pick<Grant, 'remaining'>[]): bigint {
  return grants.reduce((sum, { remaining }) => sum + remaining, 0n);
}

/** Priority, then earliest expiry (never is last), then earliest creation; ids make it one order for ever. */
export function inBurnOrder(grants: readonly Grant[]): Grant[] {
  return grants.toSorted(
    (a, b) =>
      compare(a.priority, b.priority) ||
      compare(a.expiresAt ?? NEVER, b.expiresAt ?? NEVER) ||
      compare(a.at, b.at) ||
      compare(a.id, b.id),
  );
}

/**
 * What a reversal puts back of what its original burned: the paid part first, then the grants from the last one burned
 * to the first. So a charge and the reversal of a part leave what the smaller charge would have left.
 * @param reversed what was reversed of the original before, in minor units.
 */
export function unwind(
  { amount, burned }: { readonly amount: bigint; readonly burned: readonly GrantShare[] },
  reversed: bigint,
  reversal: bigint,
): GrantShare[] {
  const paid = burned.reduce((rest, share) => rest - share.amount, amount);
  const parts = [{ grant: '', amount: paid }, ...burned.toReversed()];
  const restored: GrantShare[] = [];
  let [passed, left] = [reversed, reversal];
  for (const part of parts) {
    const skipped = smaller(passed, part.amount);
    const taken = smaller(left, part.amount - skipped);
    passed -= skipped;
    left -= taken;
    if (taken > 0n && part.grant !== '') restored.push({ grant: part.grant, amount: taken });
  }
  return restored;
}

/**
 * How much of an expired grant may be posted to breakage. While a hold from before the expiry may be open, what is held
 * may be of the grant, and is left for its capture to burn.
 */
export function breakableOf(
  { remaining }: Grant,
  { held, available }: { readonly held: bigint; readonly available: bigint },
  mayBeHeld: boolean,
): bigint {
  const unheld = mayBeHeld ? remaining - held : remaining;
  const amount = smaller(unheld, available);
  return amount > 0n ? amount : 0n;
}

/** Above every instant in order of text. */
const NEVER = '~';

/** All that remains of a grant. */
function wholly({ id, remaining }: Grant): GrantShare {
  return { grant: id, amount: remaining };
}

/** What may be burned of each grant, where of those that have expired so much in total is reserved. */
function sharesOf(grants: readonly Grant[], at: Instant, reserved: bigint): GrantShare[] {
  let left = reserved;
  return grants.map((grant) => {
    if (!isExpired(grant, at)) return wholly(grant);
    const amount = smaller(left, grant.remaining);
    left -= amount;
    return { grant: grant.id, amount };
  });
}

/** Burns an amount out of shares, in their order. */
function burn(state: GrantState, shares: readonly GrantShare[], amount: bigint): GrantPlan {
  const burned: GrantShare[] = [];
  const left = new Map(state.grants.map(({ id, remaining }) => [id, remaining]));
  let rest = amount;
  for (const share of shares) {
    const taken = smaller(rest, share.amount);
    if (taken <= 0n) continue;
    rest -= taken;
    left.set(share.grant, (left.get(share.grant) ?? 0n) - taken);
    burned.push({ grant: share.grant, amount: taken });
  }
  if (burned.length === 0) return { kind: 'planned', after: state, burned };
  // One that is burned up goes; one that was found empty stays until something is given.
  const emptied = new Set(burned.filter(({ grant }) => left.get(grant) === 0n).map(({ grant }) => grant));
  const grants = state.grants
    .filter(({ id }) => !emptied.has(id))
    .map((grant) => ({ ...grant, remaining: left.get(grant.id) ?? grant.remaining }));
  return { kind: 'planned', after: { ...state, grants }, burned };
}

function give(state: GrantState, given: readonly Grant[], most: number): GrantPlan {
  const grants = new Map(state.grants.map((grant) => [grant.id, grant]));
  for (const grant of given) {
    const remaining = (grants.get(grant.id)?.remaining ?? 0n) + grant.remaining;
    grants.set(grant.id, { ...grant, remaining });
  }
  const kept = [...grants.values()].filter(({ remaining }) => remaining > 0n);
  if (kept.length > most) return { kind: 'too-many-grants' };
  return { kind: 'planned', after: { shape: state.shape + 1n, grants: inBurnOrder(kept) }, burned: [] };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
