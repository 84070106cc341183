import * as z from 'zod';
import {
  accountId,
  amountText,
  asset,
  description,
  fields,
  id,
  instant,
  instantText,
  name,
  quantities,
  wholeNumber,
} from './common.ts';
import { deferred } from './deferred.ts';

export const chargeRequest = deferred(() =>
  fields({
    id: id.optional().meta({ description: 'The idempotency key; may be sent as the header Idempotency-Key instead.' }),
    account: accountId,
    operation: name,
    quantities,
    requestId: id.optional().meta({ description: 'The request that evidence will name; the id where it is left out.' }),
    effectiveAt: instant.optional().meta({
      description: 'When it counts. Send the time that the usage event carries; now where it is left out.',
    }),
  }).meta({ id: 'ChargeRequest' }),
);

export const transferRequest = deferred(() =>
  fields({
    id: id.optional().meta({ description: 'The idempotency key; may be sent as the header Idempotency-Key instead.' }),
    debit: accountId,
    credit: accountId,
    amount: wholeNumber,
    asset,
    effectiveAt: instant.optional().meta({ description: 'When it counts; now where it is left out.' }),
    description: description.optional(),
  })
    .refine((value) => value.debit !== value.credit, { path: ['credit'], error: 'must be another account than debit' })
    .meta({ id: 'TransferRequest' }),
);

export const reversalRequest = deferred(() =>
  fields({
    id: id.optional().meta({ description: 'The idempotency key; may be sent as the header Idempotency-Key instead.' }),
    amount: wholeNumber
      .refine((value) => value > 0n, 'must be at least 1')
      .optional()
      .meta({ description: 'How much to take back; all that remains where it is left out.' }),
    effectiveAt: instant.optional().meta({
      description: 'When it counts; when the original counts where it is left out, so that both net to nothing.',
    }),
    description: description.optional(),
  }).meta({ id: 'ReversalRequest' }),
);

/** The terms of a grant. */
export const grantTerms = deferred(() =>
  z.strictObject({ priority: z.number().int(), expiresAt: instantText.optional() }),
);

/** What of a transfer came out of grants, or went back into them. */
export const grantShares = deferred(() => z.array(z.strictObject({ grant: z.string(), amount: amountText })));

export const transfer = deferred(() =>
  z
    .strictObject({
      id: z.string(),
      kind: z.enum(['transfer', 'charge']),
      debit: z.string(),
      credit: z.string(),
      asset: z.string(),
      amount: amountText,
      effectiveAt: instantText,
      recordedAt: instantText,
      requestId: z.string().optional(),
      operation: z.string().optional(),
      quantities: z.record(z.string(), amountText).optional(),
      rateCard: z
        .string()
        .optional()
        .meta({ description: 'Name and effective date of the version that made the amount.' }),
      description: z.string().optional(),
      corrects: z.string().optional().meta({ description: 'The id of the transfer that this one takes back.' }),
      hold: z.string().optional().meta({ description: 'The id of the hold that this one captures.' }),
      grant: grantTerms().optional().meta({ description: 'The terms of a grant.' }),
      burned: grantShares()
        .optional()
        .meta({ description: 'What of it came out of grants, in the order of burning; the rest was paid money.' }),
      restored: grantShares()
        .optional()
        .meta({ description: 'What of it went back into grants that the transfer which it takes back had burned.' }),
      reversed: amountText
        .optional()
        .meta({ description: 'How much of it was taken back; told where it is read by id.' }),
      reversedBy: z.array(z.string()).optional().meta({ description: 'The ids of its reversals, first to last.' }),
      key: z.string().optional().meta({ description: 'The id of the API key that made the charge.' }),
      repair: z.string().optional().meta({ description: 'The id of the repair that posted it.' }),
    })
    .meta({ id: 'Transfer' }),
);
