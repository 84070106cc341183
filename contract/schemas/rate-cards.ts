import * as z from 'zod';
import { DIMENSIONS_MAX } from '../../domain/evidence.ts';
import { type Price, TIERS_MAX, tierFault } from '../../domain/rating/price.ts';
import { RATE_CARD_PRICES_MAX } from '../limits.ts';
import { accountId, amountText, asset, fields, instant, instantText, must, name, wholeNumber } from './common.ts';

const amount = wholeNumber.meta({ description: 'Minor units for so many of the dimension.' });
const positive = wholeNumber.refine((value) => value > 0n, 'must be at least 1');
const PER = { description: 'Of the dimension: 1000000 for a price per million tokens. Left out, 1.' };

const tier = fields({
  upTo: wholeNumber.nullable().meta({ description: 'The last unit of the tier, inclusive; null in the last tier.' }),
  amount,
  per: positive.default(1n).meta(PER),
});

const tiers = z
  .array(tier, must('must be a list of tiers'))
  .min(1, 'must have at least one tier')
  .max(TIERS_MAX, `must have at most ${TIERS_MAX} tiers`)
  .superRefine((value, context) => {
    const fault = tierFault(value);
    if (fault !== undefined) {
      context.addIssue({ code: 'custom', path: [fault.index, 'upTo'], message: fault.rule });
    }
  });

const mode = z.enum(['graduated', 'volume'], must('must be "graduated" or "volume"')).meta({
  description:
    'graduated: each unit costs what its own tier says. volume: all units cost what the tier of the whole quantity says.',
});

/** One schema and not a union of two, so that every field that breaks a rule is named. */
const price = fields({
  amount: amount.optional(),
  per: positive.optional().meta(PER),
  tiers: tiers.optional(),
  mode: mode.optional(),
})
  .meta({
    description:
      'Either `amount` and `per`, or `tiers` and `mode`. Tiers are of the quantity of one request; nothing is counted from one request to the next.',
    oneOf: [{ required: ['amount'] }, { required: ['tiers', 'mode'] }],
  })
  .transform((value, context): Price => {
    const wrong = (field: string, rule: string): Price => {
      context.addIssue({ code: 'custom', path: [field], message: rule });
      return NO_PRICE;
    };
    if (value.tiers === undefined) {
      if (value.mode !== undefined) return wrong('tiers', 'is missing: a mode is for tiers');
      if (value.amount === undefined) return wrong('amount', 'is missing: give an amount, or tiers and a mode');
      return { amount: value.amount, per: value.per ?? 1n };
    }
    if (value.mode === undefined) return wrong('mode', 'is missing: say "graduated" or "volume"');
    if (value.amount !== undefined) return wrong('amount', 'must be left out: each tier has its own');
    if (value.per !== undefined) return wrong('per', 'must be left out: each tier has its own');
    return { mode: value.mode, tiers: value.tiers };
  });
const NO_PRICE: Price = { amount: 0n, per: 1n };

const rounding = z.enum(['up', 'down', 'half-up', 'half-even'], must('must be "up", "down", "half-up" or "half-even"'));

const operationRule = fields({
  prices: z
    .record(name, price, must('must be an object of prices by dimension'))
    .refine((value) => Object.keys(value).length <= DIMENSIONS_MAX, `must have at most ${DIMENSIONS_MAX} dimensions`),
  minimum: wholeNumber.default(0n).meta({ description: 'The least that one request costs.' }),
  rounding: rounding.default('half-up'),
});

const operationRules = z.record(name, operationRule, must('must be an object of rules by operation'));

const overrides = z
  .record(accountId, operationRules, must('must be an object of rules by account and operation'))
  .default({})
  .meta({
    description:
      "Rules of single accounts, by account and operation. Each stands in for the card's whole rule of its operation.",
  });

export const rateCardRequest = fields({
  name: name.meta({ description: 'The chart of accounts names it for the accounts it prices.' }),
  effectiveFrom: instant,
  asset,
  revenueAccount: accountId,
  operations: operationRules,
  overrides,
})
  .superRefine((card, context) => {
    const size = sizeOf(card.operations);
    const sizes = Object.values(card.overrides).map((rules) => 1 + sizeOf(rules));
    if (sizes.reduce((sum, part) => sum + part, size) <= RATE_CARD_PRICES_MAX) return;
    const path = size > RATE_CARD_PRICES_MAX ? ['operations'] : ['overrides'];
    const message = `must have at most ${RATE_CARD_PRICES_MAX} prices, tiers, operations and accounts in all`;
    context.addIssue({ code: 'custom', path, message });
  })
  .meta({ id: 'RateCardRequest' });

function sizeOf(rules: z.output<typeof operationRules>): number {
  const prices = Object.values(rules).flatMap((rule) => Object.values(rule.prices));
  const tiersOf = (value: Price) => ('tiers' in value ? value.tiers.length : 1);
  return prices.reduce((sum, value) => sum + tiersOf(value), Object.keys(rules).length);
}

const unitPriceText = { amount: amountText, per: amountText };
const priceText = z.union([
  z.strictObject(unitPriceText),
  z.strictObject({
    mode,
    tiers: z.array(z.strictObject({ upTo: amountText.nullable(), ...unitPriceText })),
  }),
]);
const operationRulesText = z.record(
  z.string(),
  z.strictObject({ prices: z.record(z.string(), priceText), minimum: amountText, rounding }),
);

export const rateCard = z
  .strictObject({
    name: z.string(),
    effectiveFrom: instantText,
    asset: z.string(),
    revenueAccount: z.string(),
    operations: operationRulesText,
    overrides: z
      .record(z.string(), operationRulesText)
      .optional()
      .meta({ description: 'Left out where there are none. A key that is bound to an account sees its own alone.' }),
  })
  .meta({ id: 'RateCard' });

export const rateCardList = z.strictObject({ rateCards: z.array(rateCard) }).meta({ id: 'RateCardList' });
