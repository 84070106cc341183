import { setTimeout } from 'node:timers/promises';
import { approvalPolicy } from '../../config/approvals.ts';
import { chart } from '../../config/chart.ts';
import { type ApprovalPolicy, expiryOf } from '../../domain/approvals.ts';
import { formatAmount } from '../../domain/money.ts';
import type { RateCard } from '../../domain/rating.ts';
import { claimPlanning, recordPlan } from '../../store/repair-states.ts';
import type { PlanSummary, Repair, RepairsStore } from '../../store/repairs.ts';
import { readSettings } from '../../store/settings.ts';
import { sweptUntil } from '../../store/sweeps.ts';
import { dynamoDbForPages, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { askForApproval } from './approval.ts';
import type { RepairEvent } from './repairs/event.ts';
import type { Draft, PlanningDeps } from './repairs/plan.ts';
import { writePlan } from './repairs/plan-files.ts';
import { planFindings } from './repairs/plan-findings.ts';
import { planImport } from './repairs/plan-import.ts';
import { planRollback } from './repairs/plan-rollback.ts';

export interface PlanRepairDeps extends Omit<PlanningDeps, 'rateCards'> {
  readonly repairs: RepairsStore;
  readonly readRateCards: () => Promise<readonly RateCard[]>;
  readonly policy: ApprovalPolicy;
}

export type PlanRepairAnswer =
  | { readonly claimed: true; readonly hash: string; readonly steps: number }
  | { readonly claimed: false };

/**
 * Plans a repair from what the books say now, writes the plan, and asks for an approval where it takes one. Nothing is
 * posted. What is planned follows from the books alone, so it may be done again after a crash.
 */
export const makeHandler =
  (deps: PlanRepairDeps) =>
  async ({ repairId, execution }: RepairEvent): Promise<PlanRepairAnswer> => {
    const result = await claimPlanning(deps.repairs, repairId, { execution, at: deps.now() });
    if (result.kind === 'taken') {
      logger.info('The repair is another execution’s, or is planned', { repairId, status: result.repair?.status });
      return { claimed: false };
    }
    const { repair } = result;
    const draft = await draftOf({ ...deps, rateCards: await deps.readRateCards() }, repair);
    const plan = await writePlan(deps.artifacts, repair, draft, { plannedAt: deps.now(), policy: deps.policy });
    const approval = plan.aboveThreshold ? await approvalOf(deps, repair, plan) : undefined;
    await recordPlan(deps.repairs, repairId, { execution, at: deps.now() }, plan, approval);
    logger.info('Planned', { repairId, hash: plan.hash, steps: plan.steps, left: plan.left });
    return { claimed: true, hash: plan.hash, steps: plan.steps };
  };

function draftOf(deps: PlanningDeps, repair: Repair): Promise<Draft> {
  const { source } = repair;
  switch (source.kind) {
    case 'findings':
      return planFindings(deps, source);
    case 'rollback':
      return planRollback(deps, source.repairId);
    case 'import':
      return planImport(deps, repair, source);
  }
}

function approvalOf(deps: PlanRepairDeps, repair: Repair, plan: PlanSummary): Promise<string> {
  const expiresAt = expiryOf(plan.plannedAt, deps.policy);
  return askForApproval(deps.repairs, `repair-${repair.id}`, {
    action: 'repair.apply',
    target: `repair:${repair.id}`,
    hash: plan.hash,
    summary: summaryOf(repair, plan),
    requestedBy: repair.requestedBy,
    requestedAt: plan.plannedAt,
    // Nobody should approve what cannot be applied any more.
    expiresAt: expiresAt < plan.goodUntil ? expiresAt : plan.goodUntil,
  });
}

function whatIsDone(source: Repair['source']): string {
  switch (source.kind) {
    case 'findings':
      return `Repair what ${source.runId} found`;
    case 'rollback':
      return `Roll back the repair ${source.repairId}`;
    case 'import':
      return `Import the entries of a file (SHA-256 ${source.sha256})`;
  }
}

/** What an approver is shown. */
function summaryOf({ id, source, startDate, endDate }: Repair, plan: PlanSummary): string[] {
  const what = whatIsDone(source);
  const totals = plan.totals.map(({ asset, charged, givenBack, rebalanced }) => {
    const [more, less, set] = [charged, givenBack, rebalanced].map((text) => formatAmount(BigInt(text), asset));
    return `${asset}: ${more} charged, ${less} given back, balances set by ${set}.`;
  });
  return [
    `${what} (${startDate} to ${endDate}), as ${id}.`,
    `${plan.steps} steps for ${plan.accounts} accounts; ${plan.left} left for a person.`,
    ...totals,
    `Every step: reckoner repairs ${id}`,
  ];
}

export const handler = lazily(() => {
  const names = environment('LEDGER_TABLE', 'USAGE_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  const client = dynamoDbForPages();
  const operations = { client, operationsTable: names.OPERATIONS_TABLE };
  return makeHandler({
    books: { client, ledgerTable: names.LEDGER_TABLE, usageTable: names.USAGE_TABLE },
    repairs: operations,
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    chart,
    policy: approvalPolicy,
    readRateCards: async () => (await readSettings(operations)).rateCards,
    sweptUntil: () => sweptUntil(operations),
    now: () => new Date().toISOString(),
    wait: (milliseconds) => setTimeout(milliseconds),
  });
});
