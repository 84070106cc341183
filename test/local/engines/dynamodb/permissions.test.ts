import { expect, test } from 'vitest';
import { type DynamoDbInput, dynamoDbPermissions } from '../../../../local/engines/dynamodb/permissions.ts';

const table = 'arn:aws:dynamodb:us-east-1:000000000000:table';
const iterator = Buffer.from('{"table_name":"ledger","position":0}').toString('base64');

test.each<[string, DynamoDbInput, string[]]>([
  ['PutItem', { TableName: 'ledger' }, [`dynamodb:PutItem ${table}/ledger`]],
  ['PutItem', { TableName: `${table}/ledger` }, [`dynamodb:PutItem ${table}/ledger`]],
  ['Query', { TableName: 'ledger', IndexName: 'byDay' }, [`dynamodb:Query ${table}/ledger/index/byDay`]],
  [
    'TransactWriteItems',
    {
      TransactItems: [
        { Put: { TableName: 'ledger' } },
        { Update: { TableName: 'ledger' } },
        { Delete: { TableName: 'usage' } },
        { ConditionCheck: { TableName: 'usage' } },
      ],
    },
    [
      `dynamodb:PutItem ${table}/ledger`,
      `dynamodb:UpdateItem ${table}/ledger`,
      `dynamodb:DeleteItem ${table}/usage`,
      `dynamodb:ConditionCheckItem ${table}/usage`,
    ],
  ],
  ['TransactGetItems', { TransactItems: [{ Get: { TableName: 'ledger' } }] }, [`dynamodb:GetItem ${table}/ledger`]],
  [
    'BatchWriteItem',
    { RequestItems: { ledger: [], usage: [] } },
    [`dynamodb:BatchWriteItem ${table}/ledger`, `dynamodb:BatchWriteItem ${table}/usage`],
  ],
  ['ListTables', {}, ['dynamodb:ListTables *']],
  ['DescribeStream', { StreamArn: `${table}/ledger/stream/1` }, [`dynamodb:DescribeStream ${table}/ledger/stream/1`]],
  ['GetRecords', { ShardIterator: iterator }, [`dynamodb:GetRecords ${table}/ledger/stream/*`]],
])('%s %j needs %j', (operation, input, needed) => {
  const permissions = dynamoDbPermissions(operation, input, { accountId: '000000000000', region: 'us-east-1' });
  expect(permissions.map(({ action, resourceArn }) => `${action} ${resourceArn}`)).toEqual(needed);
});
