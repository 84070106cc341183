import * as z from 'zod';
import { HASH_PATTERN } from '../../domain/approvals.ts';
import { BILLING_ACCOUNTS_MAX, LINE_IMPORT_BATCH_SIZE, LINE_IMPORT_BATCH_SIZE_MAX } from '../limits.ts';
import { accountId, amountText, fields, instantText, must } from './common.ts';
import { month } from './invoices.ts';

const runId = z
  .string(must('must be text'))
  .max(64, 'must have at most 64 characters')
  .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_": it names a workflow execution');

const accounts = z
  .array(accountId, must('must be a list of account ids'))
  .min(1, 'must name at least one account')
  .max(BILLING_ACCOUNTS_MAX, `must name at most ${BILLING_ACCOUNTS_MAX} accounts`)
  .transform((ids) => [...new Set(ids)].sort())
  .optional()
  .meta({ description: 'These billed accounts alone; all where it is left out.' });

export const sha256Hex = z
  .string(must('must be text'))
  .regex(HASH_PATTERN, 'must be a SHA-256 in 64 hexadecimal digits of lower case');

const generate = fields({ id: runId, kind: z.literal('generate'), month, accounts });
const regenerate = fields({ id: runId, kind: z.literal('regenerate'), month, accounts });
const review = fields({ id: runId, kind: z.literal('review'), month, accounts });
const finalize = fields({
  id: runId,
  kind: z.literal('finalize'),
  review: runId.meta({ description: 'The review whose invoices are made final.' }),
  hash: sha256Hex.meta({ description: 'The hash of that review: exactly what was approved.' }),
});
const exporting = fields({ id: runId, kind: z.literal('export'), month });
const notices = fields({
  id: runId,
  kind: z.literal('notices'),
  of: runId.meta({ description: 'The regeneration whose changes customers are told of.' }),
  goodwillPercent: z
    .number(must('must be a number'))
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .max(100, 'must be at most 100')
    .optional()
    .meta({
      description: 'Percent of what was charged too little that the house bears; that of the configuration else.',
    }),
});

const RATE_CARD_RULE = 'must name a version of a rate card, such as "standard@2026-11-01T00:00:00.000Z"';
const parity = fields({
  id: runId,
  kind: z.literal('parity'),
  month,
  accounts,
  rateCard: z
    .string(must(RATE_CARD_RULE))
    .regex(/^[^@\s]{1,128}@\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/, RATE_CARD_RULE)
    .optional()
    .meta({ description: 'The published version that the month is priced by once more, whatever its date.' }),
  sha256: sha256Hex.optional().meta({
    description: 'Of a file with the columns of an import of lines, which is announced and compared with instead.',
  }),
}).refine(({ rateCard, sha256 }) => (rateCard === undefined) !== (sha256 === undefined), {
  path: ['rateCard'],
  error: 'must be there, or "sha256" of a file instead of it',
});

const BATCH_SIZE_RULE = `must be a whole number from 1 to ${LINE_IMPORT_BATCH_SIZE_MAX}`;

const importLines = fields({
  id: runId,
  kind: z.literal('import'),
  month: month.meta({ description: 'Rows of invoices of another month are refused.' }),
  sha256: sha256Hex.meta({ description: 'Of the file, so that what is written is what was meant.' }),
  batchSize: z
    .int(must(BATCH_SIZE_RULE))
    .min(1, BATCH_SIZE_RULE)
    .max(LINE_IMPORT_BATCH_SIZE_MAX, BATCH_SIZE_RULE)
    .default(LINE_IMPORT_BATCH_SIZE)
    .meta({
      description: 'Rows of a part of the file that is written at once. The rows of one invoice stay together.',
    }),
  dryRun: z
    .boolean(must('must be true or false'))
    .default(false)
    .meta({ description: 'Check and count; write nothing.' }),
});

const rollback = fields({
  id: runId,
  kind: z.literal('rollback'),
  of: runId.meta({ description: 'The import whose invoices get their lines of before back.' }),
});

const KINDS = [generate, regenerate, review, finalize, parity, importLines, rollback, exporting, notices] as const;
const KIND_NAMES = KINDS.map((kind) => `"${kind.shape.kind.value}"`).join(', ');

export const billingRunRequest = z
  .discriminatedUnion('kind', KINDS, { error: `must name what the run does, one of ${KIND_NAMES}` })
  .meta({ id: 'BillingRunRequest' });

const outcome = z.strictObject({
  sentence: z.string(),
  verdict: z
    .string()
    .optional()
    .meta({ examples: ['imported', 'partly-imported', 'dry-run', 'refused', 'restored', 'partly-restored'] }),
  counts: z.record(z.string(), z.number().int()),
  totals: z
    .array(z.strictObject({ asset: z.string(), before: amountText, after: amountText }))
    .optional()
    .meta({ description: 'What is asked for in all, before the run and after it.' }),
  hash: z.string().optional().meta({ description: 'Of a review: SHA-256 of exactly what is in it.' }),
  approval: z.string().optional(),
});

/** One run over the invoices of a month. */
export const billingRun = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    month: z.string().optional(),
    accounts: z.array(z.string()).optional(),
    rateCard: z.string().optional().meta({ description: 'The version that prices were compared with.' }),
    of: z.string().optional().meta({ description: 'The run that it is about.' }),
    dryRun: z.boolean().optional(),
    status: z.enum(['announced', 'requested', 'running', 'succeeded', 'failed']),
    requestedBy: z.string(),
    requestedAt: instantText,
    startedAt: instantText.optional(),
    finishedAt: instantText.optional(),
    progress: z.strictObject({ slicesDone: z.number().int(), slicesTotal: z.number().int().optional() }),
    outcome: outcome.optional(),
    error: z.strictObject({ name: z.string(), cause: z.string() }).optional(),
    upload: z
      .strictObject({ method: z.literal('PUT'), url: z.string(), expiresAt: instantText })
      .optional()
      .meta({ description: 'Where the announced file goes.' }),
    artifacts: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'Links by file name, good for 15 minutes.' }),
  })
  .meta({ id: 'BillingRun' });

export const billingRunList = z.strictObject({ billingRuns: z.array(billingRun) }).meta({ id: 'BillingRunList' });
