import type { Finding, FindingKind } from '../reconciliation/findings.ts';
import type { EvidenceRow } from '../reconciliation/rows.ts';
import type { Instant } from '../time.ts';
import { REVERSALS_MAX } from '../transfers.ts';
import { type Decision, REPAIR_OF, type RepairKind } from './decisions.ts';
import { createDraft, type Draft, type Priced, type PriceOf } from './draft.ts';
import { basisOf, type RequestFacts, type Seeds } from './facts.ts';
import {
  BY_HAND,
  CONFLICTING,
  CONTRADICTED,
  ID_TAKEN,
  MOVED,
  MOVES_NOTHING,
  NOT_OPENED,
  OTHER_EVIDENCE,
  REPAIRED,
  undecided,
  unpriced,
} from './reasons.ts';
import { settle } from './settle.ts';
import { type Digest, isRepairId, type Step } from './steps.ts';

/** A finding of a run, under its id. */
export interface Found {
  readonly id: string;
  readonly finding: Finding;
}

/** A finding that the plan does not answer, and the sentence that says what to do. */
export interface Left {
  readonly findingId: string;
  readonly reason: string;
}

export interface Planned {
  /** In the order in which they are to be applied. */
  readonly steps: readonly Step[];
  /** The findings that are gone when all steps are applied. */
  readonly answered: readonly string[];
  readonly left: readonly Left[];
}

/** What is asked for, and by what it is planned. */
export interface PlanTerms {
  readonly kinds: ReadonlySet<RepairKind>;
  /** What people decided, by the id of the finding. */
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly digest: Digest;
}

/**
 * Plans the repair of one request: all findings of it together, because they are about the same transfers. The findings
 * say what to look at and the facts what to do: where the books have moved on since the run, nothing is planned.
 * @param found the findings of one request of one account.
 */
export function planRequest(
  found: readonly Found[],
  facts: RequestFacts,
  priceOf: PriceOf,
  { kinds, decisions, digest }: PlanTerms,
): Planned {
  const [first] = found;
  if (first === undefined) return { steps: [], answered: [], left: [] };
  const draft = createDraft(facts, first.finding.asset, basisOf(facts, digest), priceOf, digest);
  const answered: string[] = [];
  const left: Left[] = [];
  const isContradicted = evidenceDecided(found, decisions).size > 1;
  const inOrder = [...found].sort((a, b) => rankOf(a, decisions) - rankOf(b, decisions) || compareTimes(a, b));
  for (const each of inOrder) {
    const decision = decisions.get(each.id);
    const isDecided = decision?.kind === 'evidence';
    const reason =
      !isDecided && isSettled(each.finding, facts, draft)
        ? undefined
        : (notAsked(each, decision, kinds) ??
          beyondPlanning(facts) ??
          (isDecided && isContradicted ? CONTRADICTED : undefined) ??
          answer(each, { facts, draft, priceOf, decision, kinds }));
    const isRepaired = reason === undefined && draft.steps().length === 0;
    if (reason === undefined && !isRepaired) answered.push(each.id);
    else left.push({ findingId: each.id, reason: reason ?? REPAIRED });
  }
  return { steps: draft.steps(), answered, left };
}

/** Where to read the facts of some findings of one request. */
export function seedsOfFindings(found: readonly Found[], decisions: ReadonlyMap<string, Decision>): Seeds {
  return {
    transferIds: found.flatMap(({ finding }) => finding.transferIds),
    moments: found.map(({ finding }) => finding.at),
    around: found.some(({ id }) => decisions.get(id)?.kind === 'evidence'),
  };
}

/** Findings by request; a drifted balance is one of its own. In the order in which each is first met. */
export function findingsByRequest(found: readonly Found[]): Found[][] {
  const groups = Map.groupBy(found, ({ id, finding: { account, requestId } }) =>
    JSON.stringify(requestId === undefined ? [id] : [account, requestId]),
  );
  return [...groups.values()];
}

interface Case {
  readonly facts: RequestFacts;
  readonly draft: Draft;
  readonly priceOf: PriceOf;
  readonly decision: Decision | undefined;
  readonly kinds: ReadonlySet<RepairKind>;
}

/** What a person said of the whole request comes first; then what puts charges in their place, then what is too much. */
const ORDER: readonly FindingKind[] = [
  'misdated',
  'amount-mismatch',
  'missing',
  'duplicate',
  'unexpected',
  'conflicting-evidence',
  'balance-drift',
];

