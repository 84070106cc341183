import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  firstDifference,
  firstRefusal,
  REVERSALS_MAX,
  type Refusal,
  reversalOf,
  reversalRefusal,
  type Transfer,
} from '../../domain/transfers.ts';

const posted: Transfer = {
  id: 'req-1',
  kind: 'charge',
  debit: 'customer:acme',
  credit: 'platform:revenue:usage',
  asset: 'TOKEN',
  amount: 5n,
  effectiveAt: '2026-11-20T08:00:00.000Z',
  recordedAt: '2026-11-20T08:00:01.000Z',
  requestId: 'req-1',
  operation: 'search',
  quantities: { a: 1n, b: 2n },
};

describe('firstDifference', () => {
  test('finds none when the caller says the same again, in any order', () => {
    expect(
      firstDifference(posted, { kind: 'charge', quantities: { b: 2n, a: 1n }, operation: 'search' }),
    ).toBeUndefined();
  });

  test('compares only what the caller said', () => {
    expect(firstDifference(posted, {})).toBeUndefined();
  });

  test('names the first field in a fixed order', () => {
    expect(firstDifference(posted, { operation: 'other', amount: 6n, debit: 'customer:acme' })).toBe('amount');
    expect(firstDifference(posted, { quantities: { a: 1n }, operation: 'other' })).toBe('operation');
    expect(firstDifference(posted, { description: 'new' })).toBe('description');
  });

  test('takes no correction for a transfer of its own, though it moves the same', () => {
    const correction = { ...posted, corrects: 'req-0' };
    expect(firstDifference(correction, { kind: 'charge', debit: 'customer:acme' })).toBe('corrects');
    expect(firstDifference(correction, { corrects: 'req-0' })).toBeUndefined();
  });
});

test('of several refusals the first in the order of precedence is told, whatever order they came in', () => {
  const all: Refusal[] = [
    { kind: 'over-reversed', remaining: 1n },
    { kind: 'too-many-reversals' },
    { kind: 'insufficient-funds', account: 'a:b' },
    { kind: 'account-frozen', account: 'a:b' },
    { kind: 'account-closed', account: 'a:b' },
    { kind: 'before-opening', account: 'a:b', openedOn: '2026-01-01' },
    { kind: 'account-unknown', account: 'a:b' },
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: 1 }), (some) => {
      const ranks = some.map((refusal) => all.indexOf(refusal));
      return firstRefusal(some) === all[Math.min(...ranks)];
    }),
  );
});

describe('a reversal', () => {
  const terms = { id: 'back-1', amount: 2n, recordedAt: '2026-11-21T08:00:00.000Z' };

  test('goes the other way, for the same request, at the time of what it reverses', () => {
    expect(reversalOf({ ...posted, key: 'k1' }, terms)).toEqual({
      ...terms,
      kind: 'transfer',
      debit: posted.credit,
      credit: posted.debit,
      asset: 'TOKEN',
      effectiveAt: posted.effectiveAt,
      requestId: 'req-1',
      operation: 'search',
      key: 'k1',
      corrects: 'req-1',
    });
  });

  test('may count at another time and say why', () => {
    const said = { effectiveAt: '2026-11-22T00:00:00.000Z', description: 'Billed twice.' };
    expect(reversalOf(posted, { ...terms, ...said })).toMatchObject(said);
  });

  test('is refused beyond what remains, whatever was reversed before', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 50n), fc.array(fc.bigInt(1n, 20n)), (amount, asked) => {
        let reversals = { remaining: amount, ids: [] as string[] };
        for (const [index, part] of asked.entries()) {
          if (reversalRefusal(reversals, part) !== undefined) continue;
          reversals = { remaining: reversals.remaining - part, ids: [...reversals.ids, `${index}`] };
        }
        expect(reversals.remaining).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  test('is refused where nothing remains, and after as many as may be', () => {
    expect(reversalRefusal({ remaining: 0n, ids: [] }, 0n)).toEqual({ kind: 'over-reversed', remaining: 0n });
    const ids = Array.from({ length: REVERSALS_MAX }, (_, index) => `${index}`);
    expect(reversalRefusal({ remaining: 5n, ids }, 5n)).toEqual({ kind: 'too-many-reversals' });
    expect(reversalRefusal({ remaining: 5n, ids: ids.slice(1) }, 5n)).toBeUndefined();
  });
});
