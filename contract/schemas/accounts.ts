import * as z from 'zod';
import { accountId, amountText, asset, day, dayText, fields, instantText, wholeNumber } from './common.ts';

export const accountOpening = fields({
  id: accountId,
  asset: asset
    .optional()
    .meta({ description: 'Must be the asset that the chart of accounts gives this id; may be left out.' }),
  openedOn: day.optional().meta({ description: 'First day that transfers may count on; today where it is left out.' }),
  creditLimit: wholeNumber
    .optional()
    .meta({ description: 'How far below zero a strict balance may go; 0 where it is left out.' }),
}).meta({ id: 'AccountOpening' });

export const account = z
  .strictObject({
    id: z.string(),
    asset: z.string(),
    balance: z.enum(['strict', 'derived']),
    status: z.enum(['open', 'frozen', 'closed']),
    openedOn: dayText,
    createdAt: instantText,
    creditLimit: amountText,
    credits: amountText.optional(),
    debits: amountText.optional(),
    available: amountText.optional().meta({ description: 'credits - debits + creditLimit; strict balances only.' }),
  })
  .meta({ id: 'Account' });
