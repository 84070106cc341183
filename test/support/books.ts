import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { inject } from 'vitest';
import { startDynamoDb } from '../../local/engines/dynamodb.ts';
import type { Resource } from '../../local/resources.ts';
import { newDynamoDb } from '../../store/dynamodb.ts';

/** The tables on the embedded engine, with the keys and indexes that the stack deploys. */
export interface TestBooks {
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly usageTable: string;
  readonly operationsTable: string;
  readonly billingTable: string;
  /** All that was written to the ledger since the beginning, in order; where it was started with streams. */
  ledgerStream(): Promise<readonly StreamRecord[]>;
  stop(): Promise<void>;
}

/** A change of one item as a table's stream tells it. */
export interface StreamRecord {
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly dynamodb: { readonly Keys: { readonly pk: { readonly S: string } } };
}

/** The engine wants a signature to be there and does not verify it; making one is a tenth of what a call costs. */
const UNSIGNED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
  'x-amz-date': '20260101T000000Z',
};

/** @param options.directory where the tables are kept; left out, they are gone when the books stop. */
export async function startBooks(
  options: { readonly withStreams?: boolean; readonly directory?: string } = {},
): Promise<TestBooks> {
  const resources = tablesOfTheStack(options.withStreams ?? false);
  const engine = await startDynamoDb({ resources, directory: options.directory });
  const client = newDynamoDb({
    endpoint: engine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    signer: { sign: async (request) => Object.assign(request, { headers: { ...request.headers, ...UNSIGNED } }) },
  });
  return {
    client,
    ledgerTable: nameOf(resources, 'Ledger'),
    usageTable: nameOf(resources, 'Usage'),
    operationsTable: nameOf(resources, 'Operations'),
    billingTable: nameOf(resources, 'Billing'),
    ledgerStream: () => readStream(engine.url, engine.streams.get(nameOf(resources, 'Ledger')) ?? ''),
    async stop() {
      client.destroy();
      await engine.stop();
    },
  };
}

/** Reads a stream from its beginning by the engine's own API, which asks for no signature. */
async function readStream(url: string, StreamArn: string): Promise<StreamRecord[]> {
  const ask = async <T>(operation: string, input: object): Promise<T> => {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
      ...UNSIGNED,
    };
    return (await (await fetch(url, { method: 'POST', headers, body: JSON.stringify(input) })).json()) as T;
  };
  const { StreamDescription } = await ask<{ StreamDescription: { Shards: { ShardId: string }[] } }>('DescribeStream', {
    StreamArn,
  });
  const records: StreamRecord[] = [];
  for (const { ShardId } of StreamDescription.Shards) {
    const shard = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
    let { ShardIterator } = await ask<{ ShardIterator?: string }>('GetShardIterator', shard);
    for (;;) {
      const page = await ask<{ Records: StreamRecord[]; NextShardIterator?: string }>('GetRecords', { ShardIterator });
      records.push(...page.Records);
      if (page.Records.length === 0 || page.NextShardIterator === undefined) break;
      ShardIterator = page.NextShardIterator;
    }
  }
  return records;
}

function tablesOfTheStack(withStreams: boolean): Resource[] {
  return inject('stackTables').map(({ logicalId, properties }) => ({
    stack: 'books',
    logicalId,
    type: 'AWS::DynamoDB::GlobalTable',
    properties: withStreams ? { ...properties, StreamSpecification: { StreamViewType: 'KEYS_ONLY' } } : properties,
    physicalId: logicalId,
    arn: '',
  }));
}

function nameOf(resources: readonly Resource[], book: string): string {
  const table = resources.find((resource) => resource.logicalId.includes(book));
  if (table === undefined) throw new Error(`The data stack has no ${book} table.`);
  return table.physicalId;
}
