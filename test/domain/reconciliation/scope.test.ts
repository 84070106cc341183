import { describe, expect, it } from 'vitest';
import { isRestricted, sampleOf, scopeFilter } from '../../../domain/reconciliation/scope.ts';

const accountsUpTo = (count: number) => Array.from({ length: count }, (_, index) => `customer:c${index}`);
const drawn = (week: string, accounts: readonly string[]) =>
  accounts.filter(scopeFilter({ sample: sampleOf(week, accounts) }));

describe('a sample', () => {
  it('is one account of a hundred, and at least 20', () => {
    expect(drawn('2026-W47', accountsUpTo(10_000))).toHaveLength(100);
    expect(drawn('2026-W47', accountsUpTo(500))).toHaveLength(20);
  });

  it('is all of them where they are few', () => {
    expect(drawn('2026-W47', accountsUpTo(20))).toHaveLength(20);
    expect(drawn('2026-W47', [])).toEqual([]);
  });

  it('is the same in the same week, whatever order they are listed in', () => {
    const accounts = accountsUpTo(1_000);
    expect(sampleOf('2026-W47', accounts.toReversed())).toEqual(sampleOf('2026-W47', accounts));
  });

  it('is another every week, so that in time every account is looked at', () => {
    const accounts = accountsUpTo(200);
    const weeks = Array.from({ length: 52 }, (_, index) => `2026-W${`${index + 1}`.padStart(2, '0')}`);
    const seen = new Set(weeks.flatMap((week) => drawn(week, accounts)));
    // With a tenth of them drawn each week, hardly one stays out all year.
    expect(seen.size).toBeGreaterThan(190);
  });

  it('has no more neighbours than chance brings together', () => {
    const accounts = accountsUpTo(10_000);
    const numbers = drawn('2026-W47', accounts).map((account) => Number(account.slice('customer:c'.length)));
    const neighbours = numbers.filter((number) => numbers.includes(number + 1));
    expect(neighbours.length).toBeLessThan(10);
  });
});

describe('a scope', () => {
  it('of named accounts has these and none below them', () => {
    const isIn = scopeFilter({ accounts: ['customer:acme'] });
    expect([isIn('customer:acme'), isIn('customer:acme:team'), isIn('customer:b')]).toEqual([true, false, false]);
  });

  it('that names nothing has all', () => {
    expect(scopeFilter({})('customer:any')).toBe(true);
    expect([isRestricted({}), isRestricted({ accounts: ['a:b'] })]).toEqual([false, true]);
  });
});
