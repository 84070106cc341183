import { isBillingSliceDone, recordBillingSlice } from '../../store/billing-slices.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { heldRun } from './invoices/held-run.ts';
import type { BillingDeps, BillingSlice } from './invoices/job.ts';
import { jobOf } from './invoices/jobs.ts';
import { productionDeps } from './invoices/production.ts';
import { writeRows } from './invoices/rows.ts';
import type { BillingRunPlan } from './invoices/run-plan.ts';

/** A batch of slices of one pass, as the Distributed Map hands it out. */
export interface WorkInvoicesEvent {
  readonly BatchInput: { readonly run: BillingRunPlan; readonly pass: string };
  readonly Items: readonly BillingSlice[];
}

/**
 * Does slices of a billing run one after the other and leaves a part of the run for each. A slice that an earlier attempt
 * has done is passed over, so an attempt that ran out of time goes on where it was.
 */
export const makeHandler =
  (deps: BillingDeps) =>
  async ({ BatchInput: { run: plan, pass }, Items: slices }: WorkInvoicesEvent): Promise<{ slices: number }> => {
    const run = await heldRun(deps.runs, plan);
    const job = jobOf(run.spec.kind);
    for (const slice of slices) {
      if (await isBillingSliceDone(deps.runs, run.id, { pass, slice: slice.id })) continue;
      const { rows } = await writeRows(
        deps.artifacts,
        run.id,
        { pass, slice: slice.id },
        job.work(deps, run, slice, pass),
      );
      await recordBillingSlice(deps.runs, run.id, { pass, slice: slice.id, at: deps.now() });
      logger.info('Slice done', { runId: run.id, pass, slice: slice.id, rows });
    }
    return { slices: slices.length };
  };

export const handler = lazily(() => makeHandler(productionDeps()));
