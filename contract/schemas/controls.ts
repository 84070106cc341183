import * as z from 'zod';
import { description, fields, instantText, must } from './common.ts';

export const ledgerControlRequest = fields({
  paused: z.boolean(must('must be true or false')),
  reason: description.min(1, 'must say why, for whoever reads it next'),
}).meta({ id: 'LedgerControlRequest' });

export const ledgerControl = z
  .strictObject({
    paused: z.boolean(),
    reason: z.string(),
    changedAt: instantText.optional(),
    changedBy: z.string().optional(),
  })
  .meta({ id: 'LedgerControl' });
