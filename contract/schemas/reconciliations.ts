import * as z from 'zod';
import { COMPARED_BOOKS } from '../../domain/reconciliation/scope.ts';
import { addDays } from '../../domain/time.ts';
import { RECONCILIATION_ACCOUNTS_MAX, RECONCILIATION_DAYS_MAX } from '../limits.ts';
import { accountId, day, dayText, fields, id, instantText, must } from './common.ts';

export const reconciliationRequest = fields({
  id: id
    .max(64, 'must have at most 64 characters')
    .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_": it names a workflow execution')
    .optional(),
  books: z
    .enum(COMPARED_BOOKS, must(`must be one of ${COMPARED_BOOKS.join(', ')}`))
    .optional()
    .meta({
      description:
        '`usage` (where it is left out): usage with the ledger, and balances with transfers. `invoices`: the ledger with the invoices of whole months that are over.',
    }),
  startDate: day,
  endDate: day.meta({ description: 'The last day that is compared (inclusive, as operators say it).' }),
  accounts: z
    .array(accountId, must('must be a list of account ids'))
    .min(1, 'must name at least one account')
    .max(RECONCILIATION_ACCOUNTS_MAX, `must name at most ${RECONCILIATION_ACCOUNTS_MAX} accounts`)
    .transform((ids) => [...new Set(ids)].sort())
    .optional()
    .meta({ description: 'Compares these accounts alone, not those below them; all accounts where it is left out.' }),
})
  .refine((value) => value.startDate <= value.endDate, { path: ['endDate'], error: 'must not be before startDate' })
  .refine((value) => value.endDate < addDays(value.startDate, RECONCILIATION_DAYS_MAX), {
    path: ['endDate'],
    error: `must be at most ${RECONCILIATION_DAYS_MAX} days after startDate`,
  })
  .meta({ id: 'ReconciliationRequest' });

const assetTotals = z.strictObject({
  asset: z.string(),
  expected: z.string().meta({ description: 'What the evidence should have cost.' }),
  actual: z.string().meta({ description: 'What the ledger charged.' }),
  discrepancy: z.string().meta({ description: 'actual - expected, with its sign.' }),
  discrepancyPercent: z.string(),
  overCharged: z.string(),
  underCharged: z.string(),
  undetermined: z.string().meta({ description: 'Charged where nobody can say what was to be expected.' }),
});

/** What a run came to. Amounts are decimal strings of minor units. */
export const reconciliationOutcome = z
  .strictObject({
    verdict: z.enum(['clean', 'discrepancies', 'inconclusive']),
    sentence: z.string().meta({ examples: ['Reconciliation complete: 0 discrepancies found'] }),
    findings: z.number().int(),
    findingsByKind: z.record(z.string(), z.number().int()),
    totals: z.array(assetTotals),
    pairsCompared: z.number().int(),
    evidenceRows: z.number().int(),
    ledgerRows: z.number().int(),
    accountsSeen: z.number().int(),
    accountsAffected: z.number().int(),
    accountsAffectedIsMinimum: z.boolean(),
    balancesChecked: z.number().int(),
    accountsTooBusy: z.number().int().meta({ description: 'Their balances moved too fast to be compared.' }),
    notPaired: z.number().int().meta({ description: 'Findings beyond the number that is looked at a second time.' }),
  })
  .meta({ id: 'ReconciliationOutcome' });

/** One comparison of the books over a period. */
export const reconciliation = z
  .strictObject({
    id: z.string(),
    status: z.enum(['requested', 'running', 'succeeded', 'failed']),
    books: z.enum(COMPARED_BOOKS).optional().meta({ description: 'Left out where usage was compared.' }),
    startDate: dayText,
    endDate: dayText,
    accounts: z.array(z.string()).optional().meta({ description: 'The run compared these accounts alone.' }),
    trigger: z.enum(['request', 'daily', 'recheck', 'spot', 'invoices']).meta({
      description: 'Who wanted it. A `spot` run compared a sample of accounts.',
    }),
    requestedAt: instantText,
    finishedAt: instantText.optional(),
    progress: z.strictObject({ slicesDone: z.number().int(), slicesTotal: z.number().int().optional() }),
    outcome: reconciliationOutcome.optional(),
    error: z.strictObject({ name: z.string(), cause: z.string() }).optional(),
    artifacts: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'Links by file name, good for 15 minutes.' }),
  })
  .meta({ id: 'Reconciliation' });

export const reconciliationsQuery = fields({
  schedule: z
    .enum(['daily', 'recheck', 'spot', 'invoices'], must('must be one of daily, recheck, spot, invoices'))
    .optional()
    .meta({ description: 'Runs of this schedule alone.' }),
});

export const reconciliationList = z
  .strictObject({ reconciliations: z.array(reconciliation) })
  .meta({ id: 'ReconciliationList' });
