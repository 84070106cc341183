import type * as z from 'zod';
import type { pricePreview } from '../../contract/schemas/price-questions.ts';
import type { rateCard } from '../../contract/schemas/rate-cards.ts';
import type { Quantities } from '../../domain/evidence.ts';
import {
  type CostLine,
  costLines,
  exactCost,
  fractionText,
  type OperationRule,
  type Price,
  type UnitPrice,
} from '../../domain/rating/price.ts';
import { type OperationRules, overridesOf, type Priced, type RateCard, versionName } from '../../domain/rating.ts';

/** Prices from the domain to the wire: every number becomes text. */

/** @param boundTo the one account that the reader may see, where there is one: it is shown no prices of others. */
export function renderRateCard(card: RateCard, boundTo?: string): z.infer<typeof rateCard> {
  const { overrides = {}, operations, ...fields } = card;
  const own = boundTo === undefined ? undefined : overridesOf(card, boundTo);
  const bound = own === undefined || boundTo === undefined ? {} : { [boundTo]: own };
  const visible = boundTo === undefined ? overrides : bound;
  return {
    ...fields,
    operations: renderRules(operations),
    ...(Object.keys(visible).length > 0 && { overrides: mapValues(visible, renderRules) }),
  };
}

export function renderPreview(
  { amount, card, rule, isOverride }: Priced,
  quantities: Quantities,
  isProposal: boolean,
): z.infer<typeof pricePreview> {
  // A stored card does not keep the order of its dimensions.
  const lines = costLines(rule, quantities).toSorted((a, b) => compareText(a.dimension, b.dimension));
  return {
    amount: amount.toString(),
    asset: card.asset,
    rateCard: versionName(card),
    isProposal,
    isOverride,
    breakdown: lines.map(renderLine),
    cost: fractionText(exactCost(lines)),
    rounding: rule.rounding,
    minimum: rule.minimum.toString(),
  };
}

function renderLine(line: CostLine): z.infer<typeof pricePreview>['breakdown'][number] {
  const { dimension, quantity, price, tier } = line;
  return {
    dimension,
    mode: tier?.mode ?? 'flat',
    ...(tier !== undefined && { above: tier.above.toString(), upTo: tier.upTo?.toString() ?? null }),
    quantity: quantity.toString(),
    ...renderUnit(price),
    cost: fractionText(exactCost([line])),
  };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function renderRules(rules: OperationRules) {
  return mapValues(rules, ({ prices, minimum, rounding }: OperationRule) => ({
    prices: mapValues(prices, renderPrice),
    minimum: minimum.toString(),
    rounding,
  }));
}

function renderPrice(price: Price) {
  if (!('tiers' in price)) return renderUnit(price);
  const tiers = price.tiers.map((tier) => ({ upTo: tier.upTo?.toString() ?? null, ...renderUnit(tier) }));
  return { mode: price.mode, tiers };
}

function renderUnit({ amount, per }: UnitPrice) {
  return { amount: amount.toString(), per: per.toString() };
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
