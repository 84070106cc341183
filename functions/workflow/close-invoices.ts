import { getText } from '../../store/artifacts.ts';
import { finishBillingRun } from '../../store/billing-runs.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { publishMetrics } from '../runtime/metrics.ts';
import { heldRun } from './invoices/held-run.ts';
import type { BillingDeps, BillingSlice } from './invoices/job.ts';
import { jobOf } from './invoices/jobs.ts';
import { productionDeps } from './invoices/production.ts';
import { countRows, readRows } from './invoices/rows.ts';
import type { BillingRunPlan } from './invoices/run-plan.ts';

/** Adds up what a billing run's slices noted, writes what it leaves, and records its end. Doing it again writes the same. */
export const makeHandler =
  (deps: BillingDeps) =>
  async ({ run: plan }: { readonly run: BillingRunPlan }): Promise<{ runId: string; sentence: string }> => {
    const run = await heldRun(deps.runs, plan);
    const slices = JSON.parse(await getText(deps.artifacts, plan.slicesKey)) as BillingSlice[];
    const job = jobOf(run.spec.kind);
    const counts = await countRows(deps.artifacts, run.id, job.passes.at(-1) ?? '', slices);
    const rows = (pass: string) => readRows(deps.artifacts, run.id, pass, slices);
    const outcome = await job.close(deps, run, rows, counts);
    await finishBillingRun(deps.runs, run, outcome, deps.now());
    publishMetrics();
    logger.info(outcome.sentence, { runId: run.id, kind: run.spec.kind });
    return { runId: run.id, sentence: outcome.sentence };
  };

export const handler = lazily(() => makeHandler(productionDeps()));
