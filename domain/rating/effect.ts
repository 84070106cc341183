import type { Expected, ExpectedOf } from '../reconciliation/judge.ts';
import type { EvidenceRow } from '../reconciliation/rows.ts';
import { ruled } from '../reconciliation/rulings.ts';

/** What a proposed version would have charged for some usage, beside what the published versions charge. */
export interface EffectTally {
  readonly events: number;
  /** Events that both have a price for. The amounts are of these alone, so that they compare. */
  readonly priced: number;
  readonly unpriced: number;
  readonly published: bigint;
  readonly proposed: bigint;
}

/** Why some events have no price, and by whose word. */
export interface UnpricedReason {
  readonly by: 'published' | 'proposal' | 'evidence';
  readonly rule: string;
  readonly events: number;
}

export interface EffectPrices {
  readonly published: ExpectedOf;
  readonly proposed: ExpectedOf;
}

/** Different reasons that are kept: what somebody can act on. Events beyond them are still counted as unpriced. */
export const UNPRICED_REASONS_MAX = 20;

/**
 * Prices an account's usage both ways. It is read in the order of its keys, and evidence under one key that differs is
 * left unpriced, because no amount is guessed where evidence conflicts.
 */
export async function effectOn(
  evidence: AsyncIterable<readonly EvidenceRow[]>,
  prices: EffectPrices,
  note: (reason: UnpricedReason) => void,
): Promise<EffectTally> {
  let tally = NO_EFFECT;
  let group: EvidenceRow[] = [];
  const close = () => {
    tally = addEffects(tally, effectOfGroup(ruled(group).evidence, prices, note));
    group = [];
  };
  for await (const page of evidence) {
    for (const row of page) {
      if (group[0] !== undefined && group[0].key !== row.key) close();
      group.push(row);
    }
  }
  close();
  return tally;
}

export const NO_EFFECT: EffectTally = { events: 0, priced: 0, unpriced: 0, published: 0n, proposed: 0n };

export function addEffects(a: EffectTally, b: EffectTally): EffectTally {
  return {
    events: a.events + b.events,
    priced: a.priced + b.priced,
    unpriced: a.unpriced + b.unpriced,
    published: a.published + b.published,
    proposed: a.proposed + b.proposed,
  };
}

/** Adds up reasons as they come. `list` gives those met first. */
export function createReasons(): { note(reason: UnpricedReason): void; list(): UnpricedReason[] } {
  const known = new Map<string, UnpricedReason>();
  return {
    note(reason) {
      const key = `${reason.by} ${reason.rule}`;
      const before = known.get(key);
      if (before === undefined && known.size >= UNPRICED_REASONS_MAX) return;
      known.set(key, { ...reason, events: reason.events + (before?.events ?? 0) });
    },
    list: () => [...known.values()],
  };
}

function effectOfGroup(
  group: readonly EvidenceRow[],
  prices: EffectPrices,
  note: (reason: UnpricedReason) => void,
): EffectTally {
  const [row, ...others] = group;
  if (row === undefined) return NO_EFFECT;
  const unpriced = (by: UnpricedReason['by'], rule: string): EffectTally => {
    note({ by, rule, events: group.length });
    return { ...NO_EFFECT, events: group.length, unpriced: group.length };
  };
  if (others.length > 0) return unpriced('evidence', 'different evidence stands under one request id');
  const published: Expected = prices.published(row);
  if (typeof published !== 'bigint') return unpriced('published', published.unpriced);
  const proposed: Expected = prices.proposed(row);
  if (typeof proposed !== 'bigint') return unpriced('proposal', proposed.unpriced);
  return { events: 1, priced: 1, unpriced: 0, published, proposed };
}
