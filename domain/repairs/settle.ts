import type { EvidenceRow } from '../reconciliation/rows.ts';
import type { Instant } from '../time.ts';
import type { Decision } from './decisions.ts';
import type { Draft, PriceOf } from './draft.ts';
import type { RequestFacts } from './facts.ts';
import type { Found } from './plan.ts';
import { MOVED, NOT_OPENED, unpriced } from './reasons.ts';

type EvidenceDecision = Extract<Decision, { kind: 'evidence' }>;

/**
 * Brings a whole request to one piece of evidence that a person decided for: all other evidence of it is overruled,
 * whatever its time, and the ledger is brought to the price of this one at its time and to nothing at any other.
 * @returns why it is left; undefined when steps were drafted.
 */
export function settle(
  { id, finding }: Found,
  decision: EvidenceDecision,
  { facts, draft, priceOf }: { readonly facts: RequestFacts; readonly draft: Draft; readonly priceOf: PriceOf },
): string | undefined {
  const chosen = choose(draft, decision);
  if ('reason' in chosen) return chosen.reason;
  const { at, row } = chosen;
  const price = priceOf(row);
  if ('unpriced' in price) return unpriced(price.unpriced);
  if (price.amount > 0n && !facts.chargeable) return NOT_OPENED;
  const others = draft.chargedMoments().filter((moment) => moment !== at);
  if (![at, ...others].every(draft.isKnownAt)) return MOVED;
  const isAlone = draft.evidenceMoments().flatMap((moment) => evidenceOf(draft, moment)).length === 1;
  // What it conflicted with is not there any more, or out of sight.
  if (finding.kind === 'conflicting-evidence' && isAlone) return MOVED;

  for (const moment of draft.evidenceMoments()) {
    const isOverruled = (each: EvidenceRow) => moment !== at || each.fingerprint !== row.fingerprint;
    const overruled = evidenceOf(draft, moment).filter(isOverruled);
    draft.rule(
      id,
      moment,
      overruled.map(({ fingerprint }) => fingerprint),
    );
  }
  draft.together(() => {
    for (const moment of others) draft.clear(id, moment);
    const [first, ...more] = price.amount > 0n ? draft.liveAt(at) : [];
    if (first === undefined) {
      draft.clear(id, at);
      if (price.amount > 0n) draft.charge(id, row, at, price);
      return;
    }
    for (const charge of more.toReversed()) draft.bring(id, charge.id, at, -charge.net);
    draft.bring(id, first.id, at, price.amount - draft.judgedAt(at).net);
  });
  return undefined;
}

/** The evidence that a decision names; a fingerprint names it unless the same stands at several times. */
function choose(
  draft: Draft,
  { fingerprint, at: named }: EvidenceDecision,
): { readonly at: Instant; readonly row: EvidenceRow } | { readonly reason: string } {
  const candidates = draft.evidenceMoments().flatMap((at) => {
    const row = evidenceOf(draft, at).find((each) => each.fingerprint === fingerprint);
    return row === undefined || (named !== undefined && named !== at) ? [] : [{ at, row }];
  });
  const [only, ...others] = candidates;
  if (only === undefined) return { reason: `The request has no evidence ${fingerprint} at the time that was decided.` };
  if (others.length === 0) return only;
  const names = candidates.map(({ at }) => `evidence:${fingerprint}@${at}`).join(' or ');
  return { reason: `This evidence stands at several times; decide for ${names}.` };
}

/** Evidence at a time, whether it counts or was overruled before. */
function evidenceOf(draft: Draft, at: Instant): EvidenceRow[] {
  return draft.evidenceAt(at).filter((row) => row.ruling === undefined);
}
