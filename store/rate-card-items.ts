import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { OperationRule, Price, UnitPrice } from '../domain/rating/price.ts';
import type { OperationRules, RateCard } from '../domain/rating.ts';
import { type Item, integer, MalformedItemError, text, type ValueMap } from './items.ts';

/** How a version of a rate card lies in the table, and whether two of them are the same. */

export function rateCardValue({ operations, overrides = {}, ...card }: RateCard): ValueMap {
  return {
    ...card,
    operations: mapValues(operations, ruleValue),
    ...(Object.keys(overrides).length > 0 && {
      overrides: mapValues(overrides, (rules) => mapValues(rules, ruleValue)),
    }),
  };
}

/** @throws MalformedItemError when the item is no rate card. */
export function rateCardFromItem(item: Item): RateCard {
  return {
    name: text(item, 'name'),
    effectiveFrom: text(item, 'effectiveFrom'),
    asset: text(item, 'asset'),
    revenueAccount: text(item, 'revenueAccount'),
    operations: rulesFrom(mapOf(item, 'operations')),
    ...(item.overrides !== undefined && {
      overrides: mapValues(mapOf(item, 'overrides'), (rules) => rulesFrom(rules.M ?? {})),
    }),
  };
}

/** The first field in which two versions of one name and date differ; undefined when they are the same. */
export function firstDifference(published: RateCard, card: RateCard): string | undefined {
  if (published.asset !== card.asset) return 'asset';
  if (published.revenueAccount !== card.revenueAccount) return 'revenueAccount';
  const operation = differentRule(published.operations, card.operations);
  if (operation !== undefined) return `operations.${operation}`;
  const [ours, theirs] = [published.overrides ?? {}, card.overrides ?? {}];
  for (const account of namesOf(ours, theirs)) {
    const [our, their] = [own(ours, account), own(theirs, account)];
    if (our === undefined || their === undefined) return `overrides.${account}`;
    const rule = differentRule(our, their);
    if (rule !== undefined) return `overrides.${account}.${rule}`;
  }
  return undefined;
}

function differentRule(ours: OperationRules, theirs: OperationRules): string | undefined {
  return namesOf(ours, theirs).find((name) => canonical(own(ours, name)) !== canonical(own(theirs, name)));
}

function namesOf(...records: readonly object[]): string[] {
  return [...new Set(records.flatMap(Object.keys))].sort();
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function canonical(rule: OperationRule | undefined): string {
  if (rule === undefined) return '';
  const prices = Object.entries(rule.prices)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([dimension, price]) => [
      dimension,
      ...('tiers' in price
        ? [price.mode, ...price.tiers.map((tier) => `${tier.upTo}:${unitText(tier)}`)]
        : [unitText(price)]),
    ]);
  return JSON.stringify([prices, rule.minimum.toString(), rule.rounding]);
}

function unitText({ amount, per }: UnitPrice): string {
  return `${amount}/${per}`;
}

function ruleValue({ prices, minimum, rounding }: OperationRule): ValueMap {
  return { prices: mapValues(prices, priceValue), minimum, rounding };
}

function priceValue(price: Price): ValueMap {
  if (!('tiers' in price)) return { amount: price.amount, per: price.per };
  // The last tier has no end and so no attribute for it.
  const tiers = price.tiers.map(({ upTo, amount, per }) => ({ amount, per, ...(upTo !== null && { upTo }) }));
  return { mode: price.mode, tiers };
}

function rulesFrom(map: Item): OperationRules {
  return mapValues(map, ({ M: rule = {} }) => ({
    prices: mapValues(mapOf(rule, 'prices'), ({ M: price = {} }) => priceFrom(price)),
    minimum: integer(rule, 'minimum'),
    rounding: oneOf(rule, 'rounding', ['up', 'down', 'half-up', 'half-even']),
  }));
}

function priceFrom(price: Item): Price {
  if (price.tiers === undefined) return unitFrom(price);
  const tiers = (price.tiers.L ?? []).map(({ M: tier = {} }) => ({
    ...unitFrom(tier),
    upTo: tier.upTo === undefined ? null : integer(tier, 'upTo'),
  }));
  return { mode: oneOf(price, 'mode', ['graduated', 'volume']), tiers };
}

function unitFrom(price: Item): UnitPrice {
  return { amount: integer(price, 'amount'), per: integer(price, 'per') };
}

function oneOf<T extends string>(item: Item, name: string, known: readonly T[]): T {
  const value = text(item, name);
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) throw new MalformedItemError(`The item has an unknown value in "${name}": ${value}.`);
  return found;
}

function mapOf(item: Item, name: string): Record<string, AttributeValue> {
  const map = item[name]?.M;
  if (map === undefined) throw new MalformedItemError(`The item has no map in "${name}".`);
  return map;
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
