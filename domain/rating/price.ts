import type { Quantities } from '../evidence.ts';
import { divideRounded, type Rounding } from '../money.ts';

/** So many minor units per so many of the dimension. `{ amount: 3n, per: 1_000_000n }` is 3 per million. */
export interface UnitPrice {
  readonly amount: bigint;
  readonly per: bigint;
}

export interface Tier extends UnitPrice {
  /** The last unit of the tier, inclusive; null for the last tier, which has no end. */
  readonly upTo: bigint | null;
}

/**
 * `graduated`: every unit costs what its own tier says, like income tax. `volume`: all units cost what the tier of the
 * whole quantity says, so that one more unit may make the whole cheaper.
 */
export type TierMode = 'graduated' | 'volume';

/** Tiers of the quantity of one request; nothing is counted from request to request. */
export interface TieredPrice {
  readonly mode: TierMode;
  readonly tiers: readonly Tier[];
}

export type Price = UnitPrice | TieredPrice;

export interface OperationRule {
  /** By dimension. The dimension `requests` counts 1 where an event does not say. */
  readonly prices: Readonly<Record<string, Price>>;
  /** The least that one request costs, in minor units. */
  readonly minimum: bigint;
  readonly rounding: Rounding;
}

/** What some units of a dimension cost. */
export interface CostLine {
  readonly dimension: string;
  readonly quantity: bigint;
  readonly price: UnitPrice;
  /** The tier of these units: those above the first number, up to the second. */
  readonly tier?: { readonly mode: TierMode; readonly above: bigint; readonly upTo: bigint | null };
}

/** Minor units that are not rounded yet. The denominator is positive. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const REQUESTS_DIMENSION = 'requests';

/** Tiers of one price: more are a table that nobody can check. */
export const TIERS_MAX = 20;

/** The cost of one request, line by line, in the order of the rule; what was not used has no line. */
export function costLines(rule: OperationRule, quantities: Quantities): CostLine[] {
  const lines: CostLine[] = [];
  eachCost(rule, quantities, (dimension, quantity, price, tier) => {
    lines.push({ dimension, quantity, price, ...(tier !== undefined && { tier }) });
  });
  return lines;
}

/** The exact sum of lines over a common denominator, so that rounding happens once per request. */
export function exactCost(lines: readonly CostLine[]): Fraction {
  const sum = { numerator: 0n, denominator: 1n };
  for (const { quantity, price } of lines) add(sum, quantity, price);
  return sum;
}

/** The exact cost of one request; the same as that of its lines, which are not made: a reconciliation asks a million times. */
export function costOf(rule: OperationRule, quantities: Quantities): Fraction {
  const sum = { numerator: 0n, denominator: 1n };
  eachCost(rule, quantities, (_dimension, quantity, price) => add(sum, quantity, price));
  return sum;
}

/** What a request costs: rounded once, and never below the minimum. */
export function amountOf({ minimum, rounding }: OperationRule, cost: Fraction): bigint {
  const rounded = divideRounded(cost.numerator, cost.denominator, rounding);
  return rounded < minimum ? minimum : rounded;
}

/** A whole number, or a fraction in lowest terms: `3/1000`. */
export function fractionText({ numerator, denominator }: Fraction): string {
  let [divisor, rest] = [denominator, numerator];
  while (rest !== 0n) [divisor, rest] = [rest, divisor % rest];
  const [above, below] = [numerator / divisor, denominator / divisor];
  return below === 1n ? above.toString() : `${above}/${below}`;
}

/** The first tier that breaks the order of tiers, and the rule for its `upTo`; undefined where all is well. */
export function tierFault(tiers: readonly Tier[]): { readonly index: number; readonly rule: string } | undefined {
  let above = 0n;
  for (const [index, { upTo }] of tiers.entries()) {
    const isLast = index === tiers.length - 1;
    if (isLast && upTo !== null) return { index, rule: 'must be null in the last tier, which has no end' };
    if (isLast) return undefined;
    if (upTo === null) return { index, rule: 'must be a number in every tier but the last' };
    if (upTo <= above) return { index, rule: `must be above ${above}, where the tier begins` };
    above = upTo;
  }
  return undefined;
}

/** Prices of one request are mostly per the same quantity, so that denominators seldom have to be multiplied. */
function add(sum: { numerator: bigint; denominator: bigint }, quantity: bigint, { amount, per }: UnitPrice): void {
  if (per === sum.denominator) {
    sum.numerator += quantity * amount;
    return;
  }
  sum.numerator = sum.numerator * per + quantity * amount * sum.denominator;
  sum.denominator *= per;
}

type Visit = (dimension: string, quantity: bigint, price: UnitPrice, tier?: CostLine['tier']) => void;

/** Visits what the units of each dimension cost, in the order of the rule; what was not used is passed over. */
function eachCost(rule: OperationRule, quantities: Quantities, visit: Visit): void {
  for (const dimension in rule.prices) {
    const price = rule.prices[dimension];
    const said = Object.hasOwn(quantities, dimension) ? quantities[dimension] : undefined;
    const quantity = said ?? (dimension === REQUESTS_DIMENSION ? 1n : 0n);
    if (price === undefined || quantity === 0n) continue;
    if (!('tiers' in price)) visit(dimension, quantity, price);
    else if (price.mode === 'volume') visitVolume(dimension, price, quantity, visit);
    else visitGraduated(dimension, price, quantity, visit);
  }
}

function visitVolume(dimension: string, { mode, tiers }: TieredPrice, quantity: bigint, visit: Visit): void {
  const index = tiers.findIndex(({ upTo }) => upTo === null || quantity <= upTo);
  const tier = tiers[index];
  if (tier === undefined) return;
  const above = tiers[index - 1]?.upTo ?? 0n;
  visit(dimension, quantity, tier, { mode, above, upTo: tier.upTo });
}

function visitGraduated(dimension: string, { mode, tiers }: TieredPrice, quantity: bigint, visit: Visit): void {
  let above = 0n;
  for (const tier of tiers) {
    if (quantity <= above) break;
    const end = tier.upTo === null || quantity < tier.upTo ? quantity : tier.upTo;
    visit(dimension, end - above, tier, { mode, above, upTo: tier.upTo });
    above = end;
  }
}