function rankOf({ id, finding }: Found, decisions: ReadonlyMap<string, Decision>): number {
  return decisions.get(id)?.kind === 'evidence' ? -1 : ORDER.indexOf(finding.kind);
}

/** Every piece of evidence that was decided for, by any finding of the request. */
function evidenceDecided(found: readonly Found[], decisions: ReadonlyMap<string, Decision>): Set<string> {
  const decided = found.map(({ id }) => decisions.get(id)).filter((decision) => decision?.kind === 'evidence');
  return new Set(decided.map(({ fingerprint, at }) => `${fingerprint}@${at ?? ''}`));
}

function compareTimes(a: Found, b: Found): number {
  const [x, y] = [`${a.finding.at}#${a.id}`, `${b.finding.at}#${b.id}`];
  return x < y ? -1 : 1;
}

/** Whether a reconciliation would find nothing any more where this was found. */
function isSettled(finding: Finding, facts: RequestFacts, draft: Draft): boolean {
  const moments = facts.transfers
    .filter(({ transfer }) => finding.transferIds.includes(transfer.id))
    .map(({ transfer }) => transfer.effectiveAt);
  return [finding.at, ...moments].every((at) => draft.judgedAt(at).verdict === 'match');
}

/** @returns why the finding is left; undefined when steps were drafted that answer it. */
function answer(found: Found, its: Case): string | undefined {
  const { decision } = its;
  if (decision?.kind === 'evidence') {
    const reason = settle(found, decision, its);
    return reason === undefined && !isSettled(found.finding, its.facts, its.draft) ? MOVES_NOTHING : reason;
  }
  switch (found.finding.kind) {
    case 'missing':
      return backfill(found, its);
    case 'duplicate':
      return dedupe(found, its);
    case 'amount-mismatch':
      return found.finding.cause === 'misdated' ? move(found, its) : recalculate(found, its);
    case 'misdated':
      return move(found, its);
    case 'unexpected':
      return decision?.kind === 'reverse' ? takeBack(found, its) : undecided(found.finding.cause);
    case 'conflicting-evidence':
      return CONFLICTING;
    case 'balance-drift':
      return 'A balance is not repaired by the transfers of a request.';
  }
}

function backfill({ id, finding: { at } }: Found, { facts, draft, priceOf }: Case): string | undefined {
  const only = onlyEvidence(draft, at, priceOf);
  if ('reason' in only) return only.reason;
  if (!facts.chargeable) return NOT_OPENED;
  const elsewhere = chargedElsewhere(draft, at);
  if (elsewhere.some((moment) => draft.judgedAt(moment).evidence.length > 0)) return OTHER_EVIDENCE;
  if (draft.judgedAt(at).verdict !== 'evidence-only' || elsewhere.length > 0) return MOVED;
  if (facts.idTaken) return ID_TAKEN;
  const own = facts.transfers.find(({ transfer }) => transfer.id === facts.requestId);
  if (handmade(facts, at) || (own !== undefined && handmade(facts, own.transfer.effectiveAt))) return BY_HAND;
  draft.charge(id, only.row, at, only.price);
  return undefined;
}

/** Takes back every charge but the first; where there is no evidence, all, because another charge answers that. */
function dedupe({ id, finding: { at } }: Found, { draft, priceOf, kinds }: Case): string | undefined {
  const { evidence } = draft.judgedAt(at);
  const live = draft.liveAt(at);
  if (evidence.length === 0) {
    if (chargedElsewhere(draft, at).length === 0 || !draft.isKnownAt(at)) return MOVED;
    draft.clear(id, at);
    return undefined;
  }
  const [first, ...others] = live;
  if (draft.judgedAt(at).verdict !== 'duplicate' || first === undefined) return MOVED;
  const only = onlyEvidence(draft, at, priceOf);
  // One charge of another amount would be another finding; where that is repaired too, it never shows.
  draft.together(() => {
    for (const charge of others.toReversed()) draft.bring(id, charge.id, at, -charge.net);
    if (!kinds.has('recalculate') || 'reason' in only) return;
    draft.bring(id, first.id, at, only.price.amount - draft.judgedAt(at).net);
  });
  return undefined;
}

