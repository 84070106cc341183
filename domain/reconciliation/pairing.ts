import { addDays, contains, type Day, dayOf, type Period } from '../time.ts';
import { type Disagreement, disagreement } from './findings.ts';
import { isUncharged, type Judged, type Verdict } from './judge.ts';
import { instantOf } from './rows.ts';

/**
 * The second look: what is left over of one request after the pass is paired by its request id alone, which tells a
 * misdated charge or a duplicate from a missing one. Every day of a run looks for itself at the days around it, so the
 * rules are such that neighbouring days decide alike and each row is reported by exactly one of them:
 *
 * - A charge without evidence at its time is claimed by evidence without a charge at its time, at most a day away: by
 *   that which expects its amount, else by the earliest. So what becomes of a charge depends on the evidence of the day
 *   before its own to the day after, and on nothing else.
 * - The day of the evidence reports the pair; the day of the charge does so when the run does not cover the other.
 * - Of evidence that is left without a charge, at most a day apart, the earliest is missing. Evidence beside other that
 *   has or claims a charge, or that comes first, conflicts with it.
 */
export interface Place {
  /** The day that is being compared. */
  readonly day: Day;
  /** The days that this run compares. */
  readonly period: Period;
}

/**
 * @param groups all that both books say of one request near this day, judged, in order of time: the days from the one
 *   before to the one after, and those further away that daysBeyond says.
 */
export function pairRequest(groups: readonly Judged[], place: Place): Disagreement[] {
  const found: Disagreement[] = [];
  const claims = new Map<Judged, Judged[]>();
  for (const charge of groups.filter((group) => group.verdict === 'ledger-only')) {
    const claimant = claimantOf(charge, groups);
    if (claimant !== undefined) claims.set(claimant, [...(claims.get(claimant) ?? []), charge]);
    else if (dayOfGroup(charge) === place.day) found.push(withoutClaimant(charge, groups));
  }
  for (const waiting of groups.filter((group) => group.verdict === 'evidence-only')) {
    const charges = claims.get(waiting);
    if (charges !== undefined) found.push(...claimed(waiting, charges, place));
    else if (dayOfGroup(waiting) === place.day) found.push(withoutCharge(waiting, groups, claims));
  }
  return found;
}

/**
 * A request whose evidence is still without a charge, and the charge that has the request's id as its own and counts on
 * another day. Evidence near the charge comes before evidence far away: its own day has settled the charge with it.
 * @param around all that both books say of the request from the day before the charge to the day after.
 */
export function pairDistant(waiting: Judged, charge: Judged, around: readonly Judged[]): Disagreement {
  const isMatched = charge.verdict === 'match' && charge.evidence.length === 0;
  if (isMatched || !isCharged(charge)) return idTaken(waiting);
  const claimedThere = evidenceNear(charge, around).some((group) => group.key !== waiting.key);
  return claimedThere ? conflicting(waiting) : { ...misdated(waiting, charge), afar: true };
}

/** Evidence whose request id belongs to a transfer that does not charge this account. */
export function idTaken(waiting: Judged): Disagreement {
  return disagreement('missing', { evidence: waiting, ledger: waiting }, { cause: 'id-taken', detail: ID_TAKEN });
}

const ID_TAKEN =
  'The request is not charged, and its id belongs to a transfer that was reversed or charges another account.';

/** Left over and not looked at again, because there was too much of it. */
export function notPaired(group: Judged): Disagreement {
  return group.verdict === 'ledger-only' ? unexpected(group) : missing(group);
}

/**
 * Which days beyond the neighbouring ones must be known to say what becomes of evidence of this day. A charge beside it
 * may be claimed by evidence behind the charge; and evidence beside it may claim a charge that stands behind, unless
 * that is claimed from further behind still.
 */
export function daysBeyond(groups: readonly Judged[], day: Day): Day[] {
  const daysOfVerdict = (verdict: Verdict) =>
    new Set(groups.filter((group) => group.verdict === verdict).map(dayOfGroup));
  const [waiting, charged] = [daysOfVerdict('evidence-only'), daysOfVerdict('ledger-only')];
  if (!waiting.has(day)) return [];
  return [-1, 1].flatMap((step) => {
    const beside = addDays(day, step);
    if (waiting.has(beside)) return [addDays(day, 2 * step), addDays(day, 3 * step)];
    return charged.has(beside) ? [addDays(day, 2 * step)] : [];
  });
}

export function dayOfGroup(group: Pick<Judged, 'key'>): Day {
  return dayOf(instantOf(group.key));
}

