import type { BalanceFigures } from '../accounts.ts';
import type { GrantState } from '../grants.ts';
import { driftOf, sameFigures, type TransferSums } from '../reconciliation/balances.ts';
import type { Found, Planned, PlanTerms } from './plan.ts';
import { MOVED, REPAIRED } from './reasons.ts';
import { type Digest, type Figures, ID_DIGITS, type RebalanceStep } from './steps.ts';

/** A strict balance as it is stored, and the id of the last step that set it, which is written with it. */
export interface StoredBalance {
  readonly figures: BalanceFigures;
  readonly rebalancedBy?: string;
}

/** What the balance should be by the records behind it, read while its figures stood still. */
export interface BalanceFacts extends StoredBalance {
  readonly sums: TransferSums;
  /** Minor units in holds that have not ended. */
  readonly held: bigint;
  readonly creditLimit: bigint;
  /** What the account says is left of its grants, where it has any. */
  readonly grants?: GrantState;
}

/** Plans to set a drifted balance to what its transfers and holds come to. */
export function planRebalance(
  { id: findingId, finding }: Found,
  facts: BalanceFacts,
  { kinds, decisions, digest }: PlanTerms,
): Planned {
  const left = (reason: string): Planned => ({ steps: [], answered: [], left: [{ findingId, reason }] });
  const decision = decisions.get(findingId)?.kind;
  if (decision === 'leave') return left('A person decided to leave it.');
  if (decision !== undefined) return left(`The decision "${decision}" is not for a balance.`);
  if (!kinds.has('rebalance')) return left('It was not asked for; "rebalance" answers it.');
  const { figures, sums, held, creditLimit, grants } = facts;
  if (driftOf(figures, sums, held, creditLimit, finding.at) === undefined) {
    return left(driftOf(figures, sums, held, creditLimit, finding.at, grants) === undefined ? REPAIRED : GRANTS_DIFFER);
  }
  const { credits, debits } = sums;
  const to = { credits, debits, held, available: credits - debits - held + creditLimit };
  return { steps: [rebalanceStep({ ...finding, findingId }, facts, to, digest)], answered: [findingId], left: [] };
}

const GRANTS_DIFFER =
  'The balance is right, and what is left of a grant in it is not; pause the ledger and correct the grant by hand.';

/** Sets the difference back that a step made, whatever the account moved since. */
export function rollBackRebalance(step: RebalanceStep, stored: StoredBalance, digest: Digest): RebalanceStep | string {
  if (stored.rebalancedBy !== step.id) return `Another repair has set the balance since; ${MOVED}`;
  const back = (name: keyof Figures) => stored.figures[name] + step.from[name] - step.to[name];
  const to = { credits: back('credits'), debits: back('debits'), held: back('held'), available: back('available') };
  return rebalanceStep(step, stored, to, digest);
}

/** Whether a step may be applied to a balance as it is stored now. */
export function rebalanceStanding(step: RebalanceStep, stored: StoredBalance): 'ready' | 'already-posted' | 'stale' {
  if (stored.rebalancedBy === step.id) return 'already-posted';
  return sameFigures(stored.figures, step.from) ? 'ready' : 'stale';
}

/** Its id takes in the step before it, so that the same drift, made again by a rollback, is another step's. */
function rebalanceStep(
  { account, asset, findingId }: Pick<RebalanceStep, 'account' | 'asset' | 'findingId'>,
  { figures, rebalancedBy }: StoredBalance,
  to: Figures,
  digest: Digest,
): RebalanceStep {
  const from: BalanceFigures = figures;
  const identity = JSON.stringify([account, rebalancedBy ?? '', ...textsOf(from), ...textsOf(to)]);
  const [before, after] = [from, to].map(({ available }) => available.toString());
  return {
    kind: 'rebalance',
    id: `rebalance:${digest(identity).slice(0, ID_DIGITS)}`,
    account,
    asset,
    findingId,
    from,
    to,
    detail: `Set what is available from ${before} to ${after}, and the counters with it.`,
  };
}

function textsOf({ credits, debits, held, available }: Figures): string[] {
  return [credits, debits, held, available].map(String);
}
