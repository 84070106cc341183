import type { Quantities } from './evidence.ts';
import { AMOUNT_MAX, type Asset } from './money.ts';
import { amountOf, costOf, type OperationRule } from './rating/price.ts';
import type { Instant } from './time.ts';

export type OperationRules = Readonly<Record<string, OperationRule>>;

/** A dated version of prices; in force from `effectiveFrom` until the next version of the same name. */
export interface RateCard {
  readonly name: string;
  readonly effectiveFrom: Instant;
  readonly asset: Asset;
  /** The account that charges by this card are credited to. */
  readonly revenueAccount: string;
  readonly operations: OperationRules;
  /** Rules of single accounts, by account and operation. Each stands in for the card's whole rule of its operation. */
  readonly overrides?: Readonly<Record<string, OperationRules>>;
}

/** What is to be priced. The account is part of it, because an account may have prices of its own. */
export interface Usage {
  /** Undefined where the card is asked for its own price, which is that of every account without an override. */
  readonly account: string | undefined;
  readonly operation: string;
  readonly quantities: Quantities;
  readonly at: Instant;
}

export type Rating = Priced | Unpriced;

export interface Priced {
  readonly kind: 'priced';
  readonly amount: bigint;
  readonly card: RateCard;
  readonly rule: OperationRule;
  /** The rule is the account's own. */
  readonly isOverride: boolean;
}

export interface Unpriced {
  readonly kind: 'unpriced';
  readonly field: 'account' | 'occurredAt' | 'operation' | 'quantities';
  readonly rule: string;
}

/** What an operation should have cost by the version in force at `at`. Rounds once, at the end. */
export function rate(cards: readonly RateCard[], cardName: string | undefined, usage: Usage): Rating {
  if (cardName === undefined) return unpriced('account', 'the chart of accounts names no rate card for this account');
  const card = cardInForce(cards, cardName, usage.at);
  if (card === undefined) {
    return unpriced('occurredAt', `no version of rate card "${cardName}" is in force at ${usage.at}`);
  }
  return rateByVersion(card, usage);
}

/** What an operation costs by this version, whatever its date. */
export function rateByVersion(card: RateCard, { account, operation, quantities }: Omit<Usage, 'at'>): Rating {
  const own = account === undefined ? undefined : ruleOf(overridesOf(card, account), operation);
  const rule = own ?? ruleOf(card.operations, operation);
  if (rule === undefined) {
    return unpriced('operation', `rate card "${card.name}" of ${card.effectiveFrom} has no operation "${operation}"`);
  }
  for (const dimension in quantities) {
    if (Object.hasOwn(rule.prices, dimension)) continue;
    return unpriced(
      'quantities',
      `rate card "${card.name}" has no price for dimension "${dimension}" of this operation`,
    );
  }
  const amount = amountOf(rule, costOf(rule, quantities));
  if (amount > AMOUNT_MAX) return unpriced('quantities', `the price would be above the largest amount, ${AMOUNT_MAX}`);
  return { kind: 'priced', amount, card, rule, isOverride: own !== undefined };
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

/** The rules of an account's own; undefined where it has none. */
export function overridesOf({ overrides }: RateCard, account: string): OperationRules | undefined {
  return overrides !== undefined && Object.hasOwn(overrides, account) ? overrides[account] : undefined;
}

/** How charges and previews name a version. */
export function versionName({ name, effectiveFrom }: RateCard): string {
  return `${name}@${effectiveFrom}`;
}

function ruleOf(rules: OperationRules | undefined, operation: string): OperationRule | undefined {
  return rules !== undefined && Object.hasOwn(rules, operation) ? rules[operation] : undefined;
}

function unpriced(field: Unpriced['field'], rule: string): Unpriced {
  return { kind: 'unpriced', field, rule };
}
