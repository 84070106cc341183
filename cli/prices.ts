import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import type { rateCard, rateCardRequest } from '../contract/schemas/rate-cards.ts';
import { CommandFailedError } from './failure.ts';
import { formatAmount } from './format.ts';

type Rule = z.output<typeof rateCard>['operations'][string];

/** Reads a version of a rate card. @throws CommandFailedError when the file is not there or no JSON. */
export async function readCard(file: string): Promise<z.input<typeof rateCardRequest>> {
  try {
    // The service checks it and names what breaks a rule.
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CommandFailedError(`${file} cannot be read as JSON: ${(error as Error).message}.`, { cause: error });
  }
}

/** The prices of a rule as people say them. */
export function pricesOf({ prices }: Rule, asset: string): string {
  return Object.entries(prices)
    .map(([dimension, price]) => {
      if (!('tiers' in price)) return unitPrice(price, dimension, asset);
      const tiers = price.tiers.map((tier) => `${unitPrice(tier, dimension, asset)} ${upToOf(tier.upTo)}`);
      return `${price.mode}: ${tiers.join(', ')}`;
    })
    .join('; ');
}

/** One price: `3.000000 USD per 1000000 input`. */
export function unitPrice(
  { amount, per }: { readonly amount: string; readonly per: string },
  dimension: string,
  asset: string,
): string {
  return `${formatAmount(amount, asset)} per ${per === '1' ? '' : `${per} `}${dimension}`;
}

function upToOf(upTo: string | null): string {
  return upTo === null ? 'beyond' : `up to ${upTo}`;
}
