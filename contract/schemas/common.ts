import * as z from 'zod';
import { DIMENSIONS_MAX } from '../../domain/evidence.ts';
import { ACCOUNT_ID_PATTERN, ID_PATTERN, isReservedId, NAME_PATTERN, RESERVED_PREFIXES } from '../../domain/ids.ts';
import { AMOUNT_MAX, ASSET_PATTERN, parseAmount } from '../../domain/money.ts';
import { parseDay, parseInstant } from '../../domain/time.ts';
import { DESCRIPTION_CHARACTERS_MAX } from '../limits.ts';

/**
 * Fields that many requests share. Each says its rule in one sentence, and reads the wire's text into the domain's
 * value, so that behind the edge nothing has to be parsed again.
 */

/** A field's rule; a field that is not there at all is told so. */
export function must(rule: string) {
  return { error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? 'is missing' : rule) };
}

/** An object with these fields and no others. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, must('must be a JSON object'));
}

/** Text of one line that any table and terminal can hold: no control characters, no halves of UTF-16 pairs. */
export const PLAIN_TEXT = /^[^\p{Cc}\p{Cs}]*$/u;
export const PLAIN_TEXT_RULE = 'must not have control characters or broken Unicode';

const RESERVED_RULE = `must not begin with ${RESERVED_PREFIXES.map((prefix) => `"${prefix}"`).join(' or ')}: the ledger gives such ids itself`;

/** An id of a caller's choice. Those that the ledger gives itself can be read by `ID_PATTERN` and not be chosen. */
export const id = z
  .string(must('must be text'))
  .regex(
    ID_PATTERN,
    'must be 1 to 128 visible ASCII characters from "$" to "~" (no spaces, "!", quotes, "#" or control characters)',
  )
  .refine((value) => !isReservedId(value), RESERVED_RULE)
  .meta({ description: 'Chosen by the caller; the idempotency key, for ever.', examples: ['req-8f14e45f'] });

export const accountId = z
  .string(must('must be text'))
  .regex(
    ACCOUNT_ID_PATTERN,
    'must be an account path such as "customer:acme": lower-case first segment, then segments of letters, digits and ._@-',
  )
  .meta({ examples: ['customer:acme'] });

export const name = z
  .string(must('must be text'))
  .regex(NAME_PATTERN, 'must be 1 to 64 characters: a letter or digit, then letters, digits and ._:/-')
  .meta({ examples: ['chat-completion'] });

export const asset = z
  .string(must('must be text'))
  .regex(ASSET_PATTERN, 'must be an asset code with its scale, such as "TOKEN" or "USD/2"')
  .meta({ examples: ['TOKEN', 'USD/2'] });

const WHOLE_NUMBER_RULE = `must be a whole number of minor units from 0 to ${AMOUNT_MAX}, as a decimal string ("1250") or a safe JSON integer`;

/** Minor units or a quantity: a decimal string, or an integer that JSON carries exactly. */
export const wholeNumber = z.union([z.string(), z.number()], must(WHOLE_NUMBER_RULE)).transform((value, context) => {
  const amount = parseAmount(value);
  if (amount === undefined) context.addIssue({ code: 'custom', message: WHOLE_NUMBER_RULE });
  return amount ?? 0n;
});

/** What answers carry: always text. */
export const amountText = z
  .string()
  .regex(/^-?[0-9]+$/)
  .meta({ description: 'Minor units as a decimal string.', examples: ['1250'] });

export const instant = z.string(must('must be text')).transform((value, context) => {
  const parsed = parseInstant(value);
  if (parsed === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'must be an RFC 3339 time with an offset, such as "2026-11-20T08:15:30.123Z"',
    });
  }
  return parsed ?? '';
});

export const instantText = z.string().meta({ format: 'date-time', examples: ['2026-11-20T08:15:30.123Z'] });

export const day = z.string(must('must be text')).transform((value, context) => {
  const parsed = parseDay(value);
  if (parsed === undefined)
    context.addIssue({ code: 'custom', message: 'must be a calendar day, such as "2026-11-20"' });
  return parsed ?? '';
});

export const dayText = z.string().meta({ format: 'date', examples: ['2026-11-20'] });

export const quantities = z
  .record(name, wholeNumber, must('must be an object of whole numbers by dimension, such as {"input_tokens": 4808}'))
  .refine((value) => Object.keys(value).length <= DIMENSIONS_MAX, `must have at most ${DIMENSIONS_MAX} dimensions`);

export const description = z
  .string(must('must be text'))
  .max(DESCRIPTION_CHARACTERS_MAX, `must have at most ${DESCRIPTION_CHARACTERS_MAX} characters`)
  .regex(PLAIN_TEXT, PLAIN_TEXT_RULE);
