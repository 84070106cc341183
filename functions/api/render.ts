import type * as z from 'zod';
import type { account } from '../../contract/schemas/accounts.ts';
import type { rateCard } from '../../contract/schemas/rate-cards.ts';
import type { transfer } from '../../contract/schemas/transfers.ts';
import type { Account } from '../../domain/accounts.ts';
import { quantityEntries } from '../../domain/evidence.ts';
import type { RateCard } from '../../domain/rating.ts';
import type { Transfer } from '../../domain/transfers.ts';

/** From the domain to the wire: every amount becomes text. */

export function renderTransfer(posted: Transfer): z.infer<typeof transfer> {
  const { amount, quantities, ...fields } = posted;
  return {
    ...fields,
    amount: amount.toString(),
    ...(quantities !== undefined && { quantities: Object.fromEntries(quantityEntries(quantities)) }),
  };
}

export function renderAccount({ figures, creditLimit, ...fields }: Account): z.infer<typeof account> {
  return {
    ...fields,
    creditLimit: creditLimit.toString(),
    ...(figures !== undefined && {
      credits: figures.credits.toString(),
      debits: figures.debits.toString(),
      available: figures.available.toString(),
    }),
  };
}

export function renderRateCard(card: RateCard): z.infer<typeof rateCard> {
  const operations = Object.entries(card.operations).map(([name, rule]) => {
    const prices = Object.entries(rule.prices).map(([dimension, { amount, per }]) => [
      dimension,
      { amount: amount.toString(), per: per.toString() },
    ]);
    return [name, { prices: Object.fromEntries(prices), minimum: rule.minimum.toString(), rounding: rule.rounding }];
  });
  return { ...card, operations: Object.fromEntries(operations) };
}
