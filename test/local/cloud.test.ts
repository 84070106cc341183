import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { Lambda } from '@aws-sdk/client-lambda';
import { S3 } from '@aws-sdk/client-s3';
import { SFN } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { listen } from '../../local/ports.ts';
import { writeAssembly } from './assembly-files.ts';

const ref = (logicalId: string) => ({ Ref: logicalId });
const arnOf = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });
const roleFor = (
  service: string,
  ...statements: readonly (readonly [action: string | readonly string[], resource: unknown])[]
) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: `${service}.amazonaws.com` } }],
    },
    Policies: [
      {
        PolicyDocument: { Statement: statements.map(([Action, Resource]) => ({ Effect: 'Allow', Action, Resource })) },
      },
    ],
  },
});
const fn = (code: string, role: string, Variables: object = {}) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { S3Bucket: 'assets', S3Key: code },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Role: arnOf(role),
    Timeout: 20,
    Environment: { Variables },
  },
});

/** Calls DynamoDB as the SDK would; a bundle would carry the SDK itself. */
const callDynamoDb = `async (operation, input) => {
  const scope = process.env.AWS_ACCESS_KEY_ID + '/20260101/us-east-1/dynamodb/aws4_request';
  const response = await fetch(process.env.AWS_ENDPOINT_URL, {
    method: 'POST',
    headers: {
      'x-amz-target': 'DynamoDB_20120810.' + operation,
      'content-type': 'application/x-amz-json-1.0',
      authorization: 'AWS4-HMAC-SHA256 Credential=' + scope + ', SignedHeaders=host, Signature=none',
    },
    body: JSON.stringify(input),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), { name: answer.__type.split('#').at(-1) });
  return answer;
}`;

const assets = {
  'write/index.mjs': `const call = ${callDynamoDb};
    export const handler = async (event) => {
      const bodies = event.Records?.map(({ body }) => JSON.parse(body)) ?? [];
      const keys = bodies.flatMap(({ Event, Records = [] }) => Event ?? Records.map(({ s3 }) => s3.object.key));
      for (const pk of event.pk ? [event.pk] : keys) {
        await call('PutItem', { TableName: process.env.TABLE, Item: { pk: { S: pk } } });
      }
      return { wrote: keys.length || 1 };
    };`,
  'read/index.mjs': `const call = ${callDynamoDb};
    export const handler = async (event) => {
      const { id } = event.pathParameters;
      if (event.requestContext.http.method === 'PUT') {
        await call('PutItem', { TableName: process.env.TABLE, Item: { pk: { S: id } } });
      }
      const { Item } = await call('GetItem', { TableName: process.env.TABLE, Key: { pk: { S: id } } });
      return { found: Item !== undefined, who: event.requestContext.authorizer.lambda.who };
    };`,
  'authorize/index.mjs': `export const handler = async ({ identitySource: [key] }) =>
    ({ isAuthorized: key === 'good', context: { who: 'someone' } });`,
  'machine.json': JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: 'Write',
    States: {
      Write: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Arguments: { FunctionName: `${'$'}{Fn}`, Payload: { pk: '{% $states.input.at %}' } },
        Output: '{% $states.result.Payload %}',
        End: true,
      },
    },
  }),
};

const data = {
  Resources: {
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      },
    },
    Queue: { Type: 'AWS::SQS::Queue' },
    LetBucketIn: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [ref('Queue')],
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 's3.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: arnOf('Queue'),
            },
          ],
        },
      },
    },
    Bucket: {
      Type: 'AWS::S3::Bucket',
      Properties: {
        NotificationConfiguration: {
          QueueConfigurations: [
            {
              Event: 's3:ObjectCreated:*',
              Queue: arnOf('Queue'),
              Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'in/' }] } },
            },
          ],
        },
      },
    },
  },
  Outputs: {
    Table: { Value: ref('Table'), Export: { Name: 'Table' } },
    TableArn: { Value: arnOf('Table'), Export: { Name: 'TableArn' } },
    QueueArn: { Value: arnOf('Queue'), Export: { Name: 'QueueArn' } },
    BucketName: { Value: ref('Bucket') },
  },
};

