import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import type { FindingLine } from '../../domain/reconciliation/findings.ts';
import type { RunOutcome } from '../../domain/reconciliation/outcome.ts';
import type { Slice } from '../../domain/reconciliation/slices.ts';
import { addDays, periodOfMonth } from '../../domain/time.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/reconcile-slice.ts';
import type { RunPlan } from '../../functions/workflow/reconciliation/run-plan.ts';
import { makeHandler as makeSummarise } from '../../functions/workflow/summarise-reconciliation.ts';
import { getText, runKey } from '../../store/artifacts.ts';
import { type BillingWorld, MONTH } from './billing-world.ts';

/** What a comparison of a month's invoices with the ledger left. */
export interface InvoiceReconciliation {
  readonly run: RunPlan;
  readonly outcome: RunOutcome;
  readonly findings: readonly FindingLine[];
  file(name: string): Promise<string>;
}

/** Compares the month's invoices with the ledger as the state machine does: plans, compares every slice, sums up. */
export function reconcileInvoices(
  world: BillingWorld,
  runId: string,
  accounts?: readonly string[],
): Promise<InvoiceReconciliation> {
  const { start, end } = periodOfMonth(MONTH);
  const days = { startDate: start, endDate: addDays(end, -1) };
  return reconcileBy(world, {
    ...{ trigger: 'request', runId, books: 'invoices', ...days, requestedAt: world.now },
    ...(accounts !== undefined && { accounts }),
  });
}

/** The same for whatever starts an execution. */
export async function reconcileBy(world: BillingWorld, input: object): Promise<InvoiceReconciliation> {
  const { tables, artifacts } = world;
  const deps = {
    ...{ books: tables, runs: tables, invoices: tables, artifacts, chart },
    ...{ now: () => world.now, newId: randomUUID, wait: async () => {} },
    sweptUntil: async () => undefined,
    readRateCards: async () => world.rateCards,
  };
  const planned = await makePlan(deps)({ input, execution: 'execution' });
  if (!planned.claimed) throw new Error('The run is another execution’s.');
  const { run } = planned;
  const slices = JSON.parse(await getText(artifacts, run.slicesKey)) as Slice[];
  await makeSlice(deps)({ BatchInput: { run }, Items: slices });
  await makeSummarise(deps)({ run });
  const file = (name: string) => getText(artifacts, runKey(run.id, name));
  const lines = (await file('findings.ndjson')).split('\n').filter((line) => line !== '');
  return {
    ...{ run, file },
    outcome: JSON.parse(await file('summary.json')) as RunOutcome,
    findings: lines.map((line) => JSON.parse(line) as FindingLine),
  };
}
