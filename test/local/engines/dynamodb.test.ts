import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DescribeTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, test } from 'vitest';
import { startDynamoDb } from '../../../local/engines/dynamodb.ts';
import type { Resource } from '../../../local/resources.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function table(properties: Record<string, unknown> = {}): Resource {
  return {
    stack: 'Test',
    logicalId: 'Table',
    type: 'AWS::DynamoDB::GlobalTable',
    properties: {
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      Replicas: [{ Region: 'us-east-1' }],
      ...properties,
    },
    physicalId: 'ledger',
    arn: '',
  };
}

const streaming = { StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' } };

async function boot(options: Partial<Parameters<typeof startDynamoDb>[0]> = {}) {
  const engine = await startDynamoDb({ resources: [table()], environment: {}, ...options });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= engine.stop();
    return stopped;
  };
  cleanups.push(stop);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: engine.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  return { ...engine, stop, client };
}

async function temporaryDirectory() {
  const directory = await mkdtemp(join(tmpdir(), 'dynamodb-test-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  return directory;
}

test('creates the tables of the template with indexes, streams and expiry', async () => {
  const { client, streams } = await boot({
    resources: [
      table({
        ...streaming,
        AttributeDefinitions: ['pk', 'day'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        GlobalSecondaryIndexes: [
          {
            IndexName: 'byDay',
            KeySchema: [{ AttributeName: 'day', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'KEYS_ONLY' },
            WriteOnDemandThroughputSettings: { MaxWriteRequestUnits: 10 },
          },
        ],
        TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
      }),
    ],
  });
  const { Table } = await client.send(new DescribeTableCommand({ TableName: 'ledger' }));
  expect(Table).toMatchObject({
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    GlobalSecondaryIndexes: [{ IndexName: 'byDay', Projection: { ProjectionType: 'KEYS_ONLY' } }],
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  });
  expect(streams.get('ledger')).toBe(Table?.LatestStreamArn);
});

test('keeps tables in its directory, for one cloud at a time, and their streams indexed', async () => {
  const directory = await temporaryDirectory();
  const before = await boot({ directory, resources: [table(streaming)] });
  await before.client.send(new PutItemCommand({ TableName: 'ledger', Item: { pk: { S: 'a' } } }));
  await expect(boot({ directory })).rejects.toMatchObject({ name: 'DirectoryInUse' });
  await before.stop();

  const after = await boot({ directory, resources: [table(streaming)] });
  const { Item } = await after.client.send(new GetItemCommand({ TableName: 'ledger', Key: { pk: { S: 'a' } } }));
  expect(Item).toEqual({ pk: { S: 'a' } });
  expect(after.streams.get('ledger')).toBe(before.streams.get('ledger'));
  await after.stop();
  const database = new DatabaseSync(join(directory, 'dynamodb', 'tables.db'), { readOnly: true });
  const indexes = database.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE '%stream_record%'",
  );
  expect(indexes.all()).toHaveLength(2);
  database.close();
});

test('refuses a kept table whose keys are not those of the template', async () => {
  const directory = await temporaryDirectory();
  await (await boot({ directory })).stop();
  const KeySchema = [{ AttributeName: 'id', KeyType: 'HASH' }];
  await expect(boot({ directory, resources: [table({ KeySchema })] })).rejects.toMatchObject({
    name: 'TableDiffers',
    message: expect.stringContaining('has the keys pk but the template asks for id'),
  });
  await (await boot({ directory })).stop();
});

test('says that its port is in use', async () => {
  const other = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(other, 'listening');
  cleanups.push(async () => other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await expect(boot({ port: port ?? 0 })).rejects.toMatchObject({
    name: 'PortInUse',
    message: expect.stringContaining(`Port ${port} on 127.0.0.1 is already in use`),
  });
});

test('stops serving when it is stopped', async () => {
  const { url, stop } = await boot();
  await stop();
  await expect(fetch(url)).rejects.toThrow();
});

test('uses the engine that DYNAMODB_ENDPOINT names, and does not end it', async () => {
  const other = await boot({ resources: [] });
  const borrowed = await boot({ environment: { DYNAMODB_ENDPOINT: other.url } });
  expect(borrowed.url).toBe(other.url);
  await borrowed.stop();
  await other.client.send(new DescribeTableCommand({ TableName: 'ledger' }));
});