const imported = (name: string) => ({ 'Fn::ImportValue': name });
const inApi = (type: string, properties: object) => ({
  Type: `AWS::ApiGatewayV2::${type}`,
  Properties: { ApiId: ref('Api'), ...properties },
});
const mayInvoke = (logicalId: string) => ({
  Type: 'AWS::Lambda::Permission',
  Properties: {
    Action: 'lambda:InvokeFunction',
    FunctionName: arnOf(logicalId),
    Principal: 'apigateway.amazonaws.com',
  },
});
const route = (RouteKey: string) =>
  inApi('Route', {
    RouteKey,
    Target: { 'Fn::Join': ['/', ['integrations', ref('Integration')]] },
    AuthorizationType: 'CUSTOM',
    AuthorizerId: ref('Authorizer'),
  });

const service = {
  Resources: {
    WriterRole: roleFor(
      'lambda',
      ['dynamodb:PutItem', imported('TableArn')],
      [['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], imported('QueueArn')],
      [['logs:CreateLogStream', 'logs:PutLogEvents'], '*'],
    ),
    ReaderRole: roleFor('lambda', [['dynamodb:GetItem', 'dynamodb:DeleteItem'], imported('TableArn')]),
    Writer: fn('write', 'WriterRole', { TABLE: imported('Table') }),
    Reader: fn('read', 'ReaderRole', { TABLE: imported('Table') }),
    Authorize: fn('authorize', 'ReaderRole'),
    Feed: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: { EventSourceArn: imported('QueueArn'), FunctionName: ref('Writer') },
    },
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: 'HTTP', Name: 'api' } },
    Stage: inApi('Stage', { StageName: '$default', AutoDeploy: true }),
    Integration: inApi('Integration', {
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: arnOf('Reader'),
      PayloadFormatVersion: '2.0',
    }),
    Authorizer: inApi('Authorizer', {
      AuthorizerType: 'REQUEST',
      AuthorizerUri: arnOf('Authorize'),
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      IdentitySource: ['$request.header.Authorization'],
    }),
    Get: route('GET /things/{id}'),
    Put: route('PUT /things/{id}'),
    ReaderPermission: mayInvoke('Reader'),
    AuthorizePermission: mayInvoke('Authorize'),
    MachineRole: roleFor('states', ['lambda:InvokeFunction', arnOf('Writer')]),
    Machine: {
      Type: 'AWS::StepFunctions::StateMachine',
      Properties: {
        RoleArn: arnOf('MachineRole'),
        DefinitionS3Location: { Bucket: 'assets', Key: 'machine.json' },
        DefinitionSubstitutions: { Fn: arnOf('Writer') },
      },
    },
    ScheduleRole: roleFor('scheduler', ['states:StartExecution', ref('Machine')]),
    Daily: {
      Type: 'AWS::Scheduler::Schedule',
      Properties: {
        ScheduleExpression: 'cron(0 2 * * ? *)',
        Target: {
          Arn: ref('Machine'),
          RoleArn: arnOf('ScheduleRole'),
          Input: '{"at":"<aws.scheduler.scheduled-time>"}',
        },
      },
    },
    Runs: {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        Namespace: 'AWS/States',
        MetricName: 'ExecutionsSucceeded',
        Dimensions: [{ Name: 'StateMachineArn', Value: ref('Machine') }],
        Statistic: 'Sum',
        Period: 300,
        EvaluationPeriods: 1,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
    },
    ReaderErrors: {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        AlarmDescription: 'Readers see nothing.',
        Namespace: 'AWS/Lambda',
        MetricName: 'Errors',
        Dimensions: [{ Name: 'FunctionName', Value: ref('Reader') }],
        Statistic: 'Sum',
        Period: 300,
        EvaluationPeriods: 1,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      },
    },
  },
  Outputs: { ApiUrl: { Value: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } }, Writer: { Value: ref('Writer') } },
};

