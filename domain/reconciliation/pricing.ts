import { type RateCard, rate } from '../rating.ts';
import type { Instant } from '../time.ts';
import type { ExpectedOf } from './judge.ts';
import { instantOf } from './rows.ts';

/** Prices remembered at a time; enough for a price list, and a few megabytes where every request is different. */
const REMEMBERED_MAX = 10_000;

/**
 * Prices evidence by the version of the rate card in force when it happened. Evidence of one fingerprint has the same
 * operation and quantities and so, under one version, the same price: it is remembered until the version changes.
 */
export function createPricer(cards: readonly RateCard[], cardName: string | undefined): ExpectedOf {
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
    const rating = rate(versions, cardName, { ...evidence, at: instantOf(evidence.key) });
    if (rating.kind === 'unpriced') return { unpriced: rating.rule };
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(evidence.fingerprint, rating.amount);
    return rating.amount;
  };
}

/** Sorts behind every instant. */
const END_OF_TIME = '~';
