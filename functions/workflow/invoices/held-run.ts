import type { BillingKind } from '../../../store/billing-runs.ts';
import { BillingRunNotOursError, type BillingRunsStore, getBillingRun } from '../../../store/billing-runs.ts';
import type { RunOf } from './job.ts';
import type { BillingRunPlan } from './run-plan.ts';

/**
 * The run that an execution has taken, as its record says.
 * @throws BillingRunNotOursError when it is another execution's by now.
 */
export async function heldRun(
  runs: BillingRunsStore,
  { id, execution, startedAt }: Pick<BillingRunPlan, 'id' | 'execution' | 'startedAt'>,
): Promise<RunOf<BillingKind>> {
  const run = await getBillingRun(runs, id);
  if (run?.execution !== execution) {
    throw new BillingRunNotOursError(`The billing run "${id}" is not that of ${execution}; another execution has it.`);
  }
  return { ...run, execution, startedAt };
}
