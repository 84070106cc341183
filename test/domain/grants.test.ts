import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../domain/accounts.ts';
import { usableOf } from '../../domain/accounts.ts';
import {
  breakableOf,
  expiredOf,
  GRANTS_KEPT_MAX,
  GRANTS_MAX,
  type Grant,
  type GrantShare,
  inBurnOrder,
  isExpired,
  NO_GRANTS,
  planGrants,
  sumOf,
  unwind,
} from '../../domain/grants.ts';
import { type Movement, mergeMovements, moved, refusalOf } from '../../domain/movements.ts';

const T0 = '2026-11-20T08:00:00.000Z';
/** Minute by minute, so that order of numbers is order of times. */
const minute = (index: number) => new Date(Date.parse(T0) + index * 60_000).toISOString();

const grant = (id: string, remaining: bigint, terms: Partial<Grant> = {}): Grant => ({
  ...{ id, remaining, priority: 100n, at: T0 },
  ...terms,
});
const holding = (...grants: Grant[]) => ({ shape: BigInt(grants.length), grants: inBurnOrder(grants) });
const burned = (plan: ReturnType<typeof planGrants>) => (plan.kind === 'planned' ? plan.burned : plan.kind);

describe('inBurnOrder', () => {
  test('is priority, then earliest expiry with never as the last, then earliest creation, then id', () => {
    const grants = [
      grant('never', 1n),
      grant('late', 1n, { expiresAt: minute(9) }),
      grant('younger', 1n, { expiresAt: minute(5), at: minute(2) }),
      grant('b', 1n, { expiresAt: minute(5), at: minute(1) }),
      grant('a', 1n, { expiresAt: minute(5), at: minute(1) }),
      grant('first', 1n, { priority: 1n }),
    ];
    expect(inBurnOrder(grants).map(({ id }) => id)).toEqual(['first', 'a', 'b', 'younger', 'late', 'never']);
  });
});

describe('planGrants', () => {
  const two = holding(grant('a', 3n, { expiresAt: minute(5) }), grant('b', 4n));

  test('burns in order and leaves the rest to paid money', () => {
    const plan = planGrants(two, { at: T0, debits: 9n });
    expect(burned(plan)).toEqual([
      { grant: 'a', amount: 3n },
      { grant: 'b', amount: 4n },
    ]);
    expect(plan).toMatchObject({ after: { shape: two.shape, grants: [] } });
  });

  test('burns nothing from the moment on at which it expires', () => {
    expect(burned(planGrants(two, { at: minute(4), debits: 1n }))).toEqual([{ grant: 'a', amount: 1n }]);
    expect(burned(planGrants(two, { at: minute(5), debits: 1n }))).toEqual([{ grant: 'b', amount: 1n }]);
  });

  test('lets a capture burn what was valid when its hold was made', () => {
    const reservation = { kind: 'valid-at', at: minute(4), reserved: 5n } as const;
    expect(burned(planGrants(two, { at: minute(6), debits: 5n, grants: reservation }))).toEqual([
      { grant: 'a', amount: 3n },
      { grant: 'b', amount: 2n },
    ]);
  });

  test('lets a capture burn no more of what has expired since than its hold reserved', () => {
    const three = holding(
      grant('a', 3n, { expiresAt: minute(5) }),
      grant('b', 4n, { expiresAt: minute(6) }),
      grant('c', 2n, { priority: 101n }),
    );
    const capture = (at: string, debits: bigint) =>
      burned(planGrants(three, { at, debits, grants: { kind: 'valid-at', at: minute(4), reserved: 4n } as const }));
    expect(capture(minute(6), 9n)).toEqual([
      { grant: 'a', amount: 3n },
      { grant: 'b', amount: 1n },
      { grant: 'c', amount: 2n },
    ]);
    // What has not expired is burned as by any charge.
    expect(capture(minute(4), 9n)).toEqual([
      { grant: 'a', amount: 3n },
      { grant: 'b', amount: 4n },
      { grant: 'c', amount: 2n },
    ]);
  });

  test('takes a grant back before anything else, expired or not', () => {
    const reversal = { at: minute(6), debits: 5n, grants: { kind: 'taken-back', grant: 'a' } as const };
    expect(burned(planGrants(two, reversal))).toEqual([
      { grant: 'a', amount: 3n },
      { grant: 'b', amount: 2n },
    ]);
  });

  test('takes of an expired grant alone, and never more than is left of it', () => {
    const sweep = (debits: bigint) =>
      planGrants(two, { at: minute(6), debits, grants: { kind: 'expired', grant: 'a' } as const });
    expect(burned(sweep(3n))).toEqual([{ grant: 'a', amount: 3n }]);
    expect(burned(sweep(4n))).toBe('spent');
  });

  test('refuses more grants than an account may have, and lets a reversal go beyond', () => {
    const grants = (count: number) => Array.from({ length: count }, (_, index) => grant(`g${index}`, 1n));
    const full = holding(...grants(GRANTS_MAX));
    const more = { kind: 'granted', grant: grant('more', 1n) } as const;
    const back = { kind: 'put-back', grants: [grant('more', 1n)] } as const;
    expect(burned(planGrants(full, { at: T0, debits: 0n, grants: more }))).toBe('too-many-grants');
    expect(planGrants(full, { at: T0, debits: 0n, grants: back }).kind).toBe('planned');
    const kept = holding(...grants(GRANTS_KEPT_MAX));
    expect(burned(planGrants(kept, { at: T0, debits: 0n, grants: back }))).toBe('too-many-grants');
  });

  test('drops what is empty with the next that is given', () => {
    const state = holding(grant('empty', 0n), grant('b', 4n));
    const plan = planGrants(state, { at: T0, debits: 0n, grants: { kind: 'granted', grant: grant('c', 1n) } });
    expect(plan).toMatchObject({ after: { shape: 3n, grants: [{ id: 'b' }, { id: 'c' }] } });
  });
});

