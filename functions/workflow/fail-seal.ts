import type { Instant } from '../../domain/time.ts';
import { failSealRun, type SealRunsStore } from '../../store/seal-runs.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { FailEvent } from './fail-reconciliation.ts';
import { sealRunOf } from './seals/seal-run.ts';

export interface FailSealDeps {
  readonly runs: SealRunsStore;
  readonly now: () => Instant;
}

/** Records why sealing or verifying failed; leaves runs alone that are another execution's or were never recorded. */
export const makeHandler =
  ({ runs, now }: FailSealDeps) =>
  async ({ input, execution, error }: FailEvent): Promise<{ id: string; recorded: boolean }> => {
    const { mode, id } = sealRunOf(input);
    const failure = { name: error.Error ?? 'Unknown', cause: error.Cause ?? 'No cause was given.' };
    const result = await failSealRun(runs, { mode, id, execution }, failure, now());
    logger.error('A seal run failed', { id, mode, recorded: result, ...failure });
    return { id, recorded: result === 'recorded' };
  };

export const handler = lazily(() => {
  const { OPERATIONS_TABLE } = environment('OPERATIONS_TABLE');
  return makeHandler({
    runs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    now: () => new Date().toISOString(),
  });
});
