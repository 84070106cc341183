import {
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { administrator, createAccessControl } from '../../local/access.ts';
import { type Endpoint, startEndpoint } from '../../local/endpoint.ts';
import { type DynamoDbEngine, startDynamoDb } from '../../local/engines/dynamodb.ts';
import { type S3Engine, startS3 } from '../../local/engines/s3.ts';
import { type SqsEngine, startSqs } from '../../local/engines/sqs.ts';
import { AwsError, type Credentials, type InvokeFunction, type Resource } from '../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const roleArn = 'arn:aws:iam::000000000000:role/api-role';
const tableArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/ledger';
const machineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:reconcile';
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:greet';
const queueUrl = 'http://127.0.0.1/000000000000/imports';

function resource(type: string, physicalId: string, properties: Record<string, unknown>, arn = ''): Resource {
  return { stack: 'Test', logicalId: physicalId, type, properties, physicalId, arn };
}

const grants = [
  { Action: ['dynamodb:PutItem', 'dynamodb:GetItem'], Resource: tableArn },
  { Action: 'dynamodb:Query', Resource: `${tableArn}/index/byDay` },
  { Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::reports/*' },
  { Action: 'states:StartExecution', Resource: machineArn },
  { Action: 'lambda:InvokeFunction', Resource: [functionArn, `${functionArn}:live`] },
  { Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:us-east-1:000000000000:imports' },
];

const resources = [
  resource(
    'AWS::IAM::Role',
    'api-role',
    { Policies: [{ PolicyDocument: { Statement: grants.map((grant) => ({ Effect: 'Allow', ...grant })) } }] },
    roleArn,
  ),
  resource('AWS::DynamoDB::GlobalTable', 'ledger', {
    AttributeDefinitions: ['pk', 'day'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'byDay',
        KeySchema: [{ AttributeName: 'day', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  }),
  resource('AWS::S3::Bucket', 'reports', {}, 'arn:aws:s3:::reports'),
  resource('AWS::SQS::Queue', queueUrl, {}),
];

let now = new Date();
let dynamoDb: DynamoDbEngine;
let s3: S3Engine;
let sqs: SqsEngine;
let endpoint: Endpoint;
const access = createAccessControl(resources, place, { enforce: true });

const invoke: InvokeFunction = async (name, payload) => {
  if (payload === '"fail"') return { payload: '{"errorMessage":"failed"}', functionError: 'Unhandled' };
  return { payload: JSON.stringify({ name, payload: JSON.parse(payload) }) };
};

const states = {
  async handle(operation: string, input: unknown): Promise<unknown> {
    if (operation === 'StartExecution') return { executionArn: 'execution', startDate: new Date(1_767_225_600_500) };
    throw new AwsError('ExecutionDoesNotExist', `No execution ${JSON.stringify(input)}`);
  },
};

beforeAll(async () => {
  dynamoDb = await startDynamoDb({ resources, directory: undefined, environment: {} });
  s3 = await startS3({ resources, place, directory: undefined });
  sqs = await startSqs({ resources, place, directory: undefined });
  endpoint = await startEndpoint({
    place,
    access,
    dynamoDbUrl: dynamoDb.url,
    s3,
    sqs,
    invoke,
    states,
    now: () => now,
  });
});

beforeEach(() => {
  now = new Date();
});

afterAll(async () => {
  await endpoint.stop();
  await Promise.all([dynamoDb.stop(), s3.stop(), sqs.stop()]);
});

/** What every client of this cloud is given, the same for all services. */
function clientOf(caller: string) {
  return { endpoint: endpoint.url, region: place.region, credentials: access.credentialsOf(caller) };
}

const s = (text: string) => ({ S: text });

test('passes DynamoDB calls that the role is allowed', async () => {
  const client = new DynamoDBClient(clientOf(roleArn));
  await client.send(new PutItemCommand({ TableName: 'ledger', Item: { pk: s('a'), day: s('2026-01-01') } }));
  const { Item } = await client.send(new GetItemCommand({ TableName: 'ledger', Key: { pk: s('a') } }));
  expect(Item).toEqual({ pk: s('a'), day: s('2026-01-01') });
});

test('tells an index from its table', async () => {
  const client = new DynamoDBClient(clientOf(roleArn));
  const query = {
    TableName: 'ledger',
    KeyConditionExpression: '#day = :day',
    ExpressionAttributeNames: { '#day': 'day' },
    ExpressionAttributeValues: { ':day': s('2026-01-02') },
  };
  await client.send(new QueryCommand({ ...query, IndexName: 'byDay' }));
  await expect(client.send(new QueryCommand(query))).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining(`not authorized to perform: dynamodb:Query on resource: ${tableArn} because`),
  });
});

test('asks for the action of each element of a transaction', async () => {
  const client = new DynamoDBClient(clientOf(roleArn));
  const put = { Put: { TableName: 'ledger', Item: { pk: s('t') } } };
  const check = {
    ConditionCheck: { TableName: 'ledger', Key: { pk: s('a') }, ConditionExpression: 'attribute_exists(pk)' },
  };
  await client.send(new TransactWriteItemsCommand({ TransactItems: [put] }));
  await expect(client.send(new TransactWriteItemsCommand({ TransactItems: [put, check] }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining('dynamodb:ConditionCheckItem'),
  });
});

test('lets one of many conditional puts win', async () => {
  const client = new DynamoDBClient(clientOf(roleArn));
  const put = (value: number) =>
    client.send(
      new PutItemCommand({
        TableName: 'ledger',
        Item: { pk: s('race'), value: { N: String(value) } },
        ConditionExpression: 'attribute_not_exists(pk)',
      }),
    );
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, value) => put(value)));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('names tables by this account and region', async () => {
  const client = new DynamoDBClient(clientOf(administrator));
  const { Table } = await client.send(new DescribeTableCommand({ TableName: 'ledger' }));
  expect(Table?.TableArn).toBe(tableArn);
});

test('refuses keys that it did not give out, and requests without any', async () => {
  const stranger = { ...clientOf(roleArn), credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' } };
  const get = new GetItemCommand({ TableName: 'ledger', Key: { pk: s('a') } });
  await expect(new DynamoDBClient(stranger).send(get)).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
  await expect(
    new S3Client(stranger).send(new GetObjectCommand({ Bucket: 'reports', Key: 'a' })),
  ).rejects.toMatchObject({ name: 'InvalidAccessKeyId', $metadata: { httpStatusCode: 403 } });
  expect((await fetch(`${endpoint.url}/reports/a`)).status).toBe(403);
});

test('serves S3 without further settings of the client', async () => {
  const client = new S3Client(clientOf(roleArn));
  await client.send(new PutObjectCommand({ Bucket: 'reports', Key: 'a b/ü.json', Body: '{}' }));
  const { Body } = await client.send(new GetObjectCommand({ Bucket: 'reports', Key: 'a b/ü.json' }));
  expect(await Body?.transformToString()).toBe('{}');
});

test('tells of a missing key only to those who may list the bucket', async () => {
  const get = new GetObjectCommand({ Bucket: 'reports', Key: 'missing' });
  await expect(new S3Client(clientOf(administrator)).send(get)).rejects.toMatchObject({ name: 'NoSuchKey' });
  await expect(new S3Client(clientOf(roleArn)).send(get)).rejects.toMatchObject({
    name: 'AccessDenied',
    $metadata: { httpStatusCode: 403 },
  });
});

test('refuses in the shape of S3 what the role may not do there', async () => {
  const client = new S3Client(clientOf(roleArn));
  await expect(client.send(new ListObjectsV2Command({ Bucket: 'reports' }))).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('s3:ListBucket'),
  });
});

