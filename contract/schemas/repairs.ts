import * as z from 'zod';
import { HASH_PATTERN } from '../../domain/approvals.ts';
import { parseDecision, REPAIR_KINDS } from '../../domain/repairs/decisions.ts';
import { IMPORT_BATCH_SIZE, IMPORT_BATCH_SIZE_MAX, REPAIR_DECISIONS_MAX } from '../limits.ts';
import { amountText, dayText, fields, id, instantText, must } from './common.ts';

const repairId = id
  .max(64, 'must have at most 64 characters')
  .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_": it names workflow executions and files')
  .meta({ description: 'The run id of the repair: the idempotency key, for ever.', examples: ['fix-2026-11-20'] });

const KINDS_RULE = `must be a list of ${REPAIR_KINDS.join(', ')}`;

/** A way to answer findings. */
export const repairKind = z.enum(REPAIR_KINDS, must(KINDS_RULE));

/** What a person decided of a finding. */
export const repairDecision = z
  .string(must('must be text'))
  .refine(
    (text) => parseDecision(text) !== undefined,
    'must be "reverse", "leave", "evidence:<fingerprint>" or "evidence:<fingerprint>@<time>"',
  )
  .meta({ examples: ['reverse', 'evidence:0f1e2d3c4b5a6978'] });

const BATCH_SIZE_RULE = `must be a whole number from 1 to ${IMPORT_BATCH_SIZE_MAX}`;

const entriesFile = fields({
  sha256: z
    .string(must('must be text'))
    .regex(HASH_PATTERN, 'must be the SHA-256 of the file: 64 hexadecimal digits in lower case')
    .meta({ description: 'Of the file, so that what is planned is what was meant.' }),
  batchSize: z
    .int(must(BATCH_SIZE_RULE))
    .min(1, BATCH_SIZE_RULE)
    .max(IMPORT_BATCH_SIZE_MAX, BATCH_SIZE_RULE)
    .optional()
    .meta({
      description: `Entries that are posted before progress is noted; ${IMPORT_BATCH_SIZE} where it is left out.`,
    }),
});

export const repairRequest = fields({
  id: repairId,
  runId: z
    .string(must('must be text'))
    .min(1, 'must name a reconciliation run')
    .max(80, 'must have at most 80 characters')
    .optional()
    .meta({ description: 'The reconciliation run whose findings are to be repaired.' }),
  kinds: z.array(repairKind, must(KINDS_RULE)).min(1, 'must name at least one kind').optional().meta({
    description:
      '`backfill` what is missing, `dedupe` what is charged twice, `recalculate` wrong amounts and times, `rebalance` drifted balances, `decide` what people decided.',
  }),
  decisions: z
    .record(
      z.string().max(64, 'must be the id of a finding'),
      repairDecision,
      must('must be an object of decisions by finding'),
    )
    .refine(
      (value) => Object.keys(value).length <= REPAIR_DECISIONS_MAX,
      `must have at most ${REPAIR_DECISIONS_MAX} decisions`,
    )
    .optional()
    .meta({ description: 'What people decided, by the id of the finding. Needs the kind `decide`.' }),
  import: entriesFile.optional().meta({
    description:
      'Instead of the findings of a run: a file (CSV) of entries that the ledger should have. The answer has the link to upload it to.',
  }),
})
  .check(({ value, issues }) => {
    const { import: file, ...ofRun } = value;
    for (const path of ['runId', 'kinds', 'decisions'] as const) {
      const isGiven = ofRun[path] !== undefined;
      const message = file !== undefined ? 'must be left out where a file is imported' : 'is missing';
      if (isGiven === (file === undefined) || (path === 'decisions' && !isGiven)) continue;
      issues.push({ code: 'custom', input: value, path: [path], message });
    }
  })
  .refine((value) => value.decisions === undefined || value.kinds?.includes('decide') === true, {
    path: ['kinds'],
    error: 'must include "decide" where there are decisions',
  })
  .meta({ id: 'RepairRequest' });

export const applyRequest = fields({
  hash: z
    .string(must('must be text'))
    .regex(HASH_PATTERN, 'must be 64 hexadecimal digits in lower case')
    .meta({ description: 'Of the plan that was read: exactly that is applied, and nothing else.' }),
  takeOver: z.boolean(must('must be true or false')).optional().meta({
    description:
      'Of a repair that is being applied: takes it from the execution that has it, which has ended without a word. Should that one go on, it posts nothing more.',
  }),
}).meta({ id: 'RepairApplyRequest' });

