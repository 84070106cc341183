import { billingRunKey, putText } from '../../store/artifacts.ts';
import {
  type BillingRunRequest,
  claimBillingRun,
  createBillingRun,
  requestBillingRun,
} from '../../store/billing-runs.ts';
import { recordSliceCount } from '../../store/billing-slices.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { BillingDeps } from './invoices/job.ts';
import { jobOf } from './invoices/jobs.ts';
import { productionDeps } from './invoices/production.ts';
import { type BillingRunPlan, billingRunOf } from './invoices/run-plan.ts';
import { JSON_TYPE } from './reconciliation/parts.ts';

export interface PlanInvoicesEvent {
  /** What the execution was started with. */
  readonly input: unknown;
  /** The execution's ARN. */
  readonly execution: string;
}

export type PlanInvoicesAnswer =
  | { readonly claimed: true; readonly run: BillingRunPlan }
  | { readonly claimed: false; readonly runId: string };

/** Takes a billing run for this execution and divides it into slices; says so when another execution has it. */
export const makeHandler =
  (deps: BillingDeps) =>
  async ({ input, execution }: PlanInvoicesEvent): Promise<PlanInvoicesAnswer> => {
    const asked = billingRunOf(input);
    if (typeof asked !== 'string') await requestScheduled(deps, asked);
    const runId = typeof asked === 'string' ? asked : asked.id;
    const result = await claimBillingRun(deps.runs, runId, { execution, at: deps.now() });
    if (result.kind === 'taken') {
      logger.info('The billing run is another execution’s', { runId, status: result.run?.status });
      return { claimed: false, runId };
    }
    const { startedAt, spec } = result.run;
    const { passes, concurrency, plan } = jobOf(spec.kind);
    const slices = await plan(deps, { ...result.run, execution, startedAt });
    const slicesKey = billingRunKey(runId, 'slices.json');
    await putText(deps.artifacts, slicesKey, JSON_TYPE, JSON.stringify(slices));
    await recordSliceCount(deps.runs, runId, slices.length * passes.length);
    logger.info('Planned', { runId, kind: spec.kind, slices: slices.length });
    return { claimed: true, run: { id: runId, execution, startedAt, passes, concurrency, slicesKey } };
  };

/**
 * The record of a run that a schedule asks for is made here, once. One that failed is wanted again by whoever starts an
 * execution for it: nobody else can ask for it under its name.
 */
async function requestScheduled({ runs, now }: BillingDeps, request: BillingRunRequest): Promise<void> {
  const result = await createBillingRun(runs, request, 'requested');
  if (result.kind === 'exists' && result.run.status === 'failed') {
    await requestBillingRun(runs, request.id, request.requestedBy, now());
  }
}

export const handler = lazily(() => makeHandler(productionDeps()));