describe('unwind', () => {
  test('puts back paid money first, then the grant burned last', () => {
    const original = {
      amount: 10n,
      burned: [
        { grant: 'a', amount: 3n },
        { grant: 'b', amount: 4n },
      ],
    };
    expect(unwind(original, 0n, 3n)).toEqual([]);
    expect(unwind(original, 0n, 5n)).toEqual([{ grant: 'b', amount: 2n }]);
    expect(unwind(original, 5n, 5n)).toEqual([
      { grant: 'b', amount: 2n },
      { grant: 'a', amount: 3n },
    ]);
  });

  test('of a charge and a part of it leaves what the smaller charge would have left', () => {
    const anyGrants = fc.array(fc.record({ remaining: fc.bigInt(1n, 9n), priority: fc.bigInt(0n, 2n) }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(anyGrants, fc.array(fc.bigInt(0n, 9n), { minLength: 1, maxLength: 4 }), (terms, parts) => {
        const grants = terms.map((one, index) => grant(`g${index}`, one.remaining, { priority: one.priority }));
        const before = holding(...grants);
        const amount = parts.reduce((sum, part) => sum + part, 0n);
        const large = planGrants(before, { at: T0, debits: amount });
        const small = planGrants(before, { at: T0, debits: parts[0] ?? 0n });
        if (large.kind !== 'planned' || small.kind !== 'planned') throw new Error('A burn is always planned.');
        let state = large.after;
        let reversed = 0n;
        for (const part of parts.slice(1)) {
          const shares = unwind({ amount, burned: large.burned }, reversed, part);
          const back = shares.map((share) => ({ ...granted(grants, share.grant), remaining: share.amount }));
          const plan = planGrants(state, { at: T0, debits: 0n, grants: { kind: 'put-back', grants: back } });
          if (plan.kind !== 'planned') throw new Error('No more grants than before.');
          state = plan.after;
          reversed += part;
        }
        expect(state.grants).toEqual(small.after.grants);
      }),
    );
  });
});

function granted(grants: readonly Grant[], id: string): Grant {
  const found = grants.find((one) => one.id === id);
  if (found === undefined) throw new Error(`There is no grant ${id}.`);
  return found;
}

describe('breakableOf', () => {
  test('leaves to holds what may be of the grant, and never takes more than is available', () => {
    const one = grant('a', 10n);
    expect(breakableOf(one, { held: 0n, available: 10n }, true)).toBe(10n);
    expect(breakableOf(one, { held: 4n, available: 20n }, true)).toBe(6n);
    expect(breakableOf(one, { held: 14n, available: 20n }, true)).toBe(0n);
    expect(breakableOf(one, { held: 4n, available: 20n }, false)).toBe(10n);
    expect(breakableOf(one, { held: 4n, available: 7n }, false)).toBe(7n);
  });
});

/** A sequence of things that happen to an account, one a minute. */
type Step =
  | { readonly do: 'grant'; readonly amount: bigint; readonly priority: bigint; readonly lasts: number | undefined }
  | { readonly do: 'pay' | 'charge' | 'hold'; readonly amount: bigint }
  | { readonly do: 'free'; readonly which: number }
  | { readonly do: 'capture'; readonly which: number; readonly amount: bigint }
  | { readonly do: 'reverse'; readonly which: number; readonly amount: bigint }
  | { readonly do: 'sweep'; readonly which: number };

const amount = fc.bigInt(1n, 12n);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('grant' as const),
    amount,
    priority: fc.bigInt(0n, 2n),
    lasts: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constantFrom('pay' as const, 'charge' as const, 'hold' as const), amount }),
  fc.record({ do: fc.constant('charge' as const), amount }),
  fc.record({ do: fc.constant('free' as const), which: fc.nat(20) }),
  // Up to twice of what was held.
  fc.record({ do: fc.constant('capture' as const), which: fc.nat(20), amount: fc.bigInt(0n, 24n) }),
  fc.record({ do: fc.constant('reverse' as const), which: fc.nat(20), amount }),
  fc.record({ do: fc.constant('sweep' as const), which: fc.nat(20) }),
);

