import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../domain/accounts.ts';
import { comparePositions, listedDays, listedDaysUntil, usageOf } from '../../domain/statements.ts';
import type { Transfer } from '../../domain/transfers.ts';

const account: Account = {
  id: 'customer:acme',
  asset: 'TOKEN',
  balance: 'strict',
  status: 'open',
  openedOn: '2026-10-30',
  createdAt: '2026-10-30T00:00:00.000Z',
  creditLimit: 0n,
};
const strict = { account, months: [] };
const derived = { account: { ...account, balance: 'derived' as const }, months: ['2026-12', '2026-10'] };

describe('the days that an account may have transfers on', () => {
  test('begin with the opening of a strict account', () => {
    expect(listedDays(strict, { start: '2026-10-01', end: '2026-11-02' })).toEqual([
      '2026-10-30',
      '2026-10-31',
      '2026-11-01',
    ]);
    expect(listedDays(strict, { start: '2026-10-31', end: '2026-11-01' })).toEqual(['2026-10-31']);
    expect(listedDays(strict, { start: '2026-09-01', end: '2026-10-30' })).toEqual([]);
  });

  test('are those of its months for a derived account, which may have some before it was opened', () => {
    const days = listedDaysUntil(derived, '2026-12-02');
    expect([days.length, days[0], days[30], days[31], days.at(-1)]).toEqual([
      33,
      '2026-10-01',
      '2026-10-31',
      '2026-12-01',
      '2026-12-02',
    ]);
    expect(listedDaysUntil({ ...derived, months: [] }, '2026-12-02')).toEqual([]);
  });
});

const transfer: Transfer = {
  id: 'x',
  kind: 'charge',
  debit: 'customer:acme',
  credit: 'platform:revenue:usage',
  asset: 'TOKEN',
  amount: 5n,
  effectiveAt: '2026-11-01T00:00:00.000Z',
  recordedAt: '2026-11-01T00:00:00.000Z',
  requestId: 'x',
};

test('usage is what charges and their corrections come to, and nothing else', () => {
  expect(usageOf(transfer, 'debit')).toBe(5n);
  expect(usageOf({ ...transfer, kind: 'transfer', corrects: 'x' }, 'credit')).toBe(-5n);
  expect(usageOf({ ...transfer, kind: 'transfer', corrects: 'x' }, 'debit')).toBe(5n);
  const { requestId: _requestId, ...topUp } = { ...transfer, kind: 'transfer' as const };
  expect(usageOf(topUp, 'credit')).toBeUndefined();
  expect(usageOf({ ...topUp, corrects: 'another-top-up' }, 'debit')).toBeUndefined();
});

test('positions have one order: by key, then by id', () => {
  const position = fc.record({ key: fc.constantFrom('a', 'b', 'c'), id: fc.constantFrom('1', '2', '3') });
  fc.assert(
    fc.property(fc.array(position, { maxLength: 12 }), (positions) => {
      const sorted = positions.toSorted(comparePositions).map(({ key, id }) => key + id);
      expect(sorted).toEqual(positions.map(({ key, id }) => key + id).sort());
    }),
  );
});
