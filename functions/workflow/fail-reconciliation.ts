import type { Instant } from '../../domain/time.ts';
import { failRun, type RunsStore } from '../../store/runs.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { runOf } from './reconciliation/run-plan.ts';

export interface FailDeps {
  readonly runs: RunsStore;
  readonly now: () => Instant;
}

export interface FailEvent {
  /** What the execution was started with. */
  readonly input: unknown;
  /** The execution's ARN. */
  readonly execution: string;
  /** The error as Step Functions caught it. */
  readonly error: { readonly Error?: string; readonly Cause?: string };
}

/** Records on the run why it failed; leaves runs alone that are another execution's or were never recorded. */
export const makeHandler =
  ({ runs, now }: FailDeps) =>
  async ({ input, execution, error }: FailEvent): Promise<{ runId: string; recorded: boolean }> => {
    const { id } = runOf(input);
    const failure = { name: error.Error ?? 'Unknown', cause: error.Cause ?? 'No cause was given.' };
    const result = await failRun(runs, { id, execution }, failure, now());
    logger.error('Reconciliation failed', { runId: id, recorded: result, ...failure });
    return { runId: id, recorded: result === 'recorded' };
  };

export const handler = lazily(() => {
  const { OPERATIONS_TABLE } = environment('OPERATIONS_TABLE');
  return makeHandler({
    runs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    now: () => new Date().toISOString(),
  });
});
