import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  amountOf,
  costLines,
  exactCost,
  fractionText,
  type OperationRule,
  type Price,
  type Tier,
  type TierMode,
  tierFault,
} from '../../../domain/rating/price.ts';

const ruleOf = (price: Price): OperationRule => ({ prices: { units: price }, minimum: 0n, rounding: 'half-up' });
const costOf = (price: Price, units: bigint) => exactCost(costLines(ruleOf(price), { units }));
/** Two fractions as numbers over one denominator, so that they compare exactly. */
const onOneScale = (a: ReturnType<typeof costOf>, b: ReturnType<typeof costOf>) => [
  a.numerator * b.denominator,
  b.numerator * a.denominator,
];

const unit = fc.record({ amount: fc.bigInt({ min: 0n, max: 1000n }), per: fc.bigInt({ min: 1n, max: 1000n }) });
const width = fc.bigInt({ min: 1n, max: 50n });
const tiersOf = (prices: readonly { amount: bigint; per: bigint; width: bigint }[]): Tier[] => {
  let upTo = 0n;
  return prices.map(({ amount, per, width }, index) => {
    upTo += width;
    return { amount, per, upTo: index === prices.length - 1 ? null : upTo };
  });
};
const tiers = fc
  .array(fc.tuple(unit, width), { minLength: 1, maxLength: 6 })
  .map((parts) => tiersOf(parts.map(([price, wide]) => ({ ...price, width: wide }))));
const units = fc.bigInt({ min: 0n, max: 400n });

describe('graduated tiers', () => {
  const price = (of: readonly Tier[]): Price => ({ mode: 'graduated', tiers: of });

  test('never cost more for less', () => {
    fc.assert(
      fc.property(tiers, units, units, (of, a, b) => {
        const [less = 0n, more = 0n] = a < b ? [a, b] : [b, a];
        const [cheap = 0n, dear = 0n] = onOneScale(costOf(price(of), less), costOf(price(of), more));
        return cheap <= dear;
      }),
    );
  });

  test('have no jumps: one more unit costs what the tier of that unit says', () => {
    fc.assert(
      fc.property(tiers, units, (of, quantity) => {
        const tier = of.find(({ upTo }) => upTo === null || quantity + 1n <= upTo) as Tier;
        const before = costOf(price(of), quantity);
        const oneMore = { numerator: tier.amount, denominator: tier.per };
        const sum = {
          numerator: before.numerator * oneMore.denominator + oneMore.numerator * before.denominator,
          denominator: before.denominator * oneMore.denominator,
        };
        const [expected, actual] = onOneScale(sum, costOf(price(of), quantity + 1n));
        expect(actual).toBe(expected);
      }),
    );
  });

  test('price every unit exactly once', () => {
    fc.assert(
      fc.property(tiers, units, (of, quantity) => {
        const lines = costLines(ruleOf(price(of)), { units: quantity });
        expect(lines.reduce((sum, line) => sum + line.quantity, 0n)).toBe(quantity);
      }),
    );
  });
});

describe('volume tiers', () => {
  const volume = [
    { upTo: 1000n, amount: 3n, per: 1n },
    { upTo: null, amount: 2n, per: 1n },
  ];

  test('cost all units at the price of the tier of the whole quantity, the last unit of a tier included', () => {
    const cost = (quantity: bigint) => fractionText(costOf({ mode: 'volume', tiers: volume }, quantity));
    expect([cost(999n), cost(1000n), cost(1001n)]).toEqual(['2997', '3000', '2002']);
  });

  test('cost what a flat price costs while the quantity stays in one tier', () => {
    fc.assert(
      fc.property(tiers, units, (of, quantity) => {
        const tier = of.find(({ upTo }) => upTo === null || quantity <= upTo) as Tier;
        expect(costOf({ mode: 'volume', tiers: of }, quantity)).toEqual(costOf(tier, quantity));
      }),
    );
  });
});

test('one tier costs what a flat price costs, in both modes', () => {
  fc.assert(
    fc.property(unit, units, fc.constantFrom<TierMode>('graduated', 'volume'), (price, quantity, mode) => {
      expect(costOf({ mode, tiers: [{ ...price, upTo: null }] }, quantity)).toEqual(costOf(price, quantity));
    }),
  );
});

test('rounds the sum of all dimensions and tiers once, and then raises it to the minimum', () => {
  const third = { amount: 1n, per: 3n };
  const rule: OperationRule = {
    prices: {
      a: third,
      b: {
        mode: 'graduated',
        tiers: [
          { ...third, upTo: 1n },
          { ...third, upTo: null },
        ],
      },
    },
    minimum: 0n,
    rounding: 'half-up',
  };
  const cost = exactCost(costLines(rule, { a: 1n, b: 3n }));
  expect([fractionText(cost), amountOf(rule, cost)]).toEqual(['4/3', 1n]);
  expect(amountOf({ ...rule, minimum: 5n }, cost)).toBe(5n);
});

test('counts one request where nothing is said, and makes no line of what was not used', () => {
  const rule = {
    ...ruleOf({ amount: 1n, per: 1n }),
    prices: { requests: { amount: 2n, per: 1n }, units: { amount: 1n, per: 1n } },
  };
  expect(costLines(rule, {})).toMatchObject([{ dimension: 'requests', quantity: 1n }]);
  expect(costLines(rule, { requests: 0n, units: 4n })).toMatchObject([{ dimension: 'units', quantity: 4n }]);
});

describe('the order of tiers', () => {
  const tier = (upTo: bigint | null) => ({ upTo, amount: 1n, per: 1n });

  test.each<[string, Tier[], number | undefined]>([
    ['ascending and open at the end', [tier(1n), tier(5n), tier(null)], undefined],
    ['one open tier', [tier(null)], undefined],
    ['a last tier that ends', [tier(1n), tier(5n)], 1],
    ['an open tier before the last', [tier(null), tier(null)], 0],
    ['an empty tier', [tier(5n), tier(5n), tier(null)], 1],
    ['a first tier without a unit', [tier(0n), tier(null)], 0],
  ])('%s', (_, of, index) => {
    expect(tierFault(of)?.index).toBe(index);
  });
});

test.each([
  [0n, 7n, '0'],
  [6n, 3n, '2'],
  [30n, 10_000n, '3/1000'],
])('%d/%d is written as %s', (numerator, denominator, text) => {
  expect(fractionText({ numerator, denominator })).toBe(text);
});