function claimantOf(charge: Judged, groups: readonly Judged[]): Judged | undefined {
  if (charge.net < 0n) return undefined;
  const evidence = evidenceNear(charge, groups);
  if (evidence.some(isCharged)) return undefined;
  const waiting = evidence.filter((group) => group.verdict === 'evidence-only');
  return waiting.find((group) => group.expected === charge.net) ?? waiting[0];
}

function withoutClaimant(charge: Judged, groups: readonly Judged[]): Disagreement {
  const evidence = evidenceNear(charge, groups);
  if (charge.net < 0n || evidence.some(isCharged)) return again(charge);
  if (evidence.some((group) => group.verdict === 'conflicting-evidence')) {
    const detail = 'The request is charged at a time without evidence, and its evidence at another time conflicts.';
    return disagreement('unexpected', { ledger: charge }, { cause: 'conflicting-evidence', detail });
  }
  if (evidence.length > 0) {
    const detail = 'The request is charged, and by its evidence, which stands at another time, it costs nothing.';
    return disagreement('unexpected', { ledger: charge }, { cause: 'free-of-charge', detail });
  }
  return unexpected(charge);
}

function claimed(waiting: Judged, charges: readonly Judged[], { day, period }: Place): Disagreement[] {
  const paired = charges.find((charge) => charge.net === waiting.expected) ?? charges[0];
  const evidenceDay = dayOfGroup(waiting);
  return charges
    .filter((charge) => (contains(period, evidenceDay) ? evidenceDay : dayOfGroup(charge)) === day)
    .map((charge) => (charge === paired ? misdated(waiting, charge) : again(charge)));
}

function withoutCharge(
  waiting: Judged,
  groups: readonly Judged[],
  claims: ReadonlyMap<Judged, readonly Judged[]>,
): Disagreement {
  const comesFirst = (group: Judged) => {
    // It could have claimed this charge itself, but that other evidence has or claims it.
    if (group.verdict === 'ledger-only') return group.net >= 0n;
    const isEarlier = group.verdict === 'evidence-only' && group.key < waiting.key;
    return group.evidence.length > 0 && (isCharged(group) || claims.has(group) || isEarlier);
  };
  return near(waiting, groups).some(comesFirst) ? conflicting(waiting) : missing(waiting);
}

/** The groups on the day of a group, the day before and the day after. */
function near(group: Judged, groups: readonly Judged[]): Judged[] {
  const day = dayOfGroup(group);
  const [first, last] = [addDays(day, -1), addDays(day, 1)];
  return groups.filter((other) => dayOfGroup(other) >= first && dayOfGroup(other) <= last);
}

function evidenceNear(charge: Judged, groups: readonly Judged[]): Judged[] {
  return near(charge, groups).filter((group) => group.evidence.length > 0);
}

function isCharged({ ledger, net }: Judged): boolean {
  return !isUncharged(ledger, net);
}

function missing(waiting: Judged): Disagreement {
  return disagreement('missing', { evidence: waiting, ledger: waiting }, { detail: 'The request is not charged.' });
}

function unexpected(charge: Judged): Disagreement {
  return disagreement('unexpected', { ledger: charge }, { detail: 'The request is charged and there is no evidence.' });
}

/** A second entry of a request, at another time than its evidence or first charge. */
function again(charge: Judged): Disagreement {
  if (charge.net > 0n) {
    const detail = 'The request is charged again at another time than its evidence and first charge.';
    return disagreement('duplicate', { ledger: charge }, { detail });
  }
  const detail = 'The request is given back at a time at which it is not charged; move the correction to the charge.';
  return disagreement('unexpected', { ledger: charge }, { cause: 'given-back', detail });
}

/** What is said of evidence whose request has other evidence, at another time, that has or gets the charge. */
export const OTHER_EVIDENCE = 'There is other evidence for the request at another time; a person must say which holds.';

function conflicting(waiting: Judged): Disagreement {
  const { expected: _expected, ...withoutAmount } = waiting;
  const group: Judged = { ...withoutAmount, verdict: 'conflicting-evidence' };
  return disagreement('conflicting-evidence', { evidence: group, ledger: group }, { detail: OTHER_EVIDENCE });
}

function misdated(evidence: Judged, ledger: Judged): Disagreement {
  const kind = evidence.expected === ledger.net ? 'misdated' : 'amount-mismatch';
  const detail = `The charge counts at ${instantOf(ledger.key)}, the evidence is of ${instantOf(evidence.key)}.`;
  return disagreement(kind, { evidence, ledger }, kind === 'misdated' ? { detail } : { cause: 'misdated', detail });
}