const write = (changes: object = {}) =>
  writeAssembly({
    Data: { template: data },
    Service: {
      template: { ...service, Resources: { ...service.Resources, ...changes } },
      assets,
      dependencies: ['Data'],
    },
  });

/** Asks again until the answer is what is awaited; what happens behind a queue gives no other sign. */
async function until<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const clientSettings = ({ endpointUrl, place, ownerCredentials }: Cloud) => ({
  endpoint: endpointUrl,
  region: place.region,
  credentials: ownerCredentials,
});

async function hasItem(cloud: Cloud, pk: string): Promise<boolean> {
  const dynamoDb = new DynamoDB(clientSettings(cloud));
  const { Item } = await dynamoDb.getItem({ TableName: 'Data-Table', Key: { pk: { S: pk } } });
  dynamoDb.destroy();
  return Item !== undefined;
}

describe('a cloud', () => {
  const assembly = write();
  const said: string[] = [];
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await startCloud({ assemblyDirectory: assembly.directory, log: (line) => said.push(line) });
  });
  afterAll(async () => {
    await cloud.stop();
    assembly.remove();
  });
  const call = async (id: string, key: string | undefined, method = 'GET') => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: key };
    const response = await fetch(`${cloud.outputs.ApiUrl}/things/${id}`, { method, headers });
    return { status: response.status, body: await response.json() };
  };

  it('serves the API with its authorizer and functions', async () => {
    expect(cloud.apiUrls).toEqual({ Api: cloud.outputs.ApiUrl });
    expect(await call('nothing', 'good')).toEqual({ status: 200, body: { found: false, who: 'someone' } });
    expect(await call('nothing', 'bad')).toEqual({ status: 403, body: { message: 'Forbidden' } });
    expect(await call('nothing', undefined)).toEqual({ status: 401, body: { message: 'Unauthorized' } });
  });

  it('denies functions what their role does not allow, and an alarm goes off', async () => {
    expect(await call('forbidden', 'good', 'PUT')).toEqual({ status: 500, body: { message: 'Internal Server Error' } });
    expect(await hasItem(cloud, 'forbidden')).toBe(false);
    expect(said).toContainEqual(expect.stringContaining('is not authorized to perform: dynamodb:PutItem'));
    const alarm = (await cloud.alarms()).find(({ name }) => name === 'Service-ReaderErrors');
    expect(alarm).toMatchObject({ state: 'ALARM' });
    expect(said).toContainEqual(expect.stringMatching(/^ALARM Service-ReaderErrors: Readers see nothing\./));
  });

  it('hands objects to the queue, and the queue to the function, which hears of the test event first', async () => {
    const s3 = new S3(clientSettings(cloud));
    await s3.putObject({ Bucket: String(cloud.outputs.BucketName), Key: 'in/a file', Body: 'x' });
    s3.destroy();
    await until(() => hasItem(cloud, 'in/a+file'), Boolean);
    await until(() => hasItem(cloud, 's3:TestEvent'), Boolean);
  });

  it('starts state machines by schedule, with the time that is named', async () => {
    const started = await cloud.fireSchedule('Daily', new Date('2026-11-19T02:00:00Z'));
    const { executionArn } = started as { executionArn: string };
    const sfn = new SFN(clientSettings(cloud));
    const ended = await until(
      () => sfn.describeExecution({ executionArn }),
      ({ status }) => status !== 'RUNNING',
    );
    sfn.destroy();
    expect([ended.status, ended.output]).toEqual(['SUCCEEDED', '{"wrote":1}']);
    expect(await hasItem(cloud, '2026-11-19T02:00:00Z')).toBe(true);
    expect([...cloud.nextRuns().keys()]).toEqual(['Service-Daily']);
    const alarm = (await cloud.alarms()).find(({ name }) => name === 'Service-Runs');
    expect(alarm).toMatchObject({ state: 'ALARM', reason: expect.stringMatching(/: 1$/) });
  });

  it('lets the owner invoke functions by the ordinary client', async () => {
    const lambda = new Lambda(clientSettings(cloud));
    const FunctionName = cloud.outputs.Writer;
    const { Payload } = await lambda.invoke({ FunctionName, Payload: JSON.stringify({ pk: 'by hand' }) });
    lambda.destroy();
    expect(Payload?.transformToString()).toBe('{"wrote":1}');
  });

  it('names permissions that were granted and never used', () => {
    expect(cloud.unusedPermissions()).toContainEqual({
      role: 'Service-ReaderRole',
      action: 'dynamodb:DeleteItem',
      resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/Data-Table',
    });
    expect(cloud.unusedPermissions()).not.toContainEqual(expect.objectContaining({ action: 'dynamodb:GetItem' }));
  });
});

