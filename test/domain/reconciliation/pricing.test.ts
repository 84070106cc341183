import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type RateCard, rate } from '../../../domain/rating.ts';
import { createPricer, createPricers } from '../../../domain/reconciliation/pricing.ts';
import { addMilliseconds } from '../../../domain/time.ts';
import { evidenceAt } from './in-memory-books.ts';

const START = '2026-11-17T00:00:00.000Z';

const cards: RateCard[] = [3, 1, 2].map((hour) => ({
  name: 'standard',
  effectiveFrom: addMilliseconds(START, hour * 3_600_000),
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue',
  operations: {
    chat: { prices: { units: { amount: BigInt(hour), per: 1n } }, minimum: 0n, rounding: 'up' },
    ...(hour === 2 && { image: { prices: { units: { amount: 50n, per: 1n } }, minimum: 0n, rounding: 'up' } }),
  },
}));
const other: RateCard = { ...cards[0], name: 'other', effectiveFrom: START } as RateCard;

it('gives the price that the rate card gives at every time, whatever was asked before', () => {
  const question = fc.record({
    minutes: fc.integer({ min: 0, max: 260 }),
    units: fc.bigInt({ min: 0n, max: 3n }),
    operation: fc.constantFrom('chat', 'image', 'unknown'),
  });
  fc.assert(
    fc.property(fc.array(question, { maxLength: 30 }), (questions) => {
      const expectedOf = createPricer([...cards, other], 'standard', undefined);
      for (const { minutes, units, operation } of questions) {
        const at = addMilliseconds(START, minutes * 60_000);
        const evidence = evidenceAt(at, 'r', units, operation);
        const rating = rate([...cards, other], 'standard', {
          account: undefined,
          operation,
          quantities: evidence.quantities,
          at,
        });
        expect(expectedOf(evidence)).toEqual(rating.kind === 'priced' ? rating.amount : { unpriced: rating.rule });
      }
    }),
  );
});

it('says why nothing is priced where the chart names no rate card', () => {
  expect(createPricer(cards, undefined, undefined)(evidenceAt(START, 'r', 1n))).toMatchObject({
    unpriced: expect.any(String),
  });
});

it('gives each account its own price, whichever account was asked for before', () => {
  const rule = (amount: bigint) => ({ prices: { units: { amount, per: 1n } }, minimum: 0n, rounding: 'up' as const });
  const [first, ...rest] = cards.toReversed() as [RateCard, ...RateCard[]];
  const versions = [{ ...first, overrides: { 'customer:acme': { chat: rule(9n) } } }, ...rest, other];
  const question = fc.record({
    account: fc.constantFrom('customer:acme', 'customer:beta', 'customer:gamma'),
    minutes: fc.integer({ min: 0, max: 260 }),
  });
  fc.assert(
    fc.property(fc.array(question, { maxLength: 30 }), (questions) => {
      const pricerOf = createPricers(versions);
      for (const { account, minutes } of questions) {
        const at = addMilliseconds(START, minutes * 60_000);
        const evidence = evidenceAt(at, 'r', 2n);
        const rating = rate(versions, 'standard', { account, operation: 'chat', quantities: evidence.quantities, at });
        const expected = rating.kind === 'priced' ? rating.amount : { unpriced: rating.rule };
        expect(pricerOf('standard', account)(evidence)).toEqual(expected);
      }
    }),
  );
});

it('gives the right price also when so many are different that remembering them ends', () => {
  const expectedOf = createPricer([other], 'other', undefined);
  const at = addMilliseconds(START, 1);
  const units = Array.from({ length: 25_000 }, (_, index) => BigInt(index));
  const wrong = [...units, ...units].filter((unit) => expectedOf(evidenceAt(at, 'r', unit)) !== unit * 3n);
  expect(wrong).toEqual([]);
});
