import { firstDifference } from '../transfers.ts';
import { basisOf, type RequestFacts, without } from './facts.ts';
import { claimsOf, type Digest, type RulingStep, type TransferStep } from './steps.ts';

/** What becomes of a step now: it may be posted, it is in the books, or the books are not what it was planned from. */
export type Standing = 'ready' | 'already-posted' | 'stale';

/**
 * Tries the steps of one request against what the books say now. What the steps themselves have posted is left out, so a
 * repair that was interrupted goes on, and one that somebody came between does not.
 * @param steps all steps that the plan has for the request.
 * @returns the standing of each step, in their order.
 */
export function standings(
  steps: readonly (TransferStep | RulingStep)[],
  facts: RequestFacts,
  digest: Digest,
): readonly Standing[] {
  const before = basisOf(without(facts, steps), digest);
  return steps.map((step) => {
    const posted = step.kind === 'ruling' ? ruledAlready(step, facts) : postedAlready(step, facts);
    if (posted !== undefined) return posted ? 'already-posted' : 'stale';
    const isSame = before.ledger === step.basis.ledger && before.evidence === step.basis.evidence;
    return isSame ? 'ready' : 'stale';
  });
}

/** @returns whether what has the step's id is what the step posts; undefined when nothing has it. */
function postedAlready(step: TransferStep, { transfers, idTaken }: RequestFacts): boolean | undefined {
  const posted = transfers.find(({ transfer }) => transfer.id === step.id);
  if (posted !== undefined) return firstDifference(posted.transfer, claimsOf(step)) === undefined;
  return step.id === step.requestId && idTaken ? false : undefined;
}

function ruledAlready({ at, ruling }: RulingStep, { evidence }: RequestFacts): boolean | undefined {
  const kept = evidence.get(at)?.find((row) => row.ruling?.number === ruling.number);
  return kept?.ruling && JSON.stringify(kept.ruling.overrules) === JSON.stringify(ruling.overrules);
}
