import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AMOUNT_MAX,
  decimalAmount,
  divideRounded,
  formatAmount,
  parseAmount,
  parseDecimal,
  scaleOf,
  unitOf,
} from '../../domain/money.ts';

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

describe('parseDecimal', () => {
  test('reads back what is written for people, whatever the scale', () => {
    const amounts = fc.bigInt({ min: -AMOUNT_MAX, max: AMOUNT_MAX });
    fc.assert(
      fc.property(amounts, fc.constantFrom('TOKEN', 'USD/2', 'USD/6', 'ETH/18'), (amount, asset) => {
        const [text = ''] = formatAmount(amount, asset).replaceAll(',', '').split(' ');
        return parseDecimal(text, asset) === amount;
      }),
    );
  });

  test('takes fewer digits than the asset has, and never more', () => {
    expect([parseDecimal('12.3', 'USD/2'), parseDecimal('12', 'USD/2'), parseDecimal('-0.05', 'USD/2')]).toEqual([
      ...[1230n, 1200n, -5n],
    ]);
    expect(parseDecimal('12.345', 'USD/2')).toBe('too-fine');
    expect(parseDecimal('12.0', 'TOKEN')).toBe('too-fine');
    expect(scaleOf('ETH/18')).toBe(18);
  });

  test.each(['1e3', '1,234.00', "1'000", '+1', '01', '.5', '5.', '', ' 1', '1 ', '--1', '$1', 'NaN', '0x1', '1_0'])(
    'refuses %j',
    (text) => {
      expect(parseDecimal(text, 'USD/2')).toBe('not-decimal');
    },
  );

  test('refuses what is beyond the largest amount in minor units', () => {
    expect(parseDecimal('9'.repeat(24), 'TOKEN')).toBe(AMOUNT_MAX);
    expect(parseDecimal('9'.repeat(24), 'USD/2')).toBe('too-large');
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
