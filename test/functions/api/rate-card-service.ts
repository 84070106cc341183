import { randomBytes } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { chart } from '../../../config/chart.ts';
import type { OperationsDeps } from '../../../functions/api/operations.ts';
import type { TestAnswer } from '../../support/api.ts';
import type { TestBooks } from '../../support/books.ts';

export const NOW = '2026-11-20T08:00:00.000Z';

export const STEPS = [
  { upTo: '1000', amount: 3, per: 1000 },
  { upTo: null, amount: 2, per: 1000 },
];
export const flat = (amount: number) => ({ prices: { requests: { amount } } });

/** A version with tiers and overrides, as a caller sends it. */
export const card = {
  name: 'standard',
  effectiveFrom: '2026-11-01T00:00:00Z',
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue:usage',
  operations: {
    chat: { prices: { tokens: { tiers: STEPS, mode: 'graduated' } }, rounding: 'up' },
    batch: { prices: { tokens: { tiers: STEPS, mode: 'volume' } }, rounding: 'up', minimum: 1 },
    search: flat(2),
  },
  overrides: { 'customer:acme': { search: flat(1) }, 'customer:beta': { search: flat(0) } },
};

/** What serves rate cards; evidence may be read by a client of its own. */
export function depsOn(books: TestBooks, client: DynamoDBClient = books.client): OperationsDeps {
  const operations = { client: books.client, operationsTable: books.operationsTable };
  const s3 = { client: new S3Client({ region: 'us-east-1' }), bucket: 'none' };
  return {
    runs: operations,
    repairs: operations,
    repairArn: '',
    imports: operations,
    settings: operations,
    keys: operations,
    audit: operations,
    seals: s3,
    bulks: operations,
    bulkQueue: { client: new SQSClient({ region: 'us-east-1' }), url: '' },
    evidence: { client, usageTable: books.usageTable },
    artifacts: s3,
    dropZone: s3,
    workflows: new SFNClient({ region: 'us-east-1' }),
    reconcileArn: '',
    sealRuns: operations,
    sealArn: '',
    chart,
    now: () => NOW,
    newId: () => 'id',
    stage: 'dev',
    random: randomBytes,
  };
}

/** The status, and the fields that a problem names. */
export const fieldsOf = (answer: TestAnswer) => [
  answer.status,
  ...(answer.body.errors ?? []).map(({ field }) => field),
];
