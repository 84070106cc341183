import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Resource } from '../resources.ts';
import { createBackups, type DynamoDbBackups } from './dynamodb/backups.ts';
import { startDynoxide } from './dynamodb/dynoxide.ts';
import { createMissingTables } from './dynamodb/tables.ts';
import { lockDirectory } from './lock.ts';

export interface DynamoDbEngine {
  readonly url: string;
  /** The stream of each table that has one, by the table's name, as the engine names it. */
  readonly streams: ReadonlyMap<string, string>;
  /** Where the engine is one of this machine's own; another has what it has. */
  readonly backups?: DynamoDbBackups | undefined;
  stop(): Promise<void>;
}

export interface DynamoDbOptions {
  readonly resources: readonly Resource[];
  /** Where the tables are kept; without it they are gone when the engine stops. */
  readonly directory?: string | undefined;
  /** The engine's own port; a free one when left out. */
  readonly port?: number;
  /** `DYNAMODB_ENDPOINT` names another engine to use, such as DynamoDB Local. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts the DynamoDB engine and creates the template's tables that it does not have yet.
 * @throws EngineUnavailable when the engine is not installed or too old.
 * @throws PortInUse when something else listens on the engine's port.
 * @throws DirectoryInUse when another cloud has the directory.
 * @throws TableDiffers when a kept table has other keys than the template's.
 */
export async function startDynamoDb(options: DynamoDbOptions): Promise<DynamoDbEngine> {
  const { resources, environment = process.env } = options;
  const engine = environment.DYNAMODB_ENDPOINT
    ? { url: environment.DYNAMODB_ENDPOINT, backups: undefined, stop: async () => {} }
    : await startOwnEngine(options);
  const client = new DynamoDBClient({
    endpoint: engine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  try {
    return { ...engine, streams: await createMissingTables(client, resources) };
  } catch (error) {
    await engine.stop();
    throw error;
  } finally {
    client.destroy();
  }
}

async function startOwnEngine({ resources, directory, port }: DynamoDbOptions) {
  const home = directory === undefined ? await mkdtemp(join(tmpdir(), 'dynamodb-')) : join(directory, 'dynamodb');
  const lock = lockDirectory(home);
  async function leave() {
    lock.release();
    if (directory === undefined) await rm(home, { recursive: true, force: true });
  }
  try {
    const databaseFile = join(home, 'tables.db');
    const engine = await startDynoxide({ databaseFile, ...(port !== undefined && { port }) });
    indexStreamRecords(databaseFile);
    const tables = new Set(resources.map(({ physicalId }) => physicalId));
    return {
      url: engine.url,
      backups: createBackups({ databaseFile, directory: join(home, 'backups') }, tables),
      async stop() {
        await engine.stop();
        await leave();
      },
    };
  } catch (error) {
    await leave();
    throw error;
  }
}

/**
 * Dynoxide looks for a stream's newest record without an index, so that each write to a table with a stream reads all
 * records written before. These two indexes keep writes equally fast; the engine may run while they are made.
 */
function indexStreamRecords(databaseFile: string): void {
  const database = new DatabaseSync(databaseFile, { timeout: 5_000 });
  database.exec(`
    CREATE INDEX IF NOT EXISTS newest_stream_record
      ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE INDEX IF NOT EXISTS stream_record_in_shard
      ON _stream_records (table_name, shard_id, sequence_number);
  `);
  database.close();
}