export const rollbackRequest = fields({ id: repairId }).meta({ id: 'RepairRollbackRequest' });

const planTotals = z.strictObject({
  asset: z.string(),
  charged: amountText,
  givenBack: amountText,
  rebalanced: amountText.meta({ description: 'By how much stored balances are set to something else.' }),
  overCharged: z.number().int().meta({ description: 'Accounts that on the whole get something back.' }),
  underCharged: z.number().int().meta({ description: 'Accounts that on the whole are charged more.' }),
});

const plan = z.strictObject({
  hash: z
    .string()
    .meta({ description: 'Of exactly what would be done: what applying names and an approval is bound to.' }),
  plannedAt: instantText,
  goodUntil: instantText.meta({ description: 'From then on it is stale and cannot be applied.' }),
  steps: z.number().int(),
  parts: z.number().int(),
  answered: z.number().int().meta({ description: 'Findings that are gone when all steps are applied.' }),
  left: z.number().int().meta({ description: 'What is left for a person, each with a reason in left.ndjson.' }),
  entries: z
    .strictObject({
      read: z.number().int(),
      unchanged: z.number().int().meta({ description: 'The ledger has exactly this already.' }),
      duplicates: z.number().int().meta({ description: 'Said before in the file.' }),
      refused: z.number().int().meta({ description: 'Listed in errors.ndjson, each with its field and rule.' }),
      firstDay: dayText.optional(),
      lastDay: dayText.optional(),
    })
    .optional()
    .meta({ description: 'Rows of an imported file; those that would be posted are the steps.' }),
  stepsByKind: z.record(z.string(), z.number().int()),
  accounts: z.number().int(),
  totals: z.array(planTotals),
  aboveThreshold: z
    .boolean()
    .meta({ description: 'Applying takes an approval, and a backup of the ledger is made before.' }),
});

/** A repair, from its plan to its outcome. */
export const repair = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['findings', 'rollback', 'import']),
    of: z.string().meta({
      description: 'The reconciliation run, the repair that is rolled back, or the imported file: `sha256:<digest>`.',
    }),
    kinds: z.array(z.string()).optional(),
    decisions: z.record(z.string(), z.string()).optional(),
    startDate: dayText,
    endDate: dayText,
    accounts: z.array(z.string()).optional().meta({ description: 'Where these accounts alone were compared.' }),
    status: z
      .enum(['requested', 'planning', 'planned', 'nothing-to-do', 'applying', 'applied', 'stale', 'failed'])
      .meta({
        description:
          '`stale`: the books moved under the plan and nothing was posted. `failed` with a plan: may be applied again, and goes on where it was.',
      }),
    requestedBy: z.string(),
    requestedAt: instantText,
    upload: z
      .strictObject({ method: z.literal('PUT'), url: z.string(), expiresAt: instantText })
      .optional()
      .meta({ description: 'Where the file of an import is awaited.' }),
    plan: plan.optional(),
    approval: z.string().optional().meta({ description: 'The approval that applying needs.' }),
    applyRequestedBy: z.string().optional(),
    applyRequestedAt: instantText.optional(),
    backup: z.string().optional().meta({ description: 'ARN of the backup of the ledger made before.' }),
    progress: z.strictObject({ partsDone: z.number().int() }).optional(),
    counts: z
      .record(z.string(), z.number().int())
      .optional()
      .meta({ description: 'Steps by what became of them: posted, already-posted, stale, refused, not-tried.' }),
    verification: z
      .strictObject({
        runId: z.string(),
        verdict: z.enum(['clean', 'discrepancies', 'inconclusive']).optional(),
        findings: z.number().int().optional(),
      })
      .optional()
      .meta({ description: 'What a reconciliation of the same days came to afterwards.' }),
    finishedAt: instantText.optional(),
    error: z.strictObject({ name: z.string(), cause: z.string() }).optional(),
    artifacts: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'Links by file name, good for 15 minutes.' }),
  })
  .meta({ id: 'Repair' });

export const repairList = z
  .strictObject({ repairs: z.array(repair) })
  .meta({ id: 'RepairList', description: 'The latest, newest first.' });
