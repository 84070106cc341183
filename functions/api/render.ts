import type * as z from 'zod';
import type { account } from '../../contract/schemas/accounts.ts';
import type { transfer } from '../../contract/schemas/transfers.ts';
import type { Account } from '../../domain/accounts.ts';
import { quantityEntries } from '../../domain/evidence.ts';
import type { Reversals, Transfer } from '../../domain/transfers.ts';

/** From the domain to the wire: every amount becomes text. */

export function renderTransfer(posted: Transfer, reversals?: Reversals): z.infer<typeof transfer> {
  const { amount, quantities, ...fields } = posted;
  return {
    ...fields,
    amount: amount.toString(),
    ...(quantities !== undefined && { quantities: Object.fromEntries(quantityEntries(quantities)) }),
    ...(reversals !== undefined &&
      reversals.ids.length > 0 && {
        reversed: (amount - reversals.remaining).toString(),
        reversedBy: [...reversals.ids],
      }),
  };
}

export function renderAccount({ figures, creditLimit, ...fields }: Account): z.infer<typeof account> {
  return {
    ...fields,
    creditLimit: creditLimit.toString(),
    ...(figures !== undefined && {
      credits: figures.credits.toString(),
      debits: figures.debits.toString(),
      held: figures.held.toString(),
      available: figures.available.toString(),
    }),
  };
}
