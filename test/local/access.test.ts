import { expect, test } from 'vitest';
import { administrator, createAccessControl } from '../../local/access.ts';
import type { Resource } from '../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const table = 'arn:aws:dynamodb:us-east-1:000000000000:table/ledger';
const roleArn = 'arn:aws:iam::000000000000:role/api-role';

function resource(type: string, properties: Record<string, unknown>, physicalId = type, arn = ''): Resource {
  return { stack: 'Test', logicalId: physicalId, type, properties, physicalId, arn };
}

function role(properties: Record<string, unknown> = {}): Resource {
  return resource('AWS::IAM::Role', properties, 'api-role', roleArn);
}

function policy(...statements: Record<string, unknown>[]): Resource {
  return resource('AWS::IAM::Policy', { PolicyDocument: { Statement: statements }, Roles: ['api-role'] }, 'policy');
}

function allow(action: string | string[], on: string | string[], more: Record<string, unknown> = {}) {
  return { Effect: 'Allow', Action: action, Resource: on, ...more };
}

function boot(...resources: Resource[]) {
  return createAccessControl([role(), ...resources], place, { enforce: true });
}

test('refuses what no policy allows, in the words of AWS', () => {
  expect(() => boot().assertAllowed(roleArn, 'dynamodb:PutItem', table)).toThrow(
    expect.objectContaining({
      name: 'AccessDeniedException',
      message:
        'User: arn:aws:sts::000000000000:assumed-role/api-role/local is not authorized to perform: dynamodb:PutItem' +
        ` on resource: ${table} because no identity-based policy allows the dynamodb:PutItem action`,
    }),
  );
});

test('allows by inline, attached and managed policies', () => {
  const managed = 'arn:aws:iam::000000000000:policy/managed';
  const document = (action: string) => ({ PolicyDocument: { Statement: allow(action, table) } });
  const resources = [
    role({ Policies: [document('dynamodb:GetItem')], ManagedPolicyArns: [managed] }),
    policy(allow('dynamodb:PutItem', table)),
    resource('AWS::IAM::ManagedPolicy', document('dynamodb:Query'), managed, managed),
  ];
  const access = createAccessControl(resources, place, { enforce: true });
  for (const action of ['GetItem', 'PutItem', 'Query']) access.assertAllowed(roleArn, `dynamodb:${action}`, table);
  expect(() => access.assertAllowed(roleArn, 'dynamodb:Scan', table)).toThrow('not authorized');
});

test.each([
  ['s3:Get*', 'arn:aws:s3:::reports/*', 's3:GetObject', 'arn:aws:s3:::reports/2026/01:02.json', true],
  ['S3:getobject', '*', 's3:GetObject', 'arn:aws:s3:::reports/a', true],
  ['s3:GetObject', 'arn:aws:s3:::reports/?', 's3:GetObject', 'arn:aws:s3:::reports/ab', false],
  ['s3:GetObject', 'arn:aws:s3:::report.s/a', 's3:GetObject', 'arn:aws:s3:::reportXs/a', false],
  ['dynamodb:Query', `${table}`, 'dynamodb:Query', `${table}/index/byDebit`, false],
  ['dynamodb:Query', `${table}/index/*`, 'dynamodb:Query', `${table}/index/byDebit`, true],
  ['dynamodb:Query', 'arn:aws:dynamodb:*:table/ledger', 'dynamodb:Query', table, false],
])('%s on %s lets %s on %s: %s', (action, on, asked, askedOn, allowed) => {
  const call = () => boot(policy(allow(action, on))).assertAllowed(roleArn, asked, askedOn);
  if (allowed) call();
  else expect(call).toThrow('not authorized');
});

test('lets an explicit deny win over an allow', () => {
  const access = boot(
    policy(allow('dynamodb:*', '*'), { Effect: 'Deny', Action: 'dynamodb:DeleteItem', Resource: table }),
  );
  access.assertAllowed(roleArn, 'dynamodb:PutItem', table);
  expect(() => access.assertAllowed(roleArn, 'dynamodb:DeleteItem', table)).toThrow('with an explicit deny');
});

test('NotAction allows all but the actions named', () => {
  const access = boot(policy({ Effect: 'Allow', NotAction: ['dynamodb:Delete*'], Resource: '*' }));
  access.assertAllowed(roleArn, 'dynamodb:PutItem', table);
  expect(() => access.assertAllowed(roleArn, 'dynamodb:DeleteItem', table)).toThrow('not authorized');
});

test.each([
  ['a condition that holds', { StringEquals: { 'aws:RequestedRegion': ['eu-west-1', 'us-east-1'] } }, true],
  ['a condition that does not hold', { StringLike: { 'aws:RequestedRegion': 'eu-*' } }, false],
  ['a negated condition that holds', { StringNotEquals: { 'aws:RequestedRegion': 'eu-west-1' } }, true],
  ['HTTPS demanded', { Bool: { 'aws:SecureTransport': true } }, true],
  ['a key that the call does not have', { StringEquals: { 'aws:ViaAWSService': 'true' } }, false],
  ['a key that the call need not have', { StringEqualsIfExists: { 'aws:ViaAWSService': 'true' } }, true],
  ['an operator that is not known here', { IpAddress: { 'aws:SourceIp': '127.0.0.1' } }, false],
])('%s', (_, Condition, allowed) => {
  const call = () =>
    boot(policy(allow('dynamodb:PutItem', table, { Condition }))).assertAllowed(roleArn, 'dynamodb:PutItem', table);
  if (allowed) call();
  else expect(call).toThrow('not authorized');
});

