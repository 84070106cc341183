import { CreateBackupCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Instant } from '../../domain/time.ts';
import { recordBackup } from '../../store/repair-states.ts';
import { getRepair, type RepairsStore } from '../../store/repairs.ts';
import { retryTransient } from '../../store/retry.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import type { RepairEvent } from './repairs/event.ts';

export interface BackUpDeps {
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly repairs: RepairsStore;
  readonly now: () => Instant;
}

/**
 * Requests a backup of the ledger and records it, once per repair. A backup holds what the table held when it was
 * requested (Amazon DynamoDB Developer Guide, "On-demand backup"), so nobody has to wait until it is there. An attempt
 * that ends between the request and the record leaves a backup that nobody names, and the next one makes another.
 */
export const makeHandler =
  ({ client, ledgerTable, repairs, now }: BackUpDeps) =>
  async ({ repairId, execution }: RepairEvent): Promise<{ backup: string }> => {
    const known = (await getRepair(repairs, repairId))?.backup;
    if (known !== undefined) return { backup: known };
    const command = new CreateBackupCommand({ TableName: ledgerTable, BackupName: `repair-${repairId}` });
    const { BackupDetails } = await retryTransient(() => client.send(command), repairs.clock);
    const backup = BackupDetails?.BackupArn ?? '';
    await recordBackup(repairs, repairId, { execution, at: now() }, backup);
    logger.info('Backup requested', { repairId, backup });
    return { backup };
  };

export const handler = lazily(() => {
  const { LEDGER_TABLE, OPERATIONS_TABLE } = environment('LEDGER_TABLE', 'OPERATIONS_TABLE');
  const client = dynamoDb();
  return makeHandler({
    client,
    ledgerTable: LEDGER_TABLE,
    repairs: { client, operationsTable: OPERATIONS_TABLE },
    now: () => new Date().toISOString(),
  });
});
