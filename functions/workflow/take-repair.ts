import type { Instant } from '../../domain/time.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import { claimApplying } from '../../store/repair-states.ts';
import type { RepairsStore } from '../../store/repairs.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { RepairEvent } from './repairs/event.ts';
import { type PartRef, PlanDiffersError, readPlan } from './repairs/files.ts';

export interface TakeRepairDeps {
  readonly repairs: RepairsStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

export type TakeRepairAnswer =
  | {
      readonly claimed: true;
      readonly parts: readonly PartRef[];
      readonly needsBackup: boolean;
    }
  | { readonly claimed: false };

/**
 * Takes a repair that was asked to be applied for this execution. Whoever asked named the hash of the plan, and used up
 * its approval in the same write; here the plan's file is held against that hash.
 */
export const makeHandler =
  ({ repairs, artifacts, now }: TakeRepairDeps) =>
  async ({ repairId, execution }: RepairEvent): Promise<TakeRepairAnswer> => {
    const result = await claimApplying(repairs, repairId, { execution, at: now() });
    if (result.kind === 'taken') {
      logger.info('The repair is another execution’s, or is not to be applied', {
        repairId,
        status: result.repair?.status,
      });
      return { claimed: false };
    }
    const { plan, backup } = result.repair;
    if (plan === undefined) throw new PlanDiffersError(`The repair "${repairId}" has no plan.`);
    const { parts } = await readPlan(artifacts, repairId, plan.hash);
    return { claimed: true, parts, needsBackup: plan.aboveThreshold && backup === undefined };
  };

export const handler = lazily(() => {
  const { OPERATIONS_TABLE, ARTIFACTS_BUCKET } = environment('OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  return makeHandler({
    repairs: { client: dynamoDb(), operationsTable: OPERATIONS_TABLE },
    artifacts: { client: s3(), bucket: ARTIFACTS_BUCKET },
    now: () => new Date().toISOString(),
  });
});
