import * as z from 'zod';
import { addDays } from '../../domain/time.ts';
import { EFFECT_ACCOUNTS_MAX, EFFECT_DAYS_MAX, EFFECT_EVENTS_MAX } from '../limits.ts';
import { accountId, amountText, day, dayText, fields, instant, must, name, quantities } from './common.ts';
import { rateCardRequest } from './rate-cards.ts';

/** Questions about prices that change nothing: what a request would cost, and what a new version would have changed. */

const versionText = z.string().meta({
  description: 'Name and start of the version.',
  examples: ['standard@2026-11-01T00:00:00.000Z'],
});

export const pricePreviewRequest = fields({
  account: accountId
    .optional()
    .meta({ description: 'Whose price is asked for, by the rate card that the chart gives it.' }),
  rateCard: name.optional().meta({ description: 'Or the card itself, for the price of accounts without an override.' }),
  operation: name,
  quantities: quantities.default({}),
  at: instant.optional().meta({ description: 'When the request happens; left out, now.' }),
  proposal: rateCardRequest.optional().meta({ description: 'A version to price by as if it were in force.' }),
})
  .superRefine((value, context) => {
    const wrong = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (value.rateCard !== undefined) {
      if (value.account !== undefined) wrong('rateCard', 'must be left out: the chart names the card of the account');
      if (value.proposal !== undefined) wrong('rateCard', 'must be left out: the proposal is the card');
    } else if (value.account === undefined && value.proposal === undefined) {
      wrong('account', 'is missing: name an account, a rateCard or a proposal');
    }
    if (value.at !== undefined && value.proposal !== undefined) {
      wrong('at', 'must be left out: a proposal is taken as in force');
    }
  })
  .meta({ id: 'PricePreviewRequest' });

const costText = z
  .string()
  .regex(/^[0-9]+(\/[0-9]+)?$/)
  .meta({
    description: 'Minor units before rounding: a whole number, or a fraction in lowest terms.',
    examples: ['3/1000'],
  });

const costLine = z.strictObject({
  dimension: z.string(),
  mode: z.enum(['flat', 'graduated', 'volume']),
  above: amountText.optional().meta({ description: 'The tier begins above so many units. Left out for a flat price.' }),
  upTo: amountText.nullable().optional().meta({ description: 'Its last unit; null where it has no end.' }),
  quantity: amountText.meta({ description: 'Units priced by this line.' }),
  amount: amountText,
  per: amountText,
  cost: costText,
});

/** What one request costs, and how it comes about. */
export const pricePreview = z
  .strictObject({
    amount: amountText,
    asset: z.string(),
    rateCard: versionText,
    isProposal: z.boolean(),
    isOverride: z.boolean().meta({ description: "The rule is the account's own." }),
    breakdown: z.array(costLine).meta({ description: 'What was used, by dimension and tier.' }),
    cost: costText.meta({ description: 'The sum of the breakdown, which is rounded once.' }),
    rounding: z.string(),
    minimum: amountText,
  })
  .meta({ id: 'PricePreview' });

export const rateCardEffectRequest = fields({
  proposal: rateCardRequest.meta({
    description: 'Taken as in force over the whole period, whatever its effectiveFrom.',
  }),
  startDate: day,
  endDate: day.meta({ description: 'The last day (inclusive).' }),
  accounts: z
    .array(accountId, must('must be a list of accounts'))
    .min(1, 'must name at least one account')
    .max(EFFECT_ACCOUNTS_MAX, `must name at most ${EFFECT_ACCOUNTS_MAX} accounts`)
    .superRefine((value, context) => {
      const index = value.findIndex((account, position) => value.indexOf(account) !== position);
      if (index >= 0) context.addIssue({ code: 'custom', path: [index], message: 'is named twice' });
    }),
})
  .refine((value) => value.startDate <= value.endDate, { path: ['endDate'], error: 'must not be before startDate' })
  .refine((value) => value.endDate < addDays(value.startDate, EFFECT_DAYS_MAX), {
    path: ['endDate'],
    error: `must be at most ${EFFECT_DAYS_MAX - 1} days after startDate`,
  })
  .meta({ id: 'RateCardEffectRequest', description: `Covers at most ${EFFECT_EVENTS_MAX} usage events.` });

const effectFigures = {
  events: z.number().int().meta({ description: 'Usage events read.' }),
  priced: z.number().int().meta({ description: 'Events that both have a price for; the amounts are of these.' }),
  unpriced: z.number().int().meta({ description: 'Events that have no price by one or the other, or that conflict.' }),
  published: amountText.meta({ description: 'Minor units by the versions in force when the events happened.' }),
  proposed: amountText.meta({ description: 'Minor units by the proposal.' }),
  difference: amountText.meta({ description: 'proposed - published, with its sign.' }),
  percent: z.string().meta({
    description: 'The difference in percent of published, rounded away from zero; of nothing published, 100.00.',
    examples: ['-12.50'],
  }),
};

/** What a proposed version would have charged for past usage, beside what the published ones charge. */
export const rateCardEffect = z
  .strictObject({
    rateCard: versionText,
    asset: z.string(),
    startDate: dayText,
    endDate: dayText,
    accounts: z.array(z.strictObject({ account: z.string(), ...effectFigures })),
    total: z.strictObject(effectFigures),
    reasons: z
      .array(
        z.strictObject({
          by: z.enum(['published', 'proposal', 'evidence']),
          rule: z.string(),
          events: z.number().int(),
        }),
      )
      .meta({ description: 'Why events have no price. Where there are very many reasons, the first of them.' }),
  })
  .meta({ id: 'RateCardEffect' });
