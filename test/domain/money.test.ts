import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AMOUNT_MAX, decimalAmount, divideRounded, formatAmount, parseAmount, unitOf } from '../../domain/money.ts';

describe('parseAmount', () => {
  test('reads back every amount that it may hold', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: AMOUNT_MAX }), (amount) => parseAmount(amount.toString()) === amount),
    );
  });

  test.each([
    1.5,
    -1,
    Number.MAX_SAFE_INTEGER + 1,
    Number.NaN,
    '1.0',
    '-1',
    '+1',
    '01',
    '1e3',
    '',
    ' 1',
    null,
    true,
    [],
    {},
    '1'.repeat(25),
  ])('refuses %j', (value) => {
    expect(parseAmount(value)).toBeUndefined();
  });
});

describe('divideRounded', () => {
  const positive = fc.bigInt({ min: 1n, max: 10n ** 30n });
  const numerator = fc.bigInt({ min: 0n, max: 10n ** 30n });

  test('rounds up to the next and down to the last whole, never further', () => {
    fc.assert(
      fc.property(numerator, positive, (top, bottom) => {
        const down = divideRounded(top, bottom, 'down');
        const up = divideRounded(top, bottom, 'up');
        return down * bottom <= top && up * bottom >= top && up - down <= 1n;
      }),
    );
  });

  test('rounds halves as the mode says', () => {
    expect(divideRounded(5n, 2n, 'half-up')).toBe(3n);
    expect(divideRounded(5n, 2n, 'half-even')).toBe(2n);
    expect(divideRounded(7n, 2n, 'half-even')).toBe(4n);
    expect(divideRounded(9n, 4n, 'half-up')).toBe(2n);
  });
});

test('writes minor units for people', () => {
  expect(formatAmount(123456n, 'USD/2')).toBe('1,234.56 USD');
  expect(formatAmount(-5n, 'USD/2')).toBe('-0.05 USD');
  expect(formatAmount(1234567n, 'TOKEN')).toBe('1,234,567 TOKEN');
});

describe('decimalAmount', () => {
  test.each([
    [0n, 'TOKEN', '0'],
    [-861n, 'TOKEN', '-861'],
    [5n, 'USD/2', '0.05'],
    [-5n, 'USD/2', '-0.05'],
    [123_456_789n, 'USD/2', '1234567.89'],
    [1n, 'ETH/18', '0.000000000000000001'],
  ])('writes %s of %s as %s', (amount, asset, text) => {
    expect(decimalAmount(amount, asset)).toBe(text);
  });

  test('loses nothing, and names the unit apart', () => {
    const scale = fc.integer({ min: 1, max: 18 });
    fc.assert(
      fc.property(fc.bigInt(-AMOUNT_MAX, AMOUNT_MAX), scale, (amount, digits) => {
        return BigInt(decimalAmount(amount, `USD/${digits}`).replace('.', '')) === amount;
      }),
    );
    expect([unitOf('USD/6'), unitOf('TOKEN')]).toEqual(['USD', 'TOKEN']);
  });
});
