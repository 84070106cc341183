import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createDynamoDbProxy } from '../../../../local/engines/dynamodb/proxy.ts';
import { startDynamoDb } from '../../../../local/engines/dynamodb.ts';

const place = { accountId: '123456789012', region: 'eu-west-1' };
const tableArn = 'arn:aws:dynamodb:eu-west-1:123456789012:table/ledger';

test('reads a stream under the ARNs of this account and region', async () => {
  const properties = {
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
  };
  const type = 'AWS::DynamoDB::Table';
  const resources = [{ stack: 'Test', logicalId: 'T', type, properties, physicalId: 'ledger', arn: tableArn }];
  const engine = await startDynamoDb({ resources, environment: {} });
  const proxy = createDynamoDbProxy(engine.url, place);
  const server = createServer(async (request, response) => {
    await proxy.forward(String(request.headers['x-amz-target']), await buffer(request), response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  async function call<Answer>(target: string, input: object): Promise<Answer> {
    const request = { method: 'POST', headers: { 'x-amz-target': target }, body: JSON.stringify(input) };
    return (await (await fetch(url, request)).json()) as Answer;
  }
  const streams = (operation: string) => `DynamoDBStreams_20120810.${operation}`;

  // The item's own text is not touched, whatever it looks like.
  const Item = { pk: { S: 'arn:aws:dynamodb:dynoxide:000000000000:table/x' } };
  await call('DynamoDB_20120810.PutItem', { TableName: 'ledger', Item });
  const listed = await call<{ Streams: { StreamArn: string }[] }>(streams('ListStreams'), {});
  const StreamArn = listed.Streams[0]?.StreamArn ?? '';
  expect(StreamArn.startsWith(`${tableArn}/stream/`)).toBe(true);
  const described = await call<{ StreamDescription: { Shards: { ShardId: string }[] } }>(streams('DescribeStream'), {
    StreamArn,
  });
  const { ShardIterator } = await call<{ ShardIterator: string }>(streams('GetShardIterator'), {
    StreamArn,
    ShardId: described.StreamDescription.Shards[0]?.ShardId,
    ShardIteratorType: 'TRIM_HORIZON',
  });
  expect(await call(streams('GetRecords'), { ShardIterator })).toMatchObject({
    Records: [{ eventName: 'INSERT', awsRegion: 'eu-west-1', dynamodb: { NewImage: Item } }],
  });

  server.close();
  server.closeAllConnections();
  proxy.stop();
  await engine.stop();
});
