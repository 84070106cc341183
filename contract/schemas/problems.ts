import * as z from 'zod';
import { deferred, type OutputOf } from './deferred.ts';

/** RFC 9457 problem document. `errors` names every field that broke a rule. */
export const problem = deferred(() =>
  z
    .strictObject({
      type: z.string().meta({ examples: ['urn:reckoner:problem:insufficient-funds'] }),
      title: z.string(),
      status: z.number().int(),
      detail: z.string(),
      errors: z.array(z.strictObject({ field: z.string(), rule: z.string() })).optional(),
      requestId: z.string().optional().meta({ description: 'Name it when you ask the operators about this answer.' }),
    })
    .meta({ id: 'Problem' }),
);

export type Problem = OutputOf<typeof problem>;

/** What the gateway in front of the service answers by itself: it cannot be made to write problem documents. */
export const gatewayMessage = deferred(() =>
  z
    .looseObject({ message: z.string() })
    .meta({ id: 'GatewayMessage', description: 'The answer of the gateway to a request whose key it did not let in.' }),
);

/** Every problem that the API answers with, its status, and what to do about it. */
export const problemKinds = {
  'invalid-request': { status: 400, title: 'The request breaks a rule' },
  'unknown-key': { status: 401, title: 'The API key is missing or not valid' },
  'insufficient-funds': { status: 402, title: 'The account has too little available' },
  'missing-scope': { status: 403, title: 'The API key may not do this' },
  'own-request': { status: 403, title: 'Whoever asks for a second person cannot be that person' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'account-unknown': { status: 404, title: 'There is no such account' },
  'account-frozen': { status: 409, title: 'The account is frozen' },
  'account-closed': { status: 409, title: 'The account is closed' },
  'account-not-empty': { status: 409, title: 'The balance of the account is not zero' },
  'limit-in-use': { status: 409, title: 'The account uses more of its credit limit' },
  'derived-balance': { status: 409, title: 'The account keeps no balance that could hold this' },
  'too-many-grants': { status: 409, title: 'The account has something left of as many grants as it may' },
  'not-reversible': { status: 409, title: 'A reversal cannot be reversed' },
  'over-reversed': { status: 409, title: 'Less of the transfer remains to be reversed' },
  'hold-captured': { status: 409, title: 'The hold was captured before' },
  'hold-released': { status: 409, title: 'The hold was released before' },
  'hold-expired': { status: 409, title: 'The hold has expired' },
  'over-captured': { status: 409, title: 'The capture is above what is held' },
  'too-many-reversals': { status: 409, title: 'The transfer has as many reversals as it may' },
  'approval-used': { status: 409, title: 'The approval was used' },
  'approval-decided': { status: 409, title: 'The approval was decided before' },
  'approval-expired': { status: 409, title: 'The approval has expired' },
  'repair-state': { status: 409, title: 'What is to be repaired is not in a state for this' },
  'billing-state': { status: 409, title: 'The invoice or the billing run is not in a state for this' },
  'plan-stale': { status: 409, title: 'The plan can no longer be applied' },
  'approval-needed': { status: 409, title: 'A second person must approve it first' },
  'group-failed': { status: 409, title: 'Another element of the group was not posted' },
  'key-revoked': { status: 409, title: 'The API key was revoked' },
  'key-rotated': { status: 409, title: 'The API key was rotated before' },
  'key-expired': { status: 409, title: 'The API key has expired' },
  'body-too-large': { status: 413, title: 'The request body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not one that is read here' },
  'hash-differs': { status: 422, title: 'The hash is not that of what is to be approved' },
  conflict: { status: 422, title: 'The id belongs to something else' },
  unpriced: { status: 422, title: 'The rate card has no price for this' },
  'too-much-usage': { status: 422, title: 'There is more usage than one answer covers' },
  'not-listed': { status: 422, title: 'The transfers of this account are not listed by account' },
  'too-much': { status: 422, title: 'More would have to be read than one answer can' },
  'before-opening': { status: 422, title: 'The account was not open yet at that time' },
  'internal-error': { status: 500, title: 'The service failed' },
  'ledger-paused': { status: 503, title: 'The ledger is paused' },
  unavailable: { status: 503, title: 'The ledger could not be reached in time' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemKind = keyof typeof problemKinds;
