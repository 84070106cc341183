import * as z from 'zod';
import { AUDIT_ACTIONS, type AuditRecord } from '../../domain/audit.ts';
import {
  AUDIT_ANCHORS_DEFAULT,
  AUDIT_ANCHORS_MAX,
  AUDIT_NAME_CHARACTERS_MAX,
  AUDIT_RECORDS_DEFAULT,
  AUDIT_RECORDS_MAX,
} from '../limits.ts';
import { dayText, fields, instant, instantText, must, PLAIN_TEXT, PLAIN_TEXT_RULE } from './common.ts';

/** A whole number as queries carry it: text. */
function countUpTo(most: number) {
  const rule = `must be a whole number from 1 to ${most}`;
  return z
    .string(must(rule))
    .refine((text) => /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= most, { error: rule, abort: true })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: most });
}

const SEQUENCE_RULE = 'must be the sequence of a record: a whole number from 1 on, of at most 12 digits';

const sequence = z
  .string(must(SEQUENCE_RULE))
  .regex(/^[1-9][0-9]{0,11}$/, { error: SEQUENCE_RULE, abort: true })
  .transform(Number)
  .meta({ type: 'integer', minimum: 1 });

const filter = z
  .string(must('must be text'))
  .min(1, 'must not be empty')
  .max(AUDIT_NAME_CHARACTERS_MAX, `must have at most ${AUDIT_NAME_CHARACTERS_MAX} characters`)
  .regex(PLAIN_TEXT, PLAIN_TEXT_RULE);

export const auditQuery = fields({
  from: instant.optional().meta({ description: 'Records written at this time or later.' }),
  to: instant.optional().meta({ description: 'Records written before this time.' }),
  fromSequence: sequence.optional().meta({ description: 'The first record; the one with sequence 1 when left out.' }),
  toSequence: sequence.optional().meta({ description: 'The last record (inclusive).' }),
  actor: filter.optional().meta({ description: 'Who did it: the id of an API key, `owner`, or `run:<id>`.' }),
  action: z.enum(AUDIT_ACTIONS, must(`must be one of ${AUDIT_ACTIONS.join(', ')}`)).optional(),
  target: filter.optional().meta({ description: 'What it was done to: `account:customer:acme`, `key:<id>`.' }),
  order: z
    .enum(['asc', 'desc'], must('must be "asc" or "desc"'))
    .optional()
    .meta({ description: 'By sequence: `asc` begins with the earliest and is the default.' }),
  limit: countUpTo(AUDIT_RECORDS_MAX)
    .optional()
    .meta({ description: `Records on a page; ${AUDIT_RECORDS_DEFAULT} where it is left out.` }),
  cursor: sequence.optional().meta({
    description: 'The `next` of the page before, with the same other parameters.',
  }),
});

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ description: 'SHA-256 in hexadecimal digits.' });

/** A record as it is told and exported. Whatever stands in the chain is shown, also what nobody should have put there. */
export const auditRecord = z
  .strictObject({
    sequence: z.number().int(),
    at: z.string().meta({ format: 'date-time' }),
    actor: z.string(),
    action: z.string().meta({ examples: [...AUDIT_ACTIONS] }),
    target: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())])),
    previousHash: z.string(),
    hash: z.string(),
  })
  .meta({
    id: 'AuditRecord',
    description:
      'One link of the chain. `hash` is the SHA-256 of the RFC 8785 canonical JSON of the record without `hash`; `previousHash` is that of the record before, 64 zeros for the first.',
  });

/** A record as the rules of the chain take it. An action that is none of the list has a hash that says so, or a writer of its own. */
export function recordOf(record: z.output<typeof auditRecord>): AuditRecord {
  return record as AuditRecord;
}

export const auditPage = z
  .strictObject({
    records: z.array(auditRecord),
    next: z.string().optional().meta({
      description: 'Cursor of the next page, which may have records though this one has none; absent on the last one.',
    }),
  })
  .meta({ id: 'AuditPage' });

export const anchorsQuery = fields({
  limit: countUpTo(AUDIT_ANCHORS_MAX)
    .optional()
    .meta({ description: `How many, newest first; ${AUDIT_ANCHORS_DEFAULT} where it is left out.` }),
});

/** Where the chain ended on a day, as it is kept where nobody can rewrite it. */
export const auditAnchor = z
  .strictObject({
    day: dayText,
    sequence: z.number().int(),
    hash,
    anchoredAt: instantText,
    fault: z
      .string()
      .optional()
      .meta({ description: 'What was wrong with the chain at that time; absent where nothing was.' }),
  })
  .meta({
    id: 'AuditAnchor',
    description: 'The head of the audit chain when the day was anchored: what was there, whether or not it was sound.',
  });

export const auditAnchors = z
  .strictObject({ anchors: z.array(auditAnchor) })
  .meta({ id: 'AuditAnchors', description: 'Newest first.' });
