import * as z from 'zod';
import { DIMENSIONS_MAX } from '../../domain/evidence.ts';
import { RATE_CARD_PRICES_MAX } from '../limits.ts';
import { accountId, amountText, asset, fields, instant, instantText, must, name, wholeNumber } from './common.ts';

const price = fields({
  amount: wholeNumber.meta({ description: 'Minor units for so many of the dimension.' }),
  per: wholeNumber
    .refine((value) => value > 0n, 'must be at least 1')
    .default(1n)
    .meta({ description: 'Of the dimension: 1000000 for a price per million tokens.' }),
});

const operationRule = fields({
  prices: z
    .record(name, price, must('must be an object of prices by dimension'))
    .refine((value) => Object.keys(value).length <= DIMENSIONS_MAX, `must have at most ${DIMENSIONS_MAX} dimensions`),
  minimum: wholeNumber.default(0n).meta({ description: 'The least that one request costs.' }),
  rounding: z
    .enum(['up', 'down', 'half-up', 'half-even'], must('must be "up", "down", "half-up" or "half-even"'))
    .default('half-up'),
});

export const rateCardRequest = fields({
  name: name.meta({ description: 'The chart of accounts names it for the accounts it prices.' }),
  effectiveFrom: instant,
  asset,
  revenueAccount: accountId,
  operations: z
    .record(name, operationRule, must('must be an object of rules by operation'))
    .refine(
      (value) => pricesIn(value) <= RATE_CARD_PRICES_MAX,
      `must have at most ${RATE_CARD_PRICES_MAX} prices in all`,
    ),
}).meta({ id: 'RateCardRequest' });

function pricesIn(operations: Readonly<Record<string, { readonly prices: object }>>): number {
  const rules = Object.values(operations);
  return rules.reduce((sum, { prices }) => sum + Object.keys(prices).length, rules.length);
}

export const rateCard = z
  .strictObject({
    name: z.string(),
    effectiveFrom: instantText,
    asset: z.string(),
    revenueAccount: z.string(),
    operations: z.record(
      z.string(),
      z.strictObject({
        prices: z.record(z.string(), z.strictObject({ amount: amountText, per: amountText })),
        minimum: amountText,
        rounding: z.string(),
      }),
    ),
  })
  .meta({ id: 'RateCard' });

export const rateCardList = z.strictObject({ rateCards: z.array(rateCard) }).meta({ id: 'RateCardList' });
