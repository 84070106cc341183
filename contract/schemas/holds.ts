import * as z from 'zod';
import {
  CURSOR_CHARACTERS_MAX,
  HOLD_DAYS_MAX,
  HOLD_SECONDS,
  HOLD_SECONDS_MAX,
  HOLD_SECONDS_MIN,
  HOLDS_LISTED,
  HOLDS_LISTED_MAX,
} from '../limits.ts';
import {
  accountId,
  amountText,
  day,
  dayText,
  description,
  fields,
  id,
  instant,
  instantText,
  must,
  name,
  quantities,
  wholeNumber,
} from './common.ts';
import { deferred } from './deferred.ts';

const SECONDS_RULE = `must be a whole number of seconds from ${HOLD_SECONDS_MIN} to ${HOLD_SECONDS_MAX}`;

const seconds = deferred(() =>
  z
    .number(must(SECONDS_RULE))
    .int(SECONDS_RULE)
    .min(HOLD_SECONDS_MIN, SECONDS_RULE)
    .max(HOLD_SECONDS_MAX, SECONDS_RULE),
);

const requestId = deferred(() =>
  id.optional().meta({ description: 'The request that evidence will name; the id of the hold else.' }),
);

export const holdRequest = deferred(() =>
  fields({
    id: id.optional().meta({ description: 'The idempotency key; may be sent as the header Idempotency-Key instead.' }),
    account: accountId,
    amount: wholeNumber
      .refine((value) => value > 0n, 'must be at least 1')
      .optional()
      .meta({ description: 'How much to hold; goes with `credit`, and not with `operation`.' }),
    credit: accountId.optional().meta({ description: 'Whom a capture pays; goes with `amount`.' }),
    operation: name.optional().meta({ description: 'Holds what `quantities` of it cost by the rate card now.' }),
    quantities: quantities.optional().meta({ description: 'The estimate; goes with `operation`.' }),
    expiresAt: instant.optional().meta({
      description: `The first moment at which nothing is held any more. Where neither this nor \`expiresInSeconds\` is sent, it lasts ${HOLD_SECONDS} seconds.`,
    }),
    expiresInSeconds: seconds().optional().meta({ description: 'How long it lasts; instead of `expiresAt`.' }),
    requestId: requestId(),
    description: description.optional(),
  })
    .refine((value) => value.amount !== undefined || value.operation !== undefined, {
      path: ['amount'],
      error: 'is missing: send amount and credit, or operation and quantities',
    })
    .refine((value) => value.amount === undefined || value.operation === undefined, {
      path: ['operation'],
      error: 'must not be sent with amount; a hold is for one of them',
    })
    .refine((value) => (value.amount === undefined) === (value.credit === undefined), {
      path: ['credit'],
      error: 'goes with amount: send both or neither',
    })
    .refine((value) => (value.operation === undefined) === (value.quantities === undefined), {
      path: ['quantities'],
      error: 'goes with operation: send both or neither',
    })
    .refine((value) => value.credit !== value.account, { path: ['credit'], error: 'must be another account' })
    .refine((value) => value.expiresAt === undefined || value.expiresInSeconds === undefined, {
      path: ['expiresInSeconds'],
      error: 'must not be sent with expiresAt; one of them says how long',
    })
    .meta({ id: 'HoldRequest' }),
);

export const captureRequest = deferred(() =>
  fields({
    id: id.optional().meta({ description: 'The idempotency key; may be sent as the header Idempotency-Key instead.' }),
    amount: wholeNumber.optional().meta({
      description: 'How much to take; the rest is free at once. All that is held where no usage is sent either.',
    }),
    operation: name.optional().meta({ description: 'Takes what `quantities` of it cost by the rate card.' }),
    quantities: quantities.optional().meta({ description: 'What was used; goes with `operation`.' }),
    requestId: id.optional().meta({
      description: 'The request that evidence will name; that of the hold where it is left out, or the id of the hold.',
    }),
    effectiveAt: instant.optional().meta({
      description: 'When it counts. Send the time that the usage event carries; now where it is left out.',
    }),
    description: description.optional(),
  })
    .refine((value) => value.amount === undefined || value.operation === undefined, {
      path: ['operation'],
      error: 'must not be sent with amount; a capture is by one of them',
    })
    .refine((value) => (value.operation === undefined) === (value.quantities === undefined), {
      path: ['quantities'],
      error: 'goes with operation: send both or neither',
    })
    .meta({ id: 'CaptureRequest' }),
);

export const releaseRequest = deferred(() =>
  fields({
    reason: description.optional().meta({ description: 'Shown with the hold, to whoever may read it.' }),
  }).meta({ id: 'HoldReleaseRequest' }),
);

