import * as z from 'zod';
import { KEY_ID_PATTERN } from '../../domain/api-keys.ts';
import {
  KEY_NAME_CHARACTERS_MAX,
  KEY_OVERLAP_SECONDS,
  KEY_OVERLAP_SECONDS_MAX,
  KEYS_LISTED,
  KEYS_LISTED_MAX,
} from '../limits.ts';
import { scopes } from '../scopes.ts';
import { accountId, dayText, fields, instant, instantText, must, PLAIN_TEXT, PLAIN_TEXT_RULE } from './common.ts';

const keyId = z
  .string(must('must be text'))
  .regex(KEY_ID_PATTERN, 'must be 16 hexadecimal digits in lower case')
  .meta({ examples: ['5d0c1b7fa2e94c38'] });

export const keyRequest = fields({
  id: keyId.optional().meta({
    description: 'Made when left out. Sent again it is a conflict and never a replay, because the key is told once.',
  }),
  name: z
    .string(must('must be text'))
    .min(1, 'must not be empty')
    .max(KEY_NAME_CHARACTERS_MAX, `must have at most ${KEY_NAME_CHARACTERS_MAX} characters`)
    .regex(PLAIN_TEXT, PLAIN_TEXT_RULE)
    .meta({ description: 'For people: who or what holds the key.', examples: ['billing worker'] }),
  scopes: z
    .array(z.enum(scopes, must(`must be one of ${scopes.join(', ')}`)), must('must be a list of scopes'))
    .min(1, 'must name at least one scope')
    .max(scopes.length, 'must not name a scope twice')
    .refine((value) => new Set(value).size === value.length, 'must not name a scope twice'),
  account: accountId
    .optional()
    .meta({ description: 'Binds the key to this account and all below its path: nothing else exists for it.' }),
  person: z
    .string(must('must be text'))
    .min(1, 'must not be empty')
    .max(KEY_NAME_CHARACTERS_MAX, `must have at most ${KEY_NAME_CHARACTERS_MAX} characters`)
    .regex(PLAIN_TEXT, PLAIN_TEXT_RULE)
    .optional()
    .meta({
      description: 'Who holds the key, so that approvals can tell people apart: give all keys of one person the same.',
      examples: ['ada@example.com'],
    }),
  expiresAt: instant.optional(),
}).meta({ id: 'KeyRequest' });

const OVERLAP_RULE = `must be a whole number of seconds from 0 to ${KEY_OVERLAP_SECONDS_MAX}`;

export const keyRotationRequest = fields({
  overlapSeconds: z
    .number(must(OVERLAP_RULE))
    .int(OVERLAP_RULE)
    .min(0, OVERLAP_RULE)
    .max(KEY_OVERLAP_SECONDS_MAX, OVERLAP_RULE)
    .default(KEY_OVERLAP_SECONDS)
    .meta({ description: 'Seconds for which the old key goes on working; never beyond its own expiry.' }),
  expiresAt: instant
    .optional()
    .meta({ description: 'When the new key expires; left out, when the old one would have.' }),
}).meta({ id: 'KeyRotationRequest' });

const LIMIT_RULE = `must be a whole number from 1 to ${KEYS_LISTED_MAX}`;

export const keyListQuery = fields({
  limit: z
    .string(must(LIMIT_RULE))
    .refine((text) => /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= KEYS_LISTED_MAX, {
      error: LIMIT_RULE,
      abort: true,
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: KEYS_LISTED_MAX })
    .optional()
    .meta({ description: `Keys on a page; ${KEYS_LISTED} where it is left out.` }),
  cursor: z
    .string(must('must be text'))
    .regex(KEY_ID_PATTERN, 'must be the `next` of the page before')
    .optional()
    .meta({ description: 'The `next` of the page before.' }),
});

const key = {
  id: keyId,
  name: z.string(),
  scopes: z.array(z.string()),
  account: z.string().optional(),
  person: z.string().optional(),
  status: z.enum(['active', 'rotated', 'expired', 'revoked']).meta({
    description: '`rotated`: another key took its place, and it works until it expires.',
  }),
  createdAt: instantText,
  createdBy: z.string().optional().meta({
    description: "The key that made it; absent where the AWS account's owner did.",
  }),
  expiresAt: instantText.optional(),
  replaces: z.string().optional(),
  replacedBy: z.string().optional(),
  revokedAt: instantText.optional(),
  revokedBy: z.string().optional(),
  lastUsedOn: dayText.optional().meta({ description: 'The last day on which it was let in, by UTC.' }),
};

export const apiKey = z.strictObject(key).meta({ id: 'Key' });

/** The only answer that carries the key itself. */
export const issuedKey = z
  .strictObject({
    ...key,
    key: z
      .string()
      .meta({ description: 'Told once: only its digest is kept.', examples: ['rk_prod_5d0c1b7fa2e94c38_...'] }),
  })
  .meta({ id: 'IssuedKey' });

export const keyList = z
  .strictObject({ keys: z.array(apiKey), next: z.string().optional() })
  .meta({ id: 'KeyList', description: 'In order of their ids; without `next` it is the last page.' });
