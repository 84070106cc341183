import { overridesOf, type RateCard, rate, rateByVersion } from '../rating.ts';
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
 * price: it is remembered until the version changes, unless hardly any comes back.
 */
export function createPricer(
  cards: readonly RateCard[],
  cardName: string | undefined,
  account: string | undefined,
): ExpectedOf {
  const versions = cards.filter((card) => card.name === cardName);
  const starts = versions.map((card) => card.effectiveFrom).sort();
  let memory = createMemory();
  let version: RateCard | undefined;
  let from: Instant = '';
  let until: Instant = '';

  return (evidence) => {
    if (evidence.key < from || evidence.key >= until) {
      const at = instantOf(evidence.key);
      from = starts.findLast((start) => start <= at) ?? '';
      until = starts.find((start) => start > at) ?? END_OF_TIME;
      version = versions.find((card) => card.effectiveFrom === from);
      memory = createMemory();
    }
    const known = memory.recall(evidence.fingerprint);
    if (known !== undefined) return known;
    const { operation, quantities, key } = evidence;
    const usage = { account, operation, quantities };
    const rating =
      version === undefined
        ? rate(versions, cardName, { ...usage, at: instantOf(key) })
        : rateByVersion(version, usage);
    if (rating.kind === 'unpriced') return { unpriced: rating.rule };
    memory.remember(evidence.fingerprint, rating.amount);
    return rating.amount;
  };
}

/**
 * Prices by fingerprint. Where hardly any comes back, as with the token counts of prompts, remembering costs more than
 * it saves, and ends.
 */
function createMemory() {
  const prices = new Map<string, bigint>();
  let recalled = 0;
  let pays = true;
  return {
    recall(fingerprint: string): bigint | undefined {
      const price = pays ? prices.get(fingerprint) : undefined;
      if (price !== undefined) recalled += 1;
      return price;
    },
    remember(fingerprint: string, price: bigint): void {
      if (!pays) return;
      if (prices.size >= REMEMBERED_MAX) {
        pays = recalled >= REMEMBERED_MAX;
        recalled = 0;
        prices.clear();
      }
      prices.set(fingerprint, price);
    },
  };
}

/** Sorts behind every instant. */
const END_OF_TIME = '~';
