import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAmount, formatCount, listing, plural, printable } from '../../cli/format.ts';
import { formatAmount as formatOfDomain } from '../../domain/money.ts';

describe('formatAmount', () => {
  test.each([
    ['0', 'TOKEN', '0 TOKEN'],
    ['-1234567', 'TOKEN', '-1,234,567 TOKEN'],
    ['5', 'USD/2', '0.05 USD'],
    ['-123456', 'USD/2', '-1,234.56 USD'],
  ])('writes %s of %s as %s', (minorUnits, asset, text) => {
    expect(formatAmount(minorUnits, asset)).toBe(text);
  });

  test('agrees with the ledger on every amount', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 24n), 10n ** 24n), fc.integer({ min: 0, max: 18 }), (amount, scale) => {
        const asset = scale === 0 ? 'USD' : `USD/${scale}`;
        expect(formatAmount(amount.toString(), asset)).toBe(formatOfDomain(amount, asset));
      }),
    );
  });
});

test('counts are grouped, and words follow them', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect(plural(1, 'row')).toBe('1 row');
  expect(plural(1_000, 'discrepancy', 'discrepancies')).toBe('1,000 discrepancies');
});

test('a listing leaves out what is not there', () => {
  expect(
    listing([
      ['A', '1'],
      ['Long', undefined],
      ['Bcd', '2'],
    ]),
  ).toBe('A    1\nBcd  2');
});

test('text from elsewhere cannot steer the terminal', () => {
  expect(printable('a\u001b[2Jb\r\n')).toBe('a?[2Jb??');
});