export const hold = deferred(() =>
  z
    .strictObject({
      id: z.string(),
      account: z.string(),
      credit: z.string().meta({ description: 'Whom a capture of an amount pays.' }),
      asset: z.string(),
      amount: amountText,
      status: z.enum(['open', 'captured', 'released', 'expired']).meta({
        description: 'As of now: it has expired from `expiresAt` on, whether that was written down yet or not.',
      }),
      createdAt: instantText,
      expiresAt: instantText,
      requestId: z.string().optional(),
      operation: z.string().optional(),
      quantities: z.record(z.string(), amountText).optional(),
      rateCard: z
        .string()
        .optional()
        .meta({ description: 'Name and effective date of the version that made the amount.' }),
      description: z.string().optional(),
      key: z.string().optional().meta({ description: 'The id of the API key that made the hold.' }),
      resolution: z
        .strictObject({
          kind: z.enum(['captured', 'released', 'expired']),
          at: instantText.meta({ description: 'When it ended; of an expiry, when it was to expire.' }),
          recordedAt: instantText.meta({ description: 'When the ledger wrote it down.' }),
          by: z.string().optional().meta({ description: 'The id of the API key that ended it.' }),
          reason: z.string().optional(),
          transferId: z.string().optional().meta({ description: 'The id of the transfer that captured it.' }),
          captured: amountText.optional(),
          freed: amountText.meta({ description: 'What became available again.' }),
        })
        .optional()
        .meta({ description: 'How it ended; there is one at most, and it never changes.' }),
    })
    .meta({ id: 'Hold' }),
);

const LIMIT_RULE = `must be a whole number from 1 to ${HOLDS_LISTED_MAX}`;

const limit = deferred(() =>
  z
    .string(must(LIMIT_RULE))
    .refine((text) => /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= HOLDS_LISTED_MAX, {
      error: LIMIT_RULE,
      abort: true,
    })
    .transform(Number)
    .optional()
    .meta({
      type: 'integer',
      minimum: 1,
      maximum: HOLDS_LISTED_MAX,
      description: `Holds on a page; ${HOLDS_LISTED} where it is left out. A page may have fewer and not be the last.`,
    }),
);

const cursor = deferred(() =>
  z
    .string(must('must be text'))
    .max(CURSOR_CHARACTERS_MAX, `must have at most ${CURSOR_CHARACTERS_MAX} characters`)
    .optional()
    .meta({ description: 'The `next` of the page before. It knows its status and range, which may be left out.' }),
);

export const accountHoldsQuery = deferred(() =>
  fields({
    status: z.enum(['open', 'all'], must('must be "open" or "all"')).optional().meta({
      description: '`open`: those that still reserve something, and the default. `all`: whatever became of them.',
    }),
    from: day.optional().meta({ description: 'The first day of expiry, in UTC; today where it is left out.' }),
    to: day.optional().meta({
      description: `The last day of expiry (inclusive); the last on which a hold of now can expire where it is left out. At most ${HOLD_DAYS_MAX} days.`,
    }),
    limit: limit(),
    cursor: cursor(),
  }),
);

export const holdReportQuery = deferred(() =>
  fields({
    status: z
      .enum(['expired', 'uncaptured'], must('must be "expired" or "uncaptured"'))
      .optional()
      .meta({ description: '`uncaptured`: expired or released, and the default. `expired`: those that nobody ended.' }),
    from: day.optional().meta({ description: 'The first day of expiry, in UTC; the last of seven days is `to` else.' }),
    to: day.optional().meta({
      description: `The last day of expiry (inclusive); today where it is left out. At most ${HOLD_DAYS_MAX} days.`,
    }),
    limit: limit(),
    cursor: cursor(),
  }),
);

const page = deferred(() => ({
  from: dayText,
  to: dayText,
  holds: z.array(hold()).meta({ description: 'In order of expiry, then of id.' }),
  next: z.string().optional().meta({ description: 'Cursor of the next page; absent on the last one.' }),
}));

export const accountHolds = deferred(() =>
  z.strictObject({ account: z.string(), status: z.enum(['open', 'all']), ...page() }).meta({ id: 'AccountHolds' }),
);

export const holdReport = deferred(() =>
  z
    .strictObject({
      status: z.enum(['expired', 'uncaptured']),
      ...page(),
      totals: z
        .array(z.strictObject({ asset: z.string(), holds: z.number().int(), amount: amountText }))
        .meta({ description: 'What the holds of this page come to, by asset. Add them up over the pages.' }),
    })
    .meta({ id: 'HoldReport' }),
);
