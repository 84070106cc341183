import {
  type AttributeDefinition,
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
  type GlobalSecondaryIndex,
  type KeySchemaElement,
  type LocalSecondaryIndex,
  ResourceNotFoundException,
  type StreamViewType,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import type { Resource } from '../../resources.ts';

/** A table that was kept from an earlier run is not the table that the template asks for. */
export class TableDiffers extends Error {
  override name = 'TableDiffers';
}

/** What `AWS::DynamoDB::Table` and `AWS::DynamoDB::GlobalTable` say alike and matters here. */
interface TableProperties {
  readonly AttributeDefinitions: AttributeDefinition[];
  readonly KeySchema: KeySchemaElement[];
  readonly GlobalSecondaryIndexes?: readonly GlobalSecondaryIndex[];
  readonly LocalSecondaryIndexes?: LocalSecondaryIndex[];
  readonly StreamSpecification?: { readonly StreamViewType: StreamViewType };
  readonly TimeToLiveSpecification?: { readonly AttributeName?: string; readonly Enabled: boolean };
}

/**
 * Creates the template's tables that the engine does not have.
 * @returns the stream of each table that has one, by the table's name.
 * @throws TableDiffers
 */
export async function createMissingTables(
  client: DynamoDBClient,
  resources: readonly Resource[],
): Promise<ReadonlyMap<string, string>> {
  const streams = new Map<string, string>();
  for (const { type, physicalId, properties } of resources) {
    if (type !== 'AWS::DynamoDB::GlobalTable' && type !== 'AWS::DynamoDB::Table') continue;
    const wanted = properties as unknown as TableProperties;
    const kept = await describeTable(client, physicalId);
    if (kept !== undefined) assertSameKeys(physicalId, kept, wanted);
    const table = kept ?? (await createTable(client, physicalId, wanted));
    if (table?.LatestStreamArn !== undefined) streams.set(physicalId, table.LatestStreamArn);
  }
  return streams;
}

async function describeTable(client: DynamoDBClient, name: string): Promise<TableDescription | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    return Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function createTable(client: DynamoDBClient, name: string, wanted: TableProperties) {
  const { TimeToLiveSpecification: timeToLive } = wanted;
  const { TableDescription: table } = await client.send(new CreateTableCommand(createTableInput(name, wanted)));
  if (timeToLive?.Enabled) {
    const TimeToLiveSpecification = { AttributeName: timeToLive.AttributeName, Enabled: true };
    await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification }));
  }
  return table;
}

function createTableInput(TableName: string, wanted: TableProperties): CreateTableCommandInput {
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, LocalSecondaryIndexes, StreamSpecification } =
    wanted;
  return {
    TableName,
    AttributeDefinitions,
    KeySchema,
    BillingMode: 'PAY_PER_REQUEST',
    ...(GlobalSecondaryIndexes && {
      // Capacity settings are left behind: the engine bills on demand and refuses CDK's "no limit" of -1.
      GlobalSecondaryIndexes: GlobalSecondaryIndexes.map((index) => ({
        IndexName: index.IndexName,
        KeySchema: index.KeySchema,
        Projection: index.Projection,
      })),
    }),
    ...(LocalSecondaryIndexes && { LocalSecondaryIndexes }),
    ...(StreamSpecification && {
      StreamSpecification: { StreamEnabled: true, StreamViewType: StreamSpecification.StreamViewType },
    }),
  };
}

function assertSameKeys(name: string, kept: TableDescription, wanted: TableProperties): void {
  const [before, now] = [describeKeys(kept), describeKeys(wanted)];
  if (before === now) return;
  throw new TableDiffers(
    `The kept table ${name} has the keys ${before} but the template asks for ${now}: delete the data directory or name another.`,
  );
}

function describeKeys(table: {
  KeySchema?: readonly KeySchemaElement[] | undefined;
  GlobalSecondaryIndexes?:
    | readonly { IndexName?: string | undefined; KeySchema?: readonly KeySchemaElement[] | undefined }[]
    | undefined;
}): string {
  const keys = (schema: readonly KeySchemaElement[] = []) => schema.map(({ AttributeName }) => AttributeName).join('+');
  const indexes = table.GlobalSecondaryIndexes ?? [];
  return [keys(table.KeySchema), ...indexes.map((index) => `${index.IndexName}:${keys(index.KeySchema)}`).sort()].join(
    ', ',
  );
}
