import { lastRuling } from '../reconciliation/rulings.ts';
import { createDraft, type Draft } from './draft.ts';
import { basisOf, type RequestFacts, without } from './facts.ts';
import type { Digest, RulingStep, Step, TransferStep } from './steps.ts';

/** A step that is not rolled back, and the sentence that says why. */
export interface NotRolledBack {
  readonly stepId: string;
  readonly reason: string;
}

export interface Rollback {
  /** In the order in which they are to be applied: the last step of the repair first. */
  readonly steps: readonly Step[];
  readonly left: readonly NotRolledBack[];
}

/**
 * Plans the rollback of what a repair posted for one request: nothing is deleted, each step is answered by its opposite.
 * It is all of the request or nothing, and nothing where somebody else has posted for the request since: what the
 * opposite would then come to, nobody has looked at.
 * @param steps all steps that the repair had for the request, in their order.
 * @param posted the ids of those that this repair posted itself.
 */
export function rollBackRequest(
  steps: readonly (TransferStep | RulingStep)[],
  posted: ReadonlySet<string>,
  facts: RequestFacts,
  digest: Digest,
): Rollback {
  const own = steps.filter(({ id }) => posted.has(id));
  const [first] = own;
  if (first === undefined) return { steps: [], left: [] };
  const before = without(facts, steps);
  if (!facts.complete || basisOf(before, digest).ledger !== first.basis.ledger || !isLastRuled(own, facts)) {
    return { steps: [], left: own.map(({ id }) => ({ stepId: id, reason: TOUCHED })) };
  }
  const draft = createDraft(facts, first.asset, basisOf(facts, digest), () => NO_PRICE, digest);
  const left: NotRolledBack[] = [];
  const undo = (step: TransferStep | RulingStep) => {
    if (step.kind === 'ruling') {
      draft.rule(step.findingId, step.at, lastRuling(before.evidence.get(step.at) ?? [])?.overrules ?? []);
    } else if (step.transfer.amount === 0n) left.push({ stepId: step.id, reason: 'It moved no amount.' });
    else if (step.kind === 'charge') takeBack(draft, step);
    else draft.oppose(step.findingId, step.transfer);
  };
  for (const linked of chunks(own.toReversed())) draft.together(() => linked.forEach(undo));
  return { steps: draft.steps(), left };
}

function takeBack(draft: Draft, { findingId, transfer }: TransferStep): void {
  draft.bring(findingId, transfer.id, transfer.effectiveAt, -transfer.amount);
}

/** Steps that were posted all or none are taken back so. */
function chunks(steps: readonly (TransferStep | RulingStep)[]): (TransferStep | RulingStep)[][] {
  const nameOf = (step: TransferStep | RulingStep) => ('linked' in step && step.linked) || step.id;
  return [...Map.groupBy(steps, nameOf).values()];
}

function isLastRuled(steps: readonly (TransferStep | RulingStep)[], { evidence }: RequestFacts): boolean {
  return steps.every(
    (step) => step.kind !== 'ruling' || lastRuling(evidence.get(step.at) ?? [])?.number === step.ruling.number,
  );
}

const TOUCHED =
  'Something else was posted or ruled for the request since the repair; look at it, and correct the request by hand.';

/** A rollback asks for no price: it moves back what was moved. */
const NO_PRICE = { unpriced: 'a rollback prices nothing' };
