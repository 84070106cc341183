import { overridesOf, type RateCard, rate } from '../rating.ts';
import type { Instant } from '../time.ts';
import type { ExpectedOf } from './judge.ts';
import { instantOf } from './rows.ts';

/** Prices remembered at a time; enough for a price list, and a few megabytes where every request is different. */
const REMEMBERED_MAX = 10_000;

/**
 * Pricers by rate card and account. Accounts without prices of their own share one, and so what it remembers; one that
 * any version has an override for gets its own.
 */
export function createPricers(
  cards: readonly RateCard[],
): (cardName: string | undefined, account: string) => ExpectedOf {
  const shared = new Map<string | undefined, ExpectedOf>();
  return (cardName, account) => {
    const hasOwnPrices = cards.some((card) => card.name === cardName && overridesOf(card, account) !== undefined);
    if (hasOwnPrices) return createPricer(cards, cardName, account);
    const pricer = shared.get(cardName) ?? createPricer(cards, cardName, undefined);
    shared.set(cardName, pricer);
    return pricer;
  };
}

/**
 * Prices evidence of an account, or of those without prices of their own, by the version of the rate card in force when
 * it happened. Evidence of one fingerprint has the same operation and quantities and so, under one version, the same
 * price: it is remembered until the version changes.
 */
export function createPricer(
  cards: readonly RateCard[],
  cardName: string | undefined,
  account: string | undefined,
): ExpectedOf {
  const versions = cards.filter((card) => card.name === cardName);
  const starts = versions.map((card) => card.effectiveFrom).sort();
  const remembered = new Map<string, bigint>();
  let from: Instant = '';
  let until: Instant = '';

  return (evidence) => {
    if (evidence.key < from || evidence.key >= until) {
      const at = instantOf(evidence.key);
      from = starts.findLast((start) => start <= at) ?? '';
      until = starts.find((start) => start > at) ?? END_OF_TIME;
      remembered.clear();
    }
    const known = remembered.get(evidence.fingerprint);
    if (known !== undefined) return known;
    const rating = rate(versions, cardName, { ...evidence, account, at: instantOf(evidence.key) });
    if (rating.kind === 'unpriced') return { unpriced: rating.rule };
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(evidence.fingerprint, rating.amount);
    return rating.amount;
  };
}

/** Sorts behind every instant. */
const END_OF_TIME = '~';