describe('a cloud with a data directory', () => {
  it('keeps what it holds between runs', async () => {
    const assembly = write();
    const dataDirectory = join(mkdtempSync(join(tmpdir(), 'cloud-')), 'data');
    const options = { assemblyDirectory: assembly.directory, dataDirectory, log: () => {} };
    const first = await startCloud(options);
    await first.fireSchedule('Daily', new Date('2026-11-19T02:00:00Z'));
    await until(() => hasItem(first, '2026-11-19T02:00:00Z'), Boolean);
    await first.stop();

    const second = await startCloud(options);
    expect(await hasItem(second, '2026-11-19T02:00:00Z')).toBe(true);
    await second.stop();
    assembly.remove();
    rmSync(dataDirectory, { recursive: true });
  });
});

describe('a boot that fails', () => {
  const lambdaRole = roleFor('lambda');
  it.each([
    [
      'a role that the service may not assume',
      { MachineRole: lambdaRole },
      /In stack Service, resource Machine: its role does not do: .*sts:AssumeRole/,
    ],
    [
      'a state machine that means nothing',
      {
        Machine: {
          Type: 'AWS::StepFunctions::StateMachine',
          Properties: { RoleArn: arnOf('MachineRole'), DefinitionString: '{}' },
        },
      },
      /In stack Service, resource Machine: Invalid State Machine Definition/,
    ],
    [
      'a bucket that the queue does not let in',
      {
        Other: { Type: 'AWS::SQS::Queue' },
        Drop: {
          Type: 'AWS::S3::Bucket',
          Properties: {
            NotificationConfiguration: {
              QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: arnOf('Other') }],
            },
          },
        },
      },
      /Bucket service-drop cannot notify .*:Service-Other, as S3 finds when it is configured/,
    ],
    ['a type that is not known', { Odd: { Type: 'AWS::EC2::Instance' } }, /resource Odd: .* AWS::EC2::Instance/],
  ])('says why and leaves the port free: %s', async (_, changes, sentence) => {
    const assembly = write(changes);
    const probe = createServer();
    const port = await listen(probe, '127.0.0.1', 0);
    await new Promise((resolve) => probe.close(resolve));

    await expect(startCloud({ assemblyDirectory: assembly.directory, port, log: () => {} })).rejects.toThrow(sentence);
    const again = createServer();
    expect(await listen(again, '127.0.0.1', port)).toBe(port);
    await new Promise((resolve) => again.close(resolve));
    assembly.remove();
  });

  it('names the port that is in use', async () => {
    const assembly = write();
    const other = createServer();
    const port = await listen(other, '127.0.0.1', 0);
    const options = { assemblyDirectory: assembly.directory, log: () => {} };
    await expect(startCloud({ ...options, port })).rejects.toThrow(`Port ${port} on 127.0.0.1 is already in use`);
    await expect(startCloud({ ...options, endpointPort: port })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is already in use`,
    );
    await new Promise((resolve) => other.close(resolve));
    assembly.remove();
  });
});
