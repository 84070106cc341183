import type { Instant } from '../../domain/time.ts';
import { failRepair } from '../../store/repair-states.ts';
import type { RepairsStore } from '../../store/repairs.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { RepairEvent } from './repairs/event.ts';

export interface FailRepairDeps {
  readonly repairs: RepairsStore;
  readonly now: () => Instant;
}

export interface FailRepairEvent extends RepairEvent {
  /** The error as Step Functions caught it. */
  readonly error: { readonly Error?: string; readonly Cause?: string };
}

/** Records on the repair why it broke off; leaves repairs alone that are another execution's. */
export const makeHandler =
  ({ repairs, now }: FailRepairDeps) =>
  async ({ repairId, execution, error }: FailRepairEvent): Promise<{ recorded: boolean }> => {
    const failure = { name: error.Error ?? 'Unknown', cause: error.Cause ?? 'No cause was given.' };
    const result = await failRepair(repairs, repairId, { execution, at: now() }, failure);
    logger.error('Repair failed', { repairId, recorded: result, ...failure });
    return { recorded: result === 'recorded' };
  };

export const handler = lazily(() => {
  const { OPERATIONS_TABLE } = environment('OPERATIONS_TABLE');
  return makeHandler({
    repairs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    now: () => new Date().toISOString(),
  });
});
