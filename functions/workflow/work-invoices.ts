import type { BillingKind } from '../../store/billing-runs.ts';
import { isBillingSliceDone, noteBillingSliceFailure, recordBillingSlice } from '../../store/billing-slices.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { heldRun } from './invoices/held-run.ts';
import type { BillingDeps, BillingSlice, RunOf } from './invoices/job.ts';
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
    for (const slice of slices) {
      if (await isBillingSliceDone(deps.runs, run.id, { pass, slice: slice.id })) continue;
      try {
        await workSlice(deps, run, slice, pass);
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const note = noteBillingSliceFailure(deps.runs, run, {
          name,
          cause: `Slice ${slice.id} (${pass}): ${message}`,
        });
        // What went wrong first is what the workflow must hear of, whether it could be noted or not.
        await note.catch((failure: Error) => logger.error('A failure could not be noted', { error: failure }));
        throw error;
      }
    }
    return { slices: slices.length };
  };

async function workSlice(deps: BillingDeps, run: RunOf<BillingKind>, slice: BillingSlice, pass: string): Promise<void> {
  const noted = jobOf(run.spec.kind).work(deps, run, slice, pass);
  const { rows } = await writeRows(deps.artifacts, run.id, { pass, slice: slice.id }, noted);
  await recordBillingSlice(deps.runs, run.id, { pass, slice: slice.id, at: deps.now() });
  logger.info('Slice done', { runId: run.id, pass, slice: slice.id, rows });
}

export const handler = lazily(() => makeHandler(productionDeps()));