test('honours a presigned URL until it expires', async () => {
  const client = new S3Client({ ...clientOf(roleArn), requestChecksumCalculation: 'WHEN_REQUIRED' });
  const where = { Bucket: 'reports', Key: 'shared (1).csv' };
  const put = await getSignedUrl(client, new PutObjectCommand(where), { expiresIn: 60 });
  const get = await getSignedUrl(
    client,
    new GetObjectCommand({ ...where, ResponseContentDisposition: 'attachment; filename="shared.csv"' }),
    { expiresIn: 60 },
  );
  expect((await fetch(put, { method: 'PUT', body: 'a,b' })).status).toBe(200);
  const got = await fetch(get);
  expect([got.status, got.headers.get('content-disposition'), await got.text()]).toEqual([
    200,
    'attachment; filename="shared.csv"',
    'a,b',
  ]);
  now = new Date(Date.now() + 61_000);
  const late = await fetch(get);
  expect([late.status, await late.text()]).toEqual([403, expect.stringContaining('Request has expired')]);
});

test('refuses a presigned URL that was changed', async () => {
  const client = new S3Client(clientOf(roleArn));
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'reports', Key: 'a' }), { expiresIn: 60 });
  const changed = [url.replace('/reports/a', '/reports/b'), url.replace('Expires=60', 'Expires=6000'), `${url}&x=1`];
  for (const one of changed) {
    const answer = await fetch(one);
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('SignatureDoesNotMatch')]);
  }
  const smuggled = await fetch(url, { headers: { 'x-amz-copy-source': '/reports/secret' } });
  expect([smuggled.status, await smuggled.text()]).toEqual([403, expect.stringContaining('not signed')]);
});

