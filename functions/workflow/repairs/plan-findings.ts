import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { type RateCard, rate, versionName } from '../../../domain/rating.ts';
import { type FindingLine, findingOf } from '../../../domain/reconciliation/findings.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { instantOf } from '../../../domain/reconciliation/rows.ts';
import { type Decision, parseDecision } from '../../../domain/repairs/decisions.ts';
import type { PriceOf } from '../../../domain/repairs/draft.ts';
import { readFacts } from '../../../domain/repairs/facts.ts';
import {
  type Found,
  findingsByRequest,
  type Planned,
  type PlanTerms,
  planRequest,
  seedsOfFindings,
} from '../../../domain/repairs/plan.ts';
import { planRebalance } from '../../../domain/repairs/rebalance.ts';
import { getAccount } from '../../../store/accounts.ts';
import { readLines, runKey } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import type { RepairSource } from '../../../store/repairs.ts';
import { requestBooks } from '../../../store/request-books.ts';
import { readBalanceFacts } from './balance-facts.ts';
import {
  type Draft,
  type LeftLine,
  PLANNED_MAX,
  type PlanningDeps,
  PlanTooLargeError,
  REQUESTS_AT_ONCE,
} from './plan.ts';

/** Plans the repair of what a reconciliation run found, from what the books say now. */
export async function planFindings(
  deps: PlanningDeps,
  source: Extract<RepairSource, { kind: 'findings' }>,
): Promise<Draft> {
  const found = await readFound(deps, source.runId);
  const decisions = decisionsOf(source.decisions);
  const terms: PlanTerms = { kinds: new Set(source.kinds), decisions, digest: sha256 };
  const groups: Draft['groups'][number][] = [];
  const left: LeftLine[] = [];
  let answered = 0;
  const planned = inOrder(findingsByRequest(found), REQUESTS_AT_ONCE, async (ofRequest) => ({
    ofRequest,
    plan: await planGroup(deps, ofRequest, terms),
  }));
  for await (const { ofRequest, plan } of planned) {
    if (plan.steps.length > 0) groups.push(plan.steps);
    answered += plan.answered.length;
    const byId = new Map(ofRequest.map((each) => [each.id, each]));
    for (const { findingId, reason } of plan.left) left.push(leftLine(findingId, byId.get(findingId), reason));
  }
  const known = new Set(found.map(({ id }) => id));
  for (const id of decisions.keys()) {
    if (!known.has(id)) left.push(leftLine(id, undefined, 'The run has no such finding; read its id again.'));
  }
  return { groups, answered, left };
}

/** @throws PlanTooLargeError */
async function readFound({ artifacts }: PlanningDeps, runId: string): Promise<Found[]> {
  const found: Found[] = [];
  for await (const line of readLines(artifacts, runKey(runId, 'findings.ndjson'))) {
    if (found.length === PLANNED_MAX) {
      throw new PlanTooLargeError(
        `The run has more than ${PLANNED_MAX} findings; reconcile and repair fewer days at once.`,
      );
    }
    const finding = JSON.parse(line) as FindingLine;
    found.push({ id: finding.id, finding: findingOf(finding) });
  }
  return found;
}

function decisionsOf(texts: Readonly<Record<string, string>>): Map<string, Decision> {
  const decisions = Object.entries(texts).map(([id, text]) => [id, parseDecision(text)] as const);
  return new Map(decisions.filter((each): each is [string, Decision] => each[1] !== undefined));
}

async function planGroup(deps: PlanningDeps, found: readonly Found[], terms: PlanTerms): Promise<Planned> {
  const [first] = found;
  if (first === undefined) return { steps: [], answered: [], left: [] };
  const leave = (reason: string): Planned => ({
    steps: [],
    answered: [],
    left: found.map(({ id }) => ({ findingId: id, reason })),
  });
  const { account, requestId } = first.finding;
  const entry = chartEntryOf(deps.chart, account);
  if (entry === undefined) return leave('The chart of accounts does not know the account; add it, or leave it.');
  if (requestId === undefined) {
    const facts = await readBalanceFacts(deps, account, entry);
    return typeof facts === 'string' ? leave(facts) : planRebalance(first, facts, terms);
  }
  const books = requestBooks(deps.books, account, requestId, entry);
  const request = { account, requestId, chargeable: await isChargeable(deps, account, entry) };
  const facts = await readFacts(books, request, seedsOfFindings(found, terms.decisions), terms.digest);
  return planRequest(found, facts, priceOf(deps.chart, deps.rateCards, account, entry), terms);
}

/** A derived account exists from its first charge on; a strict one must have been opened. */
async function isChargeable({ books }: PlanningDeps, account: string, { balance }: ChartEntry): Promise<boolean> {
  return balance === 'derived' || (await getAccount(books, account)) !== undefined;
}

/** What evidence should have cost, as a charge by the API would say it. */
function priceOf(chart: Chart, cards: readonly RateCard[], account: string, entry: ChartEntry): PriceOf {
  return ({ key, operation, quantities }) => {
    const rating = rate(cards, entry.rateCard, { account, operation, quantities, at: instantOf(key) });
    if (rating.kind === 'unpriced') return { unpriced: rating.rule };
    const { card, amount } = rating;
    const isOfChart = card.asset === entry.asset && chartEntryOf(chart, card.revenueAccount) !== undefined;
    if (!isOfChart) return { unpriced: `rate card "${versionName(card)}" does not fit the chart of accounts` };
    return { amount, rateCard: versionName(card), credit: card.revenueAccount };
  };
}

function leftLine(id: string, found: Found | undefined, reason: string): LeftLine {
  if (found === undefined) return { id, account: '', kind: 'unknown', reason };
  const { kind, account, requestId } = found.finding;
  return { id, account, ...(requestId !== undefined && { requestId }), kind, reason };
}
