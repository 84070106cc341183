import * as z from 'zod';
import { description, instantText } from './common.ts';

export const ledgerControlRequest = z
  .strictObject({
    paused: z.boolean({ error: 'must be true or false' }),
    reason: description.min(1, 'must say why, for whoever reads it next'),
  })
  .meta({ id: 'LedgerControlRequest' });

export const ledgerControl = z
  .strictObject({
    paused: z.boolean(),
    reason: z.string(),
    changedAt: instantText.optional(),
    changedBy: z.string().optional(),
  })
  .meta({ id: 'LedgerControl' });
