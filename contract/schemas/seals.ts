import * as z from 'zod';
import { CHANGE_KINDS } from '../../domain/seals/compare.ts';
import { SHOWN_MAX } from '../../domain/seals/outcome.ts';
import { addDays } from '../../domain/time.ts';
import { SEAL_DAYS_MAX, SEAL_VERIFICATION_DAYS_MAX, SEALS_LISTED, SEALS_LISTED_MAX } from '../limits.ts';
import { day, dayText, fields, id, instantText, must } from './common.ts';

/** A request for some days. */
function daysRequest(most: number) {
  return fields({
    id: id
      .max(64, 'must have at most 64 characters')
      .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_": it names a workflow execution')
      .optional(),
    from: day,
    to: day.meta({ description: 'The last day (inclusive).' }),
  })
    .refine((value) => value.from <= value.to, { path: ['to'], error: 'must not be before from' })
    .refine((value) => value.to < addDays(value.from, most), {
      path: ['to'],
      error: `must be at most ${most - 1} days after from`,
    });
}

export const sealRequest = daysRequest(SEAL_DAYS_MAX).meta({ id: 'SealRequest' });
export const sealVerificationRequest = daysRequest(SEAL_VERIFICATION_DAYS_MAX).meta({ id: 'SealVerificationRequest' });

const LIMIT_RULE = `must be a whole number from 1 to ${SEALS_LISTED_MAX}`;
const CURSOR_RULE = 'must be the `next` of the page before';

export const sealListQuery = fields({
  limit: z
    .string(must(LIMIT_RULE))
    .refine((text) => /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= SEALS_LISTED_MAX, {
      error: LIMIT_RULE,
      abort: true,
    })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: SEALS_LISTED_MAX })
    .optional()
    .meta({ description: `Seals on a page; ${SEALS_LISTED} where it is left out.` }),
  cursor: z
    .string(must(CURSOR_RULE))
    .regex(/^[1-9][0-9]{0,11}$/, { error: CURSOR_RULE, abort: true })
    .transform(Number)
    .meta({ type: 'integer', minimum: 1 })
    .optional()
    .meta({ description: 'The `next` of the page before.' }),
});

const hash = z.string().meta({ description: 'SHA-256 in hexadecimal digits.' });

/** One link of the chain of seals. */
export const seal = z
  .strictObject({
    sequence: z.number().int(),
    id: z.string(),
    sealedAt: instantText,
    recordedUntil: instantText.meta({ description: 'It holds what was recorded up to this moment.' }),
    days: z.array(dayText),
    entries: z.number().int().meta({ description: 'A transfer between two customers is one at each.' }),
    contents: hash,
    previousHash: hash,
    hash,
  })
  .meta({
    id: 'Seal',
    description:
      'One link of the chain. `hash` is the SHA-256 of the RFC 8785 canonical JSON of the seal without `hash`; `previousHash` is that of the seal before, 64 zeros for the first.',
  });

export const sealList = z
  .strictObject({ seals: z.array(seal), next: z.string().optional() })
  .meta({ id: 'SealList', description: 'Newest first; without `next` it is the last page.' });

const change = z
  .strictObject({
    account: z.string(),
    day: dayText,
    transfer: z.string(),
    what: z.enum(CHANGE_KINDS),
    seal: z.number().int().meta({ description: 'The sequence of the seal that says so.' }),
  })
  .meta({ id: 'SealChange' });

const outcome = z
  .strictObject({
    verdict: z.enum(['intact', 'broken', 'not-sealed']).meta({
      description: '`not-sealed`: nothing was found changed, but of some days nothing can be said.',
    }),
    sentence: z.string(),
    changes: z.number().int(),
    changesByKind: z.record(z.string(), z.number().int()),
    firstChanges: z.array(change).meta({ description: `At most ${SHOWN_MAX}; all are in changes.ndjson.` }),
    faults: z.number().int().meta({ description: 'What is wrong with the chain of seals.' }),
    firstFaults: z
      .array(
        z.strictObject({
          kind: z.string(),
          sequence: z.number().int(),
          to: z.number().int().optional().meta({ description: 'The last sequence of a gap of several.' }),
          sentence: z.string(),
        }),
      )
      .meta({ description: `At most ${SHOWN_MAX}.` }),
    daysNotSealed: z.array(dayText),
    unsealed: z.number().int().meta({
      description:
        'Entries that were recorded after the seal of their day, more than 36 hours ago, and are in no later one.',
    }),
    daysUnsealed: z.array(dayText).meta({ description: 'The days that these count on.' }),
    entries: z.number().int().meta({ description: 'Entries of the ledger that were read.' }),
    seal: z.strictObject({ sequence: z.number().int(), hash }).optional(),
  })
  .meta({ id: 'SealOutcome' });

const run = {
  id: z.string(),
  status: z.enum(['requested', 'running', 'succeeded', 'failed']),
  from: dayText,
  to: dayText,
  days: z.number().int(),
  trigger: z.enum(['request', 'daily', 'weekly']),
  requestedAt: instantText,
  finishedAt: instantText.optional(),
  progress: z.strictObject({ slicesDone: z.number().int(), slicesTotal: z.number().int().optional() }),
  outcome: outcome.optional(),
  error: z.strictObject({ name: z.string(), cause: z.string() }).optional(),
  artifacts: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Links by file name, good for 15 minutes.' }),
};

/** The making of a seal. */
export const sealing = z.strictObject(run).meta({ id: 'Sealing' });

export const sealVerification = z.strictObject(run).meta({ id: 'SealVerification' });
