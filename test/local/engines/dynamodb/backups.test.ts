import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, it } from 'vitest';
import { startDynoxide } from '../../../../local/engines/dynamodb/dynoxide.ts';
import { startDynamoDb } from '../../../../local/engines/dynamodb.ts';

const PLACE = { region: 'us-east-1', accountId: '000000000000' };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Described {
  readonly BackupDescription: { readonly BackupDetails: { readonly BackupArn: string; readonly BackupStatus: string } };
}

async function boot(directory?: string) {
  const table = {
    ...{ stack: 'Test', logicalId: 'Table', type: 'AWS::DynamoDB::GlobalTable', physicalId: 'ledger', arn: '' },
    properties: {
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    },
  };
  const engine = await startDynamoDb({ resources: [table], environment: {}, directory });
  cleanups.push(engine.stop);
  const { backups } = engine;
  if (backups === undefined) throw new Error('The own engine has backups.');
  return { engine, handle: (operation: string, input: object) => backups.handle(operation, input, PLACE) };
}

function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint, region: PLACE.region, credentials, maxAttempts: 1 });
  cleanups.push(() => client.destroy());
  return client;
}

const put = (client: DynamoDBClient, pk: string) =>
  client.send(new PutItemCommand({ TableName: 'ledger', Item: { pk: { S: pk } } }));
const get = async (client: DynamoDBClient, pk: string) =>
  (await client.send(new GetItemCommand({ TableName: 'ledger', Key: { pk: { S: pk } } }))).Item;

it('keeps what the table held when it was asked, and nothing that came after', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'backups-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const { engine, handle } = await boot(directory);
  const client = clientOf(engine.url);
  await put(client, 'before');
  const created = handle('CreateBackup', { TableName: 'ledger', BackupName: 'repair-1' }) as {
    BackupDetails: { BackupArn: string };
  };
  await put(client, 'after');

  const { BackupArn } = created.BackupDetails;
  expect(BackupArn).toMatch(/^arn:aws:dynamodb:us-east-1:000000000000:table\/ledger\/backup\/\d{14}-[0-9a-f]{8}$/);
  const copy = await startDynoxide({
    databaseFile: join(directory, 'dynamodb', 'backups', `${BackupArn.split('/').at(-1)}.db`),
  });
  cleanups.push(copy.stop);
  const restored = clientOf(copy.url);
  expect(await get(restored, 'before')).toBeDefined();
  expect(await get(restored, 'after')).toBeUndefined();
});

it('lists backups by table and describes each', async () => {
  const { handle } = await boot();
  expect(handle('ListBackups', {})).toEqual({ BackupSummaries: [] });
  handle('CreateBackup', { TableName: 'ledger', BackupName: 'first' });
  const { BackupSummaries } = handle('ListBackups', { TableName: 'ledger' }) as {
    BackupSummaries: { BackupArn: string; BackupName: string }[];
  };
  expect(BackupSummaries).toMatchObject([{ TableName: 'ledger', BackupName: 'first', BackupStatus: 'AVAILABLE' }]);
  expect(handle('ListBackups', { TableName: 'usage' })).toEqual({ BackupSummaries: [] });
  const BackupArn = BackupSummaries[0]?.BackupArn ?? '';
  const { BackupDescription } = handle('DescribeBackup', { BackupArn }) as Described;
  expect(BackupDescription.BackupDetails).toMatchObject({ BackupArn, BackupName: 'first' });
});

it('refuses what DynamoDB refuses, and leaves everything else to the engine', async () => {
  const { handle } = await boot();
  const refused = (input: object, operation = 'CreateBackup') => expect(() => handle(operation, input));
  refused({ TableName: 'nothing', BackupName: 'first' }).toThrow('Table not found');
  refused({ TableName: 'ledger', BackupName: 'a b' }).toThrow('backup name');
  refused({ BackupArn: 'arn:aws:dynamodb:nothing' }, 'DescribeBackup').toThrow('Backup not found');
  expect(handle('PutItem', {})).toBeUndefined();
});
