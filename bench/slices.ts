import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { chart } from '../config/chart.ts';
import type { RateCard } from '../domain/rating.ts';
import type { Slice } from '../domain/reconciliation/slices.ts';
import type { Day } from '../domain/time.ts';
import { makeHandler } from '../functions/workflow/reconcile-slice.ts';
import type { Artifacts } from '../store/artifacts.ts';
import { readSettings } from '../store/settings.ts';
import { dynamoDbClient, type Setting } from './setting.ts';

/** A run over one day, as far as measurements tell runs apart. */
export interface BenchRun {
  readonly id: string;
  /** How many the run has in all. */
  readonly slices: number;
}

/** The function that compares slices, in this process. */
export function reconcilerOf(
  setting: Setting,
  day: Day,
  client: DynamoDBClient,
): (run: BenchRun, slices: readonly Slice[]) => Promise<unknown> {
  const handler = makeHandler({
    books: { client, ledgerTable: setting.tables.ledger, usageTable: setting.tables.usage },
    runs: { client, operationsTable: setting.tables.operations },
    // Usage and balances are compared here, for which no invoice is read.
    invoices: { client, billingTable: '' },
    artifacts: artifactsOf(setting),
    chart,
    readRateCards: () => rateCardsOf(setting),
    now: () => `${day}T23:59:59.999Z`,
    newId: randomUUID,
    wait: (milliseconds) => delay(milliseconds),
    sweptUntil: async () => undefined,
  });
  const startedAt = `${day}T23:59:59.999Z`;
  return ({ id, slices: count }, slices) => {
    const request = { id, trigger: 'request' as const, startDate: day, endDate: day, requestedAt: startedAt };
    const run = { ...request, execution: id, startedAt, slices: count, slicesKey: '' };
    return handler({ BatchInput: { run }, Items: slices });
  };
}

export function artifactsOf(setting: Setting): Artifacts {
  const client = new S3Client({ ...setting, endpoint: setting.endpointUrl, forcePathStyle: true });
  return { client, bucket: setting.artifactsBucket };
}

export async function rateCardsOf(setting: Setting): Promise<readonly RateCard[]> {
  const client = dynamoDbClient(setting);
  const { rateCards } = await readSettings({ client, operationsTable: setting.tables.operations });
  client.destroy();
  return rateCards;
}
