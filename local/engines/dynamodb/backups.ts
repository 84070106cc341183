import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AwsError, type Place } from '../../resources.ts';

/** On-demand backups, which the engine does not know. */
export interface DynamoDbBackups {
  /** Answers an operation on backups; undefined for any other. @throws AwsError what DynamoDB refuses. */
  handle(operation: string, input: BackupInput, place: Place): unknown;
}

export interface BackupInput {
  readonly TableName?: string;
  readonly BackupName?: string;
  readonly BackupArn?: string;
}

interface Backup {
  readonly id: string;
  readonly name: string;
  readonly table: string;
  readonly createdAt: string;
  readonly bytes: number;
}

/** DynamoDB API Reference, CreateBackup. */
const NAME = /^[a-zA-Z0-9_.-]{3,255}$/;

/**
 * Keeps backups as files: each is a copy of the whole database as it was at one moment, which SQLite makes while the
 * engine goes on writing, and a note of which table it is of. They are there at once, where AWS takes a while; what they
 * hold is the same.
 * @param tables the names of all tables.
 */
export function createBackups(
  { databaseFile, directory }: { readonly databaseFile: string; readonly directory: string },
  tables: ReadonlySet<string>,
  now: () => Date = () => new Date(),
): DynamoDbBackups {
  function create({ TableName = '', BackupName = '' }: BackupInput, place: Place) {
    const table = TableName.slice(TableName.lastIndexOf('/') + 1);
    if (!NAME.test(BackupName)) {
      throw new AwsError('ValidationException', `The backup name must match ${NAME.source}: ${BackupName}`);
    }
    if (!tables.has(table)) throw new AwsError('TableNotFoundException', `Table not found: ${table}`);
    const createdAt = now();
    const id = `${createdAt.getTime().toString().padStart(14, '0')}-${randomBytes(4).toString('hex')}`;
    mkdirSync(directory, { recursive: true });
    const copy = join(directory, `${id}.db`);
    const database = new DatabaseSync(databaseFile, { timeout: 5_000 });
    try {
      database.prepare('VACUUM INTO ?').run(copy);
    } finally {
      database.close();
    }
    const backup: Backup = {
      id,
      name: BackupName,
      table,
      createdAt: createdAt.toISOString(),
      bytes: statSync(copy).size,
    };
    writeFileSync(join(directory, `${id}.json`), JSON.stringify(backup));
    return { BackupDetails: details(backup, place) };
  }

  function describe({ BackupArn = '' }: BackupInput, place: Place) {
    const backup = list().find((each) => arnOf(each, place) === BackupArn);
    if (backup === undefined) throw new AwsError('BackupNotFoundException', `Backup not found: ${BackupArn}`);
    return { BackupDescription: { BackupDetails: details(backup, place) } };
  }

  function list(): Backup[] {
    if (!existsSync(directory)) return [];
    const notes = readdirSync(directory).filter((file) => file.endsWith('.json'));
    return notes.sort().map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Backup);
  }

  return {
    handle(operation, input, place) {
      if (operation === 'CreateBackup') return create(input, place);
      if (operation === 'DescribeBackup') return describe(input, place);
      if (operation !== 'ListBackups') return undefined;
      const wanted = list().filter(({ table }) => input.TableName === undefined || input.TableName === table);
      return { BackupSummaries: wanted.map((backup) => summary(backup, place)) };
    },
  };
}

function arnOf({ id, table }: Backup, { region, accountId }: Place): string {
  return `arn:aws:dynamodb:${region}:${accountId}:table/${table}/backup/${id}`;
}

function details(backup: Backup, place: Place) {
  return {
    BackupArn: arnOf(backup, place),
    BackupName: backup.name,
    BackupSizeBytes: backup.bytes,
    BackupStatus: 'AVAILABLE',
    BackupType: 'USER',
    BackupCreationDateTime: new Date(backup.createdAt),
  };
}

function summary(backup: Backup, place: Place) {
  return { TableName: backup.table, ...details(backup, place) };
}
