import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../domain/accounts.ts';
import { changeOf, type Movement, mergeMovements, moved, refusalOf, tryMovements } from '../../domain/movements.ts';

const account: Account & Required<Pick<Account, 'figures'>> = {
  id: 'customer:acme',
  asset: 'TOKEN',
  balance: 'strict',
  status: 'open',
  openedOn: '2026-01-01',
  createdAt: '2026-01-01T00:00:00.000Z',
  creditLimit: 0n,
  figures: { credits: 12n, debits: 6n, held: 2n, available: 4n },
};
const at = '2026-02-01T00:00:00.000Z';
const still = { account: account.id, asset: 'TOKEN', at, day: '2026-02-01', credits: 0n, debits: 0n, held: 0n };
const debit = (amount: bigint): Movement => ({ ...still, debits: amount });
const credit = (amount: bigint): Movement => ({ ...still, credits: amount });

describe('refusalOf', () => {
  test('tells each reason', () => {
    expect(refusalOf(undefined, debit(5n))?.kind).toBe('account-unknown');
    expect(refusalOf(account, debit(5n))?.kind).toBe('insufficient-funds');
    expect(refusalOf(account, { ...still, held: 5n })?.kind).toBe('insufficient-funds');
    expect(refusalOf({ ...account, status: 'frozen' }, debit(1n))?.kind).toBe('account-frozen');
    expect(refusalOf({ ...account, status: 'closed' }, credit(5n))?.kind).toBe('account-closed');
    expect(refusalOf(account, { ...debit(4n), day: '2025-12-31' })?.kind).toBe('before-opening');
    expect(refusalOf(account, debit(4n))).toBeUndefined();
  });

  test('lets a capture take what is held and what is available', () => {
    expect(refusalOf(account, { ...debit(6n), held: -2n })).toBeUndefined();
    expect(refusalOf(account, { ...debit(7n), held: -2n })?.kind).toBe('insufficient-funds');
  });

  test('lets what is held be given back whatever the status', () => {
    const freed: Movement = { ...still, held: -2n, onlyFrees: true };
    expect(refusalOf({ ...account, status: 'frozen' }, freed)).toBeUndefined();
    expect(refusalOf({ ...account, status: 'closed' }, freed)).toBeUndefined();
  });

  test('says that the chart was changed under an account', () => {
    expect(() => refusalOf(account, { ...debit(1n), asset: 'USD/2' })).toThrow('The chart changed under customer:acme');
  });
});

const anyMovement = fc
  .record({ credits: fc.bigInt(0n, 9n), debits: fc.bigInt(0n, 9n), held: fc.bigInt(-9n, 9n) })
  .map((amounts) => ({ ...still, ...amounts }));
const anyMovements = fc.array(anyMovement, { minLength: 1, maxLength: 6 });

describe('merged movements', () => {
  test('come to the same as one after the other, and need what the deepest of these needs', () => {
    fc.assert(
      fc.property(anyMovements, fc.bigInt(0n, 30n), (movements, available) => {
        const before = { ...account, figures: { ...account.figures, available } };
        const merged = mergeMovements(movements);
        const { refusals, after } = tryMovements(
          new Map([[account.id, before]]),
          movements.map((movement) => [movement]),
        );
        const isBorne = refusals.every((refusal) => refusal === undefined);
        expect(available >= merged.needed).toBe(isBorne);
        if (isBorne) expect(after.get(account.id)).toEqual(moved(before, merged));
      }),
    );
  });

  test('count on the earliest day of them', () => {
    expect(mergeMovements([debit(1n), { ...debit(1n), day: '2026-01-05' }, debit(1n)]).day).toBe('2026-01-05');
  });

  test('only free when all of them do', () => {
    const freed: Movement = { ...still, held: -1n, onlyFrees: true };
    expect(mergeMovements([freed, freed]).onlyFrees).toBe(true);
    expect(mergeMovements([freed, debit(1n)]).onlyFrees).toBeUndefined();
  });
});

describe('tryMovements', () => {
  test('makes what an account can bear, refuses the rest, and goes on', () => {
    const { refusals, after } = tryMovements(new Map([[account.id, account]]), [[debit(3n)], [debit(2n)], [debit(1n)]]);
    expect(refusals.map((refusal) => refusal?.kind)).toEqual([undefined, 'insufficient-funds', undefined]);
    expect(after.get(account.id)?.figures?.available).toBe(0n);
  });

  test('says nothing of accounts that are not known', () => {
    const { refusals } = tryMovements(new Map(), [[debit(1_000n)]]);
    expect(refusals).toEqual([undefined]);
  });

  test('keeps what is available the sum of the counters', () => {
    fc.assert(
      fc.property(anyMovements, (movements) => {
        const start = new Map([[account.id, account]]);
        const { after } = tryMovements(
          start,
          movements.map((movement) => [movement]),
        );
        const figures = after.get(account.id)?.figures;
        expect(figures?.available).toBe(figures === undefined ? undefined : changeOf(figures));
        expect(figures?.available).toBeGreaterThanOrEqual(0n);
      }),
    );
  });
});
