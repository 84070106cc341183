import type { Instant } from '../../domain/time.ts';
import { type BillingRunsStore, failBillingRun } from '../../store/billing-runs.ts';
import { toldError } from '../../store/billing-slices.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { billingRunOf } from './invoices/run-plan.ts';

export interface FailInvoicesEvent {
  readonly input: unknown;
  readonly execution: string;
  /** The error as Step Functions caught it. */
  readonly error: { readonly Error?: string; readonly Cause?: string };
}

/** Records on the billing run why it failed; leaves runs alone that are another execution's. */
export const makeHandler =
  ({ runs, now }: { readonly runs: BillingRunsStore; readonly now: () => Instant }) =>
  async ({ input, execution, error }: FailInvoicesEvent): Promise<{ recorded: boolean }> => {
    const asked = billingRunOf(input);
    const id = typeof asked === 'string' ? asked : asked.id;
    const caught = { name: error.Error ?? 'Unknown', cause: error.Cause ?? 'No cause was given.' };
    const failure = await toldError(runs, { id, execution }, caught);
    const result = await failBillingRun(runs, { id, execution }, failure, now());
    logger.error('Billing run failed', { runId: id, recorded: result, ...failure });
    return { recorded: result === 'recorded' };
  };

export const handler = lazily(() => {
  const { OPERATIONS_TABLE } = environment('OPERATIONS_TABLE');
  return makeHandler({
    runs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    now: () => new Date().toISOString(),
  });
});