function recalculate({ id, finding: { at } }: Found, { facts, draft, priceOf }: Case): string | undefined {
  const only = onlyEvidence(draft, at, priceOf);
  if ('reason' in only) return only.reason;
  const { verdict, net } = draft.judgedAt(at);
  const [first] = draft.liveAt(at);
  if (verdict !== 'amount-mismatch' || first === undefined) return MOVED;
  if (handmade(facts, at)) return BY_HAND;
  const by = only.price.amount - net;
  if (first.net + by < 0n) return MOVED;
  draft.bring(id, first.id, at, by);
  return undefined;
}

/** A charge at the wrong time is given back there, and the evidence charged at its own. */
function move({ id, finding: { at, transferIds } }: Found, { facts, draft, priceOf }: Case): string | undefined {
  const only = onlyEvidence(draft, at, priceOf);
  if ('reason' in only) return only.reason;
  const from = momentsOf(facts, transferIds).filter((moment) => moment !== at && draft.judgedAt(moment).net !== 0n);
  const isStill = (moment: Instant) => draft.judgedAt(moment).verdict === 'ledger-only' && draft.isKnownAt(moment);
  if (from.length === 0 || !from.every(isStill) || draft.judgedAt(at).verdict !== 'evidence-only') return MOVED;
  if ([at, ...from].some((moment) => handmade(facts, moment))) return BY_HAND;
  draft.together(() => {
    for (const moment of from) draft.clear(id, moment);
    draft.charge(id, only.row, at, only.price);
  });
  return undefined;
}

/** Brings to nothing what a person said should not be there: a charge, or what was given back. */
function takeBack({ id, finding: { at } }: Found, { draft }: Case): string | undefined {
  const { evidence, net } = draft.judgedAt(at);
  if (evidence.length > 0 || !draft.isKnownAt(at)) return MOVED;
  if (net === 0n) return MOVES_NOTHING;
  draft.clear(id, at);
  return undefined;
}

/** The evidence at a time and its price, if all that counts says one thing. */
function onlyEvidence(
  draft: Draft,
  at: Instant,
  priceOf: PriceOf,
): { readonly row: EvidenceRow; readonly price: Priced } | { readonly reason: string } {
  const [row, ...others] = draft.judgedAt(at).evidence;
  if (row === undefined) return { reason: MOVED };
  if (others.length > 0) return { reason: CONFLICTING };
  const price = priceOf(row);
  return 'unpriced' in price ? { reason: unpriced(price.unpriced) } : { row, price };
}

/** Times at which the request is charged, other than this one. */
function chargedElsewhere(draft: Draft, at: Instant): Instant[] {
  return draft.chargedMoments().filter((moment) => moment !== at && draft.judgedAt(moment).net > 0n);
}

/** Whether somebody corrected what counts at a time, who knew perhaps what no evidence says. */
function handmade(facts: RequestFacts, at: Instant): boolean {
  return facts.transfers.some(
    ({ transfer }) => transfer.effectiveAt === at && transfer.corrects !== undefined && !isRepairId(transfer.id),
  );
}

function momentsOf(facts: RequestFacts, transferIds: readonly string[]): Instant[] {
  const named = facts.transfers.filter(({ transfer }) => transferIds.includes(transfer.id));
  return [...new Set(named.map(({ transfer }) => transfer.effectiveAt))];
}

function notAsked(
  { finding: { kind } }: Found,
  decision: Decision | undefined,
  kinds: ReadonlySet<RepairKind>,
): string | undefined {
  if (decision?.kind === 'leave') return 'A person decided to leave it.';
  if (decision?.kind === 'reverse' && kind !== 'unexpected') {
    return `The decision "reverse" is for what is unexpected, and this is ${kind}.`;
  }
  const needed = decision === undefined ? REPAIR_OF[kind] : 'decide';
  if (kinds.has(needed)) return undefined;
  // What waits for a person is told as such, whatever was asked for.
  return decision === undefined && needed === 'decide' ? undefined : `It was not asked for; "${needed}" answers it.`;
}

function beyondPlanning({ complete, transfers }: RequestFacts): string | undefined {
  if (!complete) return 'The request has more transfers than a repair looks through; correct it by hand.';
  const isFull = transfers.some(({ reversals }) => reversals.ids.length >= REVERSALS_MAX);
  return isFull ? `A charge was reversed ${REVERSALS_MAX} times and cannot be again; correct it by hand.` : undefined;
}
