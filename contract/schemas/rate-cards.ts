import * as z from 'zod';
import { AMOUNT_MAX } from '../../domain/money.ts';
import { RATE_CARD_OPERATIONS_MAX } from '../limits.ts';
import { accountId, amountText, asset, instant, instantText, name, wholeNumber } from './common.ts';

const price = z.strictObject({
  amount: wholeNumber.meta({ description: 'Minor units for so many of the dimension.' }),
  per: wholeNumber
    .refine((value) => value > 0n && value <= AMOUNT_MAX, 'must be at least 1')
    .default(1n)
    .meta({ description: 'Of the dimension: 1000000 for a price per million tokens.' }),
});

const operationRule = z.strictObject({
  prices: z.record(name, price, { error: 'must be an object of prices by dimension' }),
  minimum: wholeNumber.default(0n).meta({ description: 'The least that one request costs.' }),
  rounding: z
    .enum(['up', 'down', 'half-up', 'half-even'], { error: 'must be "up", "down", "half-up" or "half-even"' })
    .default('half-up'),
});

export const rateCardRequest = z
  .strictObject({
    name: name.meta({ description: 'The chart of accounts names it for the accounts it prices.' }),
    effectiveFrom: instant,
    asset,
    revenueAccount: accountId,
    operations: z
      .record(name, operationRule, { error: 'must be an object of rules by operation' })
      .refine(
        (value) => Object.keys(value).length <= RATE_CARD_OPERATIONS_MAX,
        `must have at most ${RATE_CARD_OPERATIONS_MAX} operations`,
      ),
  })
  .meta({ id: 'RateCardRequest' });

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
