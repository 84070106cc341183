import * as z from 'zod';
import { GRANT_ID_CHARACTERS_MAX, GRANT_PRIORITY, GRANT_PRIORITY_MAX } from '../limits.ts';
import { accountId, amountText, description, fields, id, instant, instantText, must, wholeNumber } from './common.ts';
import { deferred } from './deferred.ts';

const PRIORITY_RULE = `must be a whole number from 0 to ${GRANT_PRIORITY_MAX}`;

export const grantId = deferred(() =>
  id.max(
    GRANT_ID_CHARACTERS_MAX,
    `must have at most ${GRANT_ID_CHARACTERS_MAX} characters, because the transfer that posts its expiry is named after it`,
  ),
);

export const grantRequest = deferred(() =>
  fields({
    id: grantId()
      .optional()
      .meta({ description: 'The idempotency key; may be sent as the header Idempotency-Key instead.' }),
    account: accountId.meta({ description: 'A customer account with a strict balance.' }),
    source: accountId.meta({
      description: 'The platform account that it is paid from.',
      examples: ['platform:promotions'],
    }),
    amount: wholeNumber.refine((value) => value > 0n, 'must be at least 1'),
    priority: z
      .int(must(PRIORITY_RULE))
      .min(0, PRIORITY_RULE)
      .max(GRANT_PRIORITY_MAX, PRIORITY_RULE)
      .optional()
      .meta({ description: `Lower is burned first; ${GRANT_PRIORITY} where it is left out.` }),
    expiresAt: instant.optional().meta({
      description: 'The first moment at which it cannot be spent any more; where it is left out, it lasts.',
    }),
    description: description.optional(),
  }).meta({ id: 'GrantRequest' }),
);

export const grants = deferred(() =>
  z
    .strictObject({
      account: z.string(),
      asset: z.string(),
      at: instantText,
      grants: z
        .array(
          z.strictObject({
            id: z.string(),
            remaining: amountText,
            priority: z.number().int(),
            expiresAt: instantText.optional(),
            grantedAt: instantText,
          }),
        )
        .meta({ description: 'What is left of each grant, in the order in which they are burned.' }),
      granted: amountText.meta({ description: 'What all these have left together.' }),
      paid: amountText.meta({ description: 'The rest of the balance, which is burned last.' }),
      expired: amountText.meta({
        description: 'What has expired and is not posted to breakage yet; nobody can spend it.',
      }),
    })
    .meta({ id: 'Grants' }),
);