test('names the permissions that were granted and never used', () => {
  const access = boot(policy(allow(['dynamodb:PutItem', 'dynamodb:GetItem'], [table, `${table}/index/*`])));
  access.assertAllowed(roleArn, 'dynamodb:PutItem', table);
  expect(access.unusedPermissions()).toEqual([
    { role: 'api-role', action: 'dynamodb:PutItem', resource: `${table}/index/*` },
    { role: 'api-role', action: 'dynamodb:GetItem', resource: table },
    { role: 'api-role', action: 'dynamodb:GetItem', resource: `${table}/index/*` },
  ]);
});

test('allows everything when not enforcing, and still notes what is used', () => {
  const resources = [role(), policy(allow('dynamodb:PutItem', table))];
  const access = createAccessControl(resources, place, { enforce: false });
  access.assertAllowed(roleArn, 'dynamodb:Scan', table);
  access.assertAllowed(roleArn, 'dynamodb:PutItem', table);
  expect(access.unusedPermissions()).toEqual([]);
});

test('knows roles by their keys, and the owner who may do everything', () => {
  const access = boot();
  expect(access.roleOf(access.credentialsOf(roleArn).accessKeyId)).toBe(roleArn);
  expect(access.credentialsOf(roleArn)).toEqual(boot().credentialsOf(roleArn));
  expect(access.roleOf(access.credentialsOf(administrator).accessKeyId)).toBe(administrator);
  expect(access.roleOf('AKIAUNKNOWN')).toBeUndefined();
  access.assertAllowed(administrator, 'iam:DeleteRole', roleArn);
});

test('takes the AWS-managed policies it knows and refuses the others', () => {
  const managedBy = (name: string) => [role({ ManagedPolicyArns: [`arn:aws:iam::aws:policy/service-role/${name}`] })];
  const access = createAccessControl(managedBy('AWSLambdaBasicExecutionRole'), place, { enforce: true });
  access.assertAllowed(roleArn, 'logs:PutLogEvents', 'arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/api');
  expect(access.unusedPermissions()).toEqual([]);
  expect(() => createAccessControl(managedBy('AdministratorAccess'), place, { enforce: true })).toThrow(
    expect.objectContaining({ name: 'PolicyNotUnderstood' }),
  );
});

test('a service may do only what the resource allows it', () => {
  const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:api';
  const queueArn = 'arn:aws:sqs:us-east-1:000000000000:imports';
  const access = createAccessControl(
    [
      role({
        AssumeRolePolicyDocument: {
          Statement: { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        },
      }),
      resource('AWS::Lambda::Permission', {
        FunctionName: 'api',
        Action: 'lambda:InvokeFunction',
        Principal: 'apigateway.amazonaws.com',
        SourceArn: 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3/*/*/v1/usage',
      }),
      resource('AWS::SQS::Queue', {}, 'http://127.0.0.1/000000000000/imports', queueArn),
      resource('AWS::SQS::QueuePolicy', {
        Queues: ['http://127.0.0.1/000000000000/imports'],
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Deny',
              Principal: { AWS: '*' },
              Action: 'sqs:*',
              Condition: { Bool: { 'aws:SecureTransport': false } },
            },
            {
              Effect: 'Allow',
              Principal: { Service: 's3.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: queueArn,
              Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::imports' } },
            },
          ],
        },
      }),
    ],
    place,
    { enforce: true },
  );
  const invoke = (route: string) => () =>
    access.assertServiceAllowed({
      service: 'apigateway.amazonaws.com',
      action: 'lambda:InvokeFunction',
      resourceArn: functionArn,
      sourceArn: `arn:aws:execute-api:us-east-1:000000000000:a1b2c3/${route}`,
    });
  const send = (service: string, bucket: string) => () =>
    access.assertServiceAllowed({
      service,
      action: 'sqs:SendMessage',
      resourceArn: queueArn,
      sourceArn: `arn:aws:s3:::${bucket}`,
    });
  const assume = (service: string) => () =>
    access.assertServiceAllowed({ service, action: 'sts:AssumeRole', resourceArn: roleArn });

  expect(invoke('$default/POST/v1/usage')).not.toThrow();
  expect(invoke('$default/POST/v1/charges')).toThrow(
    'no resource-based policy allows the lambda:InvokeFunction action',
  );
  expect(send('s3.amazonaws.com', 'imports')).not.toThrow();
  expect(send('s3.amazonaws.com', 'artifacts')).toThrow('not authorized');
  expect(send('sns.amazonaws.com', 'imports')).toThrow('not authorized');
  expect(assume('lambda.amazonaws.com')).not.toThrow();
  expect(assume('states.amazonaws.com')).toThrow('not authorized');
});
