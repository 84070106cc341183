import { chartEntryOf } from '../../../domain/chart.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { readFacts, seedsOf } from '../../../domain/repairs/facts.ts';
import { rollBackRebalance } from '../../../domain/repairs/rebalance.ts';
import { type Rollback, rollBackRequest } from '../../../domain/repairs/rollback.ts';
import type { RebalanceStep, RulingStep, Step, TransferStep } from '../../../domain/repairs/steps.ts';
import { sha256 } from '../../../store/audit.ts';
import { getBalance } from '../../../store/rebalance.ts';
import { requestBooks } from '../../../store/request-books.ts';
import { readPlan, readResults, readSteps } from './files.ts';
import { type Draft, type LeftLine, type PlanningDeps, REQUESTS_AT_ONCE } from './plan.ts';
import { byRequest } from './requests.ts';

/** Plans to take back what another repair posted itself, the last of it first. */
export async function planRollback(deps: PlanningDeps, repairId: string): Promise<Draft> {
  const { parts } = await readPlan(deps.artifacts, repairId);
  const groups: Draft['groups'][number][] = [];
  const left: LeftLine[] = [];
  let answered = 0;
  for (const part of parts.toReversed()) {
    const posted = new Set<string>();
    for (const { id, outcome } of await readResults(deps.artifacts, repairId, part.part)) {
      if (outcome === 'posted') posted.add(id);
    }
    const requests = byRequest(await readSteps(deps.artifacts, repairId, part)).reverse();
    const rollbacks = inOrder(requests, REQUESTS_AT_ONCE, async (steps) => ({
      steps,
      rollback: await rollBack(deps, steps, posted),
    }));
    for await (const { steps, rollback } of rollbacks) {
      if (rollback.steps.length > 0) groups.push(rollback.steps);
      answered += steps.filter(({ id }) => posted.has(id)).length - rollback.left.length;
      for (const { stepId, reason } of rollback.left) left.push(leftLine(steps, stepId, reason));
    }
  }
  return { groups, answered, left };
}

async function rollBack(deps: PlanningDeps, steps: readonly Step[], posted: ReadonlySet<string>): Promise<Rollback> {
  const [first] = steps;
  if (first === undefined) return { steps: [], left: [] };
  if (first.kind === 'rebalance') return posted.has(first.id) ? rollBackBalance(deps, first) : { steps: [], left: [] };
  const ofRequest = steps.filter((step): step is TransferStep | RulingStep => step.kind !== 'rebalance');
  const { account, requestId } = first;
  const entry = chartEntryOf(deps.chart, account);
  if (entry === undefined) {
    const reason = 'The chart of accounts does not know the account any more; add it again, and plan again.';
    return { steps: [], left: ofRequest.filter(({ id }) => posted.has(id)).map(({ id }) => ({ stepId: id, reason })) };
  }
  const books = requestBooks(deps.books, account, requestId, entry);
  const facts = await readFacts(books, { account, requestId, chargeable: true }, seedsOf(ofRequest), sha256);
  return rollBackRequest(ofRequest, posted, facts, sha256);
}

async function rollBackBalance(deps: PlanningDeps, step: RebalanceStep): Promise<Rollback> {
  const stored = await getBalance(deps.books, step.account);
  const back =
    stored === undefined ? 'The account keeps no balance any more.' : rollBackRebalance(step, stored, sha256);
  return typeof back === 'string'
    ? { steps: [], left: [{ stepId: step.id, reason: back }] }
    : { steps: [back], left: [] };
}

function leftLine(steps: readonly Step[], id: string, reason: string): LeftLine {
  const step = steps.find((each) => each.id === id);
  const requestId = step !== undefined && 'requestId' in step ? step.requestId : undefined;
  return {
    id,
    account: step?.account ?? '',
    ...(requestId !== undefined && { requestId }),
    kind: step?.kind ?? 'unknown',
    reason,
  };
}