interface Charged {
  readonly amount: bigint;
  readonly burned: readonly GrantShare[];
  reversed: bigint;
}

interface Held {
  readonly amount: bigint;
  readonly at: string;
}

/** What steps go back to. */
interface Past {
  readonly terms: Map<string, Grant>;
  readonly charges: Charged[];
  holds: readonly Held[];
}

describe('an account with grants, whatever happens to it', () => {
  const opened: Account = {
    ...{ id: 'customer:acme', asset: 'TOKEN', balance: 'strict', status: 'open', openedOn: '2026-11-01' },
    ...{ createdAt: T0, creditLimit: 0n, figures: { credits: 0n, debits: 0n, held: 0n, available: 0n } },
  };

  test('burns in order, spends nothing that has expired, and keeps paid money and grants summed to its balance', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
        let account = opened;
        const past: Past = { terms: new Map(), charges: [], holds: [] };
        /** What each grant was given and lost, by the records alone. */
        const books = new Map<string, bigint>();
        for (const [index, step] of steps.entries()) {
          const at = minute(index);
          const movement = movementOf(step, at, account, past);
          if (movement === undefined) continue;
          const usable = usableOf(account, at);
          const isRefused = refusalOf(account, movement) !== undefined;
          if (step.do === 'charge' || step.do === 'hold') expect(isRefused).toBe(step.amount > usable);
          if (step.do === 'capture' && step.amount <= -movement.held) expect(isRefused).toBe(false);
          if (isRefused) continue;
          const before = account.grants ?? NO_GRANTS;
          const plan = planGrants(before, movement);
          if (plan.kind !== 'planned') throw new Error('It was not refused.');
          expect(mergeMovements([movement], before).plan?.burned[0] ?? []).toEqual(plan.burned);
          account = moved(account, movement);
          note(books, movement, plan.burned);
          if (step.do === 'hold') past.holds = [...past.holds, { amount: step.amount, at }];
          if (step.do === 'free' || step.do === 'capture')
            past.holds = past.holds.toSpliced(step.which % past.holds.length, 1);
          if (step.do === 'charge' || step.do === 'capture') {
            past.charges.push({ amount: step.amount, burned: plan.burned, reversed: 0n });
            const { grants: effect } = movement;
            expect(plan.burned).toEqual(
              naiveBurn(before.grants, step.amount, at, effect?.kind === 'valid-at' ? effect : undefined),
            );
          }
          check(account, books, at);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function movementOf(
  step: Step,
  at: string,
  { id: account, asset, grants = NO_GRANTS, figures }: Account,
  { terms, charges, holds }: Past,
): Movement | undefined {
  const still = { account, asset, at, day: '2026-11-20', credits: 0n, debits: 0n, held: 0n };
  switch (step.do) {
    case 'pay':
      return { ...still, credits: step.amount };
    case 'charge':
      return { ...still, debits: step.amount };
    case 'hold':
      return { ...still, held: step.amount };
    case 'free': {
      const hold = holds[step.which % Math.max(1, holds.length)];
      return hold && { ...still, held: -hold.amount, onlyFrees: true };
    }
    case 'capture': {
      const hold = holds[step.which % Math.max(1, holds.length)];
      const effect = hold && { kind: 'valid-at' as const, at: hold.at, reserved: hold.amount };
      return hold && { ...still, debits: step.amount, held: -hold.amount, ...(effect && { grants: effect }) };
    }
    case 'grant': {
      const expiry =
        step.lasts === undefined ? {} : { expiresAt: new Date(Date.parse(at) + step.lasts * 60_000).toISOString() };
      const given = grant(`g${terms.size}`, step.amount, { priority: step.priority, at, ...expiry });
      terms.set(given.id, given);
      return { ...still, credits: step.amount, grants: { kind: 'granted', grant: given } };
    }
    case 'reverse': {
      const charge = charges[step.which % Math.max(1, charges.length)];
      if (charge === undefined || charge.amount - charge.reversed < step.amount) return undefined;
      const shares = unwind(charge, charge.reversed, step.amount);
      const back = shares.map((share) => ({ ...granted([...terms.values()], share.grant), remaining: share.amount }));
      charge.reversed += step.amount;
      const effect = { grants: { kind: 'put-back' as const, grants: back } };
      return { ...still, credits: step.amount, ...(back.length > 0 && effect) };
    }
    case 'sweep': {
      const expired = grants.grants.filter((one) => isExpired(one, at) && one.remaining > 0n);
      const one = expired[step.which % Math.max(1, expired.length)];
      if (one === undefined || figures === undefined) return undefined;
      const debits = breakableOf(one, figures, true);
      return debits === 0n ? undefined : { ...still, debits, grants: { kind: 'expired', grant: one.id } };
    }
  }
}

function note(books: Map<string, bigint>, { grants: effect }: Movement, shares: readonly GrantShare[]): void {
  const add = (id: string, change: bigint) => books.set(id, (books.get(id) ?? 0n) + change);
  for (const share of shares) add(share.grant, -share.amount);
  if (effect?.kind === 'granted') add(effect.grant.id, effect.grant.remaining);
  if (effect?.kind === 'put-back') for (const back of effect.grants) add(back.id, back.remaining);
}

/** One unit at a time, always out of the best grant; of expired ones, as many units as were reserved of them. */
function naiveBurn(
  grants: readonly Grant[],
  amount: bigint,
  at: string,
  held: { readonly at: string; readonly reserved: bigint } = { at, reserved: 0n },
): GrantShare[] {
  const left = new Map(grants.map(({ id, remaining }) => [id, remaining]));
  const taken = new Map<string, bigint>();
  let { reserved } = held;
  for (let unit = 0n; unit < amount; unit += 1n) {
    const mayBurn = (one: Grant) => !isExpired(one, at) || (!isExpired(one, held.at) && reserved > 0n);
    const best = inBurnOrder(grants).find((one) => mayBurn(one) && (left.get(one.id) ?? 0n) > 0n);
    if (best === undefined) break;
    if (isExpired(best, at)) reserved -= 1n;
    left.set(best.id, (left.get(best.id) ?? 0n) - 1n);
    taken.set(best.id, (taken.get(best.id) ?? 0n) + 1n);
  }
  return [...taken].map(([id, share]) => ({ grant: id, amount: share }));
}

function check({ figures, grants = NO_GRANTS }: Account, books: ReadonlyMap<string, bigint>, at: string): void {
  if (figures === undefined) throw new Error('The account is strict.');
  const balance = figures.credits - figures.debits;
  expect(figures.available).toBe(balance - figures.held);
  expect(figures.available).toBeGreaterThanOrEqual(0n);
  expect(expiredOf(grants, at)).toBeLessThanOrEqual(sumOf(grants.grants));
  const stored = new Map(grants.grants.map(({ id, remaining }) => [id, remaining]));
  for (const [id, left] of books) expect(stored.get(id) ?? 0n).toBe(left);
  for (const left of stored.values()) expect(left).toBeGreaterThanOrEqual(0n);
  // What is paid is never spent below nothing: neither is what has expired spent in its place.
  expect(balance - sumOf(grants.grants)).toBeGreaterThanOrEqual(0n);
}