test('a presigned URL can do no more than its signer', async () => {
  const client = new S3Client(clientOf(roleArn));
  const url = await getSignedUrl(client, new ListObjectsV2Command({ Bucket: 'reports' }), { expiresIn: 60 });
  expect((await fetch(url)).status).toBe(403);
});

test('starts executions and writes their times as AWS does', async () => {
  const client = new SFNClient(clientOf(roleArn));
  const started = await client.send(new StartExecutionCommand({ stateMachineArn: machineArn, input: '{}' }));
  expect(started.startDate).toEqual(new Date(1_767_225_600_500));
  await expect(client.send(new DescribeExecutionCommand({ executionArn: 'e' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
  await expect(
    new SFNClient(clientOf(administrator)).send(new DescribeExecutionCommand({ executionArn: 'e' })),
  ).rejects.toMatchObject({ name: 'ExecutionDoesNotExist' });
});

test('invokes functions and marks those that failed', async () => {
  const client = new LambdaClient(clientOf(roleArn));
  const run = (
    FunctionName: string,
    Payload: string,
    InvocationType: 'RequestResponse' | 'Event' = 'RequestResponse',
  ) => client.send(new InvokeCommand({ FunctionName, Payload, InvocationType }));
  const ran = await run(functionArn, '{"who":"world"}');
  expect(ran.FunctionError).toBeUndefined();
  expect(JSON.parse(ran.Payload?.transformToString() ?? '')).toEqual({ name: functionArn, payload: { who: 'world' } });
  expect((await run('greet', '"fail"')).FunctionError).toBe('Unhandled');
  expect((await run('greet:live', '{}', 'Event')).StatusCode).toBe(202);
  await expect(run('greet:draft', '{}')).rejects.toMatchObject({ name: 'AccessDeniedException' });
  await expect(run('other', '{}')).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining('lambda:InvokeFunction'),
  });
});

test('serves SQS, and asks a batch for the permission of the single call', async () => {
  const call = (operation: string, input: object, credentials: Credentials) =>
    fetch(endpoint.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${operation}`,
        authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(input),
    }).then((answer) => answer.json());
  const role = access.credentialsOf(roleArn);
  const batch = { QueueUrl: queueUrl, Entries: [{ Id: '1', MessageBody: 'hello' }] };
  expect(await call('SendMessageBatch', batch, role)).toMatchObject({ Successful: [{ Id: '1' }] });
  expect(await call('ReceiveMessage', { QueueUrl: queueUrl }, role)).toMatchObject({ __type: 'AccessDeniedException' });
  expect(await call('ReceiveMessage', { QueueUrl: queueUrl }, access.credentialsOf(administrator))).toMatchObject({
    Messages: [{ Body: 'hello' }],
  });
});
