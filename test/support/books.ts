import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { stageNamed } from '../../config/stages.ts';
import { DataStack } from '../../lib/data-stack.ts';
import { startDynamoDb } from '../../local/engines/dynamodb.ts';
import type { Resource } from '../../local/resources.ts';

/** The three tables on the embedded engine, with the keys and indexes that the stack deploys. */
export interface TestBooks {
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly usageTable: string;
  readonly operationsTable: string;
  stop(): Promise<void>;
}

export async function startBooks(): Promise<TestBooks> {
  const resources = tablesOfTheStack();
  const engine = await startDynamoDb({ resources });
  const client = new DynamoDBClient({
    endpoint: engine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return {
    client,
    ledgerTable: nameOf(resources, 'Ledger'),
    usageTable: nameOf(resources, 'Usage'),
    operationsTable: nameOf(resources, 'Operations'),
    async stop() {
      client.destroy();
      await engine.stop();
    },
  };
}

function tablesOfTheStack(): Resource[] {
  const stack = new DataStack(new App(), 'books', { stage: stageNamed('dev') });
  const tables = Template.fromStack(stack).findResources('AWS::DynamoDB::GlobalTable');
  return Object.entries(tables).map(([logicalId, { Properties: properties }]) => ({
    stack: 'books',
    logicalId,
    type: 'AWS::DynamoDB::GlobalTable',
    properties,
    physicalId: logicalId,
    arn: '',
  }));
}

function nameOf(resources: readonly Resource[], book: string): string {
  const table = resources.find((resource) => resource.logicalId.includes(book));
  if (table === undefined) throw new Error(`The data stack has no ${book} table.`);
  return table.physicalId;
}
