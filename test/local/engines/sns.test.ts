import { PublishCommand, type PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccessControl } from '../../../local/access.ts';
import { type Endpoint, startEndpoint } from '../../../local/endpoint.ts';
import { createSns, type SnsEngine } from '../../../local/engines/sns.ts';
import type { Resource } from '../../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const TOPIC = 'arn:aws:sns:us-east-1:000000000000:notices';
const OTHER = 'arn:aws:sns:us-east-1:000000000000:alarms';
const ROLE = 'arn:aws:iam::000000000000:role/teller';

const statement = { Effect: 'Allow', Action: 'sns:Publish', Resource: TOPIC };
const resources: Resource[] = [
  { stack: 'T', logicalId: 'N', type: 'AWS::SNS::Topic', properties: {}, physicalId: TOPIC, arn: TOPIC },
  { stack: 'T', logicalId: 'A', type: 'AWS::SNS::Topic', properties: {}, physicalId: OTHER, arn: OTHER },
  {
    ...{ stack: 'T', logicalId: 'R', type: 'AWS::IAM::Role', physicalId: 'teller', arn: ROLE },
    properties: { Policies: [{ PolicyDocument: { Statement: [statement] } }] },
  },
];

const access = createAccessControl(resources, place, { enforce: true });
const lines: string[] = [];
let sns: SnsEngine;
let endpoint: Endpoint;
let client: SNSClient;

beforeAll(async () => {
  sns = createSns({ resources, log: (line) => lines.push(line) });
  endpoint = await startEndpoint({
    ...{ place, access, sns, dynamoDbUrl: 'http://127.0.0.1:1' },
    s3: { handle: async () => ({ status: 404, headers: {} }), stop: async () => {} },
    sqs: { handle: async () => ({}), stop: async () => {} },
    states: { handle: async () => ({}) },
    invoke: async () => ({ payload: '' }),
  });
  const credentials = access.credentialsOf(ROLE);
  client = new SNSClient({ endpoint: endpoint.url, region: place.region, credentials, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  await endpoint.stop();
});

const publish = (input: Partial<PublishCommandInput>) =>
  client.send(new PublishCommand({ TopicArn: TOPIC, Message: 'Dear customer', ...input }));

test('a message that was published can be looked at, and is told to the operator', async () => {
  const attribute = { DataType: 'String', StringValue: 'customer:<acme>&co' };
  const { MessageId } = await publish({
    ...{ Subject: 'A correction', Message: 'Grüße <b>\nZeile 2' },
    MessageAttributes: { account: attribute, month: { DataType: 'String', StringValue: '2026-10' } },
  });
  expect(sns.published(TOPIC)).toEqual([
    {
      ...{ messageId: MessageId, subject: 'A correction', message: 'Grüße <b>\nZeile 2' },
      attributes: { account: 'customer:<acme>&co', month: '2026-10' },
    },
  ]);
  expect(lines).toEqual(['Published to notices: A correction']);
  expect(sns.published(OTHER)).toEqual([]);
});

test('a role publishes only to what its policy names', async () => {
  await expect(publish({ TopicArn: OTHER })).rejects.toMatchObject({
    name: 'AuthorizationErrorException',
    message: expect.stringContaining(`sns:Publish on resource: ${OTHER}`),
    $metadata: { httpStatusCode: 403 },
  });
  expect(sns.published(OTHER)).toEqual([]);
});

test.each([
  ['a subject of two lines', { Subject: 'a\nb' }, 'InvalidParameterException'],
  ['a subject of 100 characters', { Subject: 'a'.repeat(100) }, 'InvalidParameterException'],
  ['more than 256 KB', { Message: 'a'.repeat(256 * 1024 + 1) }, 'InvalidParameterException'],
  [
    'an attribute without a value',
    { MessageAttributes: { kind: { DataType: 'String', StringValue: '' } } },
    'InvalidParameterValueException',
  ],
])('%s is refused as SNS does it', async (_, input, name) => {
  const before = sns.published(TOPIC).length;
  await expect(publish(input)).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
  expect(sns.published(TOPIC)).toHaveLength(before);
});

test('only the last thousand messages are kept', async () => {
  const { handle, published } = createSns({ resources });
  for (let index = 0; index <= 1_000; index += 1) {
    handle(new URLSearchParams({ Action: 'Publish', TopicArn: TOPIC, Message: `m-${index}` }));
  }
  expect([published(TOPIC).length, published(TOPIC)[0]?.message]).toEqual([1_000, 'm-1']);
});
