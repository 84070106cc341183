import * as z from 'zod';
import {
  CURSOR_CHARACTERS_MAX,
  STATEMENT_DAYS_DEFAULT,
  STATEMENT_DAYS_MAX,
  STATEMENT_ROWS_DEFAULT,
  STATEMENT_ROWS_MAX,
} from '../limits.ts';
import { amountText, day, dayText, fields, instant, instantText, must } from './common.ts';
import { deferred } from './deferred.ts';
import { grantShares, grantTerms } from './transfers.ts';

const ROWS_RULE = `must be a whole number from 1 to ${STATEMENT_ROWS_MAX}`;

/** A number as queries carry it: text. */
const rows = deferred(() =>
  z
    .string(must(ROWS_RULE))
    .refine((text) => /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= STATEMENT_ROWS_MAX, {
      error: ROWS_RULE,
      abort: true,
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: STATEMENT_ROWS_MAX }),
);

const firstDay = deferred(() =>
  day.optional().meta({
    description: `The first day, in UTC. Where it is left out, the last of ${STATEMENT_DAYS_DEFAULT} days is \`to\`.`,
  }),
);
const lastDay = deferred(() =>
  day.optional().meta({
    description: `The last day (inclusive, as operators say it); today where it is left out. At most ${STATEMENT_DAYS_MAX} days.`,
  }),
);

export const statementQuery = deferred(() =>
  fields({
    from: firstDay(),
    to: lastDay(),
    limit: rows()
      .optional()
      .meta({ description: `Transfers on a page; ${STATEMENT_ROWS_DEFAULT} where it is left out.` }),
    order: z
      .enum(['asc', 'desc'], must('must be "asc" or "desc"'))
      .optional()
      .meta({ description: 'By effective time: `asc` begins with the earliest and is the default.' }),
    cursor: z
      .string(must('must be text'))
      .max(CURSOR_CHARACTERS_MAX, `must have at most ${CURSOR_CHARACTERS_MAX} characters`)
      .optional()
      .meta({ description: 'The `next` of the page before. It knows its range and order, which may be left out.' }),
  }),
);

export const balanceQuery = deferred(() =>
  fields({
    effectiveAt: instant.optional().meta({
      description: 'Transfers that count until this time, inclusive; all that are posted where it is left out.',
    }),
    knownAt: instant
      .optional()
      .meta({ description: 'Transfers that the ledger knew by this time, inclusive; all where it is left out.' }),
  }),
);

export const usageQuery = deferred(() =>
  fields({
    from: firstDay(),
    to: lastDay(),
    by: z
      .enum(['key'], must('must be "key"'))
      .optional()
      .meta({ description: '`key` also divides the usage by the API keys that charged it.' }),
    under: z
      .enum(['true'], must('must be "true"'))
      .optional()
      .meta({ description: '`true` sums the usage of the account and of all below its path, which have one asset.' }),
  }),
);

const statementLine = deferred(() =>
  z.strictObject({
    id: z.string(),
    kind: z.enum(['transfer', 'charge']),
    amount: amountText.meta({ description: 'As the account sees it: what it got is positive, what it paid negative.' }),
    counterparty: z.string(),
    effectiveAt: instantText,
    recordedAt: instantText,
    requestId: z.string().optional(),
    operation: z.string().optional(),
    quantities: z.record(z.string(), amountText).optional(),
    rateCard: z.string().optional(),
    description: z.string().optional(),
    corrects: z.string().optional(),
    hold: z.string().optional(),
    grant: grantTerms().optional(),
    burned: grantShares().optional(),
    restored: grantShares().optional(),
    key: z.string().optional(),
  }),
);

export const statement = deferred(() =>
  z
    .strictObject({
      account: z.string(),
      asset: z.string(),
      from: dayText,
      to: dayText,
      order: z.enum(['asc', 'desc']),
      transfers: z.array(statementLine()).meta({
        description: 'In order of effective time, then of request id (or id), then of id.',
      }),
      next: z.string().optional().meta({ description: 'Cursor of the next page; absent on the last one.' }),
    })
    .meta({ id: 'Statement' }),
);

export const balance = deferred(() =>
  z
    .strictObject({
      account: z.string(),
      asset: z.string(),
      effectiveAt: instantText.optional(),
      knownAt: instantText.optional(),
      credits: amountText,
      debits: amountText,
      balance: amountText.meta({ description: 'credits - debits, summed from transfers.' }),
      kept: z
        .strictObject({ credits: amountText, debits: amountText, balance: amountText, available: amountText })
        .optional()
        .meta({
          description:
            'The strict balance as the account keeps it, where neither time is asked for. Transfers posted in the last moments may already be in here and not yet in the sums.',
        }),
    })
    .meta({ id: 'Balance' }),
);

const usageFigures = deferred(() => ({
  requests: z.number().int().meta({ description: 'Requests that were charged, whatever was corrected later.' }),
  amount: amountText.meta({ description: 'What they came to, less what was given back.' }),
}));

export const usageSummary = deferred(() =>
  z
    .strictObject({
      account: z.string(),
      asset: z.string(),
      from: dayText,
      to: dayText,
      accounts: z
        .number()
        .int()
        .optional()
        .meta({ description: 'How many accounts were summed, where `under` was asked for.' }),
      ...usageFigures(),
      days: z
        .array(z.strictObject({ day: dayText, ...usageFigures() }))
        .meta({ description: 'Days that have charges or corrections, in order.' }),
      keys: z
        .array(z.strictObject({ key: z.string(), ...usageFigures() }))
        .optional()
        .meta({ description: 'By the API key that charged; what was charged without one stands under `none`.' }),
      remaining: amountText
        .optional()
        .meta({ description: 'What the balances have available now; strict balances only.' }),
    })
    .meta({ id: 'UsageSummary' }),
);
