import type { Quantities } from './evidence.ts';
import { AMOUNT_MAX, type Asset, divideRounded, type Rounding } from './money.ts';
import type { Instant } from './time.ts';

/** A price: so many minor units per so many of the dimension. `{ amount: 3n, per: 1_000_000n }` is 3 per million. */
export interface Price {
  readonly amount: bigint;
  readonly per: bigint;
}

export interface OperationRule {
  /** By dimension. The dimension `requests` counts 1 where an event does not say. */
  readonly prices: Readonly<Record<string, Price>>;
  /** The least that one request costs, in minor units. */
  readonly minimum: bigint;
  readonly rounding: Rounding;
}

/** A dated version of prices; in force from `effectiveFrom` until the next version of the same name. */
export interface RateCard {
  readonly name: string;
  readonly effectiveFrom: Instant;
  readonly asset: Asset;
  /** The account that charges by this card are credited to. */
  readonly revenueAccount: string;
  readonly operations: Readonly<Record<string, OperationRule>>;
}

export type Rating =
  | { readonly kind: 'priced'; readonly amount: bigint; readonly card: RateCard }
  | {
      readonly kind: 'unpriced';
      readonly field: 'account' | 'occurredAt' | 'operation' | 'quantities';
      readonly rule: string;
    };

export const REQUESTS_DIMENSION = 'requests';

/** What an operation should have cost by the version in force at `at`. Rounds once, at the end. */
export function rate(
  cards: readonly RateCard[],
  cardName: string | undefined,
  usage: { readonly operation: string; readonly quantities: Quantities; readonly at: Instant },
): Rating {
  if (cardName === undefined) return unpriced('account', 'the chart of accounts names no rate card for this account');
  const card = cardInForce(cards, cardName, usage.at);
  if (card === undefined) {
    return unpriced('occurredAt', `no version of rate card "${cardName}" is in force at ${usage.at}`);
  }
  const rule = Object.hasOwn(card.operations, usage.operation) ? card.operations[usage.operation] : undefined;
  if (rule === undefined) {
    return unpriced(
      'operation',
      `rate card "${cardName}" of ${card.effectiveFrom} has no operation "${usage.operation}"`,
    );
  }
  return priceOf(rule, usage.quantities, card);
}

/** The version of a card in force at an instant: the latest that starts at or before it. */
export function cardInForce(cards: readonly RateCard[], name: string, at: Instant): RateCard | undefined {
  let best: RateCard | undefined;
  for (const card of cards) {
    if (card.name !== name || card.effectiveFrom > at) continue;
    if (best === undefined || card.effectiveFrom > best.effectiveFrom) best = card;
  }
  return best;
}

function priceOf(rule: OperationRule, quantities: Quantities, card: RateCard): Rating {
  // Exact sum of fractions over a common denominator, so that rounding happens once per request.
  let numerator = 0n;
  let denominator = 1n;
  for (const dimension of Object.keys(quantities)) {
    if (!Object.hasOwn(rule.prices, dimension)) {
      return unpriced(
        'quantities',
        `rate card "${card.name}" has no price for dimension "${dimension}" of this operation`,
      );
    }
  }
  for (const [dimension, price] of Object.entries(rule.prices)) {
    const said = Object.hasOwn(quantities, dimension) ? quantities[dimension] : undefined;
    const quantity = said ?? (dimension === REQUESTS_DIMENSION ? 1n : 0n);
    numerator = numerator * price.per + quantity * price.amount * denominator;
    denominator *= price.per;
  }
  const rounded = divideRounded(numerator, denominator, rule.rounding);
  const amount = rounded < rule.minimum ? rule.minimum : rounded;
  if (amount > AMOUNT_MAX) return unpriced('quantities', `the price would be above the largest amount, ${AMOUNT_MAX}`);
  return { kind: 'priced', amount, card };
}

function unpriced(field: 'account' | 'occurredAt' | 'operation' | 'quantities', rule: string): Rating {
  return { kind: 'unpriced', field, rule };
}
