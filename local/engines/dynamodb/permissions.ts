import type { Place } from '../../resources.ts';
import type { Permission } from '../iam.ts';

/** The parts of a request body that say which tables it touches. */
export interface DynamoDbInput {
  readonly TableName?: string;
  readonly IndexName?: string;
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly TransactItems?: readonly Readonly<Record<string, { readonly TableName?: string }>>[];
  readonly BackupArn?: string;
  readonly ResourceArn?: string;
  readonly StreamArn?: string;
  readonly ShardIterator?: string;
}

/** IAM has no action for a transaction: each element needs the action of the single call that does the same. */
const actionOfElement: Readonly<Record<string, string>> = {
  Put: 'dynamodb:PutItem',
  Update: 'dynamodb:UpdateItem',
  Delete: 'dynamodb:DeleteItem',
  ConditionCheck: 'dynamodb:ConditionCheckItem',
  Get: 'dynamodb:GetItem',
};

/** The permissions that a DynamoDB or DynamoDB Streams request needs, by the Service Authorization Reference. */
export function dynamoDbPermissions(operation: string, input: DynamoDbInput, place: Place): Permission[] {
  const tableArn = (name: string) =>
    name.startsWith('arn:') ? name : `arn:aws:dynamodb:${place.region}:${place.accountId}:table/${name}`;
  if (input.TransactItems !== undefined) {
    return input.TransactItems.flatMap((element) =>
      Object.entries(element).map(([kind, { TableName = '' }]) => ({
        action: actionOfElement[kind] ?? `dynamodb:${operation}`,
        resourceArn: tableArn(TableName),
      })),
    );
  }
  const action = `dynamodb:${operation}`;
  // Backups are listed for the whole account, whatever table is asked for.
  if (operation === 'ListBackups') return [{ action, resourceArn: '*' }];
  if (input.RequestItems !== undefined) {
    return Object.keys(input.RequestItems).map((name) => ({ action, resourceArn: tableArn(name) }));
  }
  if (input.TableName !== undefined) {
    const index = input.IndexName === undefined ? '' : `/index/${input.IndexName}`;
    return [{ action, resourceArn: tableArn(input.TableName) + index }];
  }
  if (input.ShardIterator !== undefined) {
    return [{ action, resourceArn: `${tableArn(tableOfIterator(input.ShardIterator))}/stream/*` }];
  }
  return [{ action, resourceArn: input.BackupArn ?? input.ResourceArn ?? input.StreamArn ?? '*' }];
}

/** The engine's shard iterators are JSON in base64; any table when another engine writes them differently. */
function tableOfIterator(shardIterator: string): string {
  try {
    const { table_name } = JSON.parse(Buffer.from(shardIterator, 'base64').toString()) as { table_name?: string };
    return table_name ?? '*';
  } catch {
    return '*';
  }
}
