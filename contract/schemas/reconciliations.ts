import * as z from 'zod';
import { addDays } from '../../domain/time.ts';
import { RECONCILIATION_DAYS_MAX } from '../limits.ts';
import { day, dayText, id, instantText } from './common.ts';

export const reconciliationRequest = z
  .strictObject({
    id: id
      .max(64, 'must have at most 64 characters')
      .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, "-" and "_": it names a workflow execution')
      .optional(),
    startDate: day,
    endDate: day.meta({ description: 'The last day that is compared (inclusive, as operators say it).' }),
  })
  .refine((value) => value.startDate <= value.endDate, { path: ['endDate'], error: 'must not be before startDate' })
  .refine((value) => value.endDate < addDays(value.startDate, RECONCILIATION_DAYS_MAX), {
    path: ['endDate'],
    error: `must be at most ${RECONCILIATION_DAYS_MAX} days after startDate`,
  })
  .meta({ id: 'ReconciliationRequest' });

const assetTotals = z.strictObject({
  asset: z.string(),
  expected: z.string(),
  actual: z.string(),
  discrepancy: z.string().meta({ description: 'actual - expected, with its sign.' }),
  discrepancyPercent: z.string(),
  overCharged: z.string(),
  underCharged: z.string(),
});

/** One comparison of the books over a period. Amounts are decimal strings of minor units. */
export const reconciliation = z
  .strictObject({
    id: z.string(),
    status: z.enum(['requested', 'running', 'succeeded', 'failed']),
    startDate: dayText,
    endDate: dayText,
    trigger: z.string(),
    requestedAt: instantText,
    finishedAt: instantText.optional(),
    progress: z.strictObject({ slicesDone: z.number().int(), slicesTotal: z.number().int().optional() }),
    verdict: z.enum(['clean', 'discrepancies', 'inconclusive']).optional(),
    findings: z.number().int().optional(),
    findingsByKind: z.record(z.string(), z.number().int()).optional(),
    totals: z.array(assetTotals).optional(),
    pairsCompared: z.number().int().optional(),
    evidenceRows: z.number().int().optional(),
    ledgerRows: z.number().int().optional(),
    accountsSeen: z.number().int().optional(),
    accountsAffected: z.number().int().optional(),
    accountsTooBusy: z.number().int().optional(),
    notPaired: z.number().int().optional(),
    error: z.strictObject({ name: z.string(), cause: z.string() }).optional(),
    artifacts: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'Links by file name, good for 15 minutes.' }),
  })
  .meta({ id: 'Reconciliation' });

export const reconciliationList = z
  .strictObject({ reconciliations: z.array(reconciliation) })
  .meta({ id: 'ReconciliationList' });
