import { describe, expect, it } from 'vitest';
import { functions } from '../../lib/functions.ts';
import { resourceOf, resourcesOf, templatesOf } from './templates.ts';

const dev = templatesOf('dev').data;
const prod = templatesOf('prod').data;

const string = (name: string) => ({ AttributeName: name, AttributeType: 'S' });
const hash = (name: string) => ({ AttributeName: name, KeyType: 'HASH' });
const range = (name: string) => ({ AttributeName: name, KeyType: 'RANGE' });

describe('the tables', () => {
  it('keep the ledger by one key, with an index by debit, by credit and by bucket', () => {
    const { Properties } = resourceOf(prod, 'AWS::DynamoDB::GlobalTable', 'TablesLedger');
    expect(Properties.KeySchema).toEqual([hash('pk')]);
    expect(Properties.AttributeDefinitions).toEqual(
      ['pk', 'debitDay', 'debitAt', 'creditDay', 'creditAt', 'bucket', 'account'].map(string),
    );
    expect(Properties.GlobalSecondaryIndexes).toMatchObject([
      { IndexName: 'byDebit', KeySchema: [hash('debitDay'), range('debitAt')], Projection: { ProjectionType: 'ALL' } },
      {
        IndexName: 'byCredit',
        KeySchema: [hash('creditDay'), range('creditAt')],
        Projection: { ProjectionType: 'ALL' },
      },
      {
        IndexName: 'byBucket',
        KeySchema: [hash('bucket'), range('account')],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ]);
  });

  it.each(['Usage', 'Operations'])('keep %s by partition and sort key without an index', (name) => {
    const { Properties } = resourceOf(prod, 'AWS::DynamoDB::GlobalTable', `Tables${name}`);
    expect(Properties.KeySchema).toEqual([hash('pk'), range('sk')]);
    expect(Properties.GlobalSecondaryIndexes).toBeUndefined();
  });

  it('can be restored to any second and are paid for by request up to a limit', () => {
    for (const template of [dev, prod]) {
      for (const [, { Properties }] of resourcesOf(template, 'AWS::DynamoDB::GlobalTable')) {
        expect(Properties).toMatchObject({
          BillingMode: 'PAY_PER_REQUEST',
          WriteOnDemandThroughputSettings: { MaxWriteRequestUnits: expect.any(Number) },
          Replicas: [{ PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }],
        });
      }
    }
  });

  it('limit the writes of each index as those of its table', () => {
    const { Properties } = resourceOf(prod, 'AWS::DynamoDB::GlobalTable', 'TablesLedger');
    for (const index of Properties.GlobalSecondaryIndexes as object[]) {
      expect(index).toMatchObject({ WriteOnDemandThroughputSettings: Properties.WriteOnDemandThroughputSettings });
    }
  });

  it('refuse to be deleted in production and outlive its stack', () => {
    for (const [, table] of resourcesOf(prod, 'AWS::DynamoDB::GlobalTable')) {
      expect(table).toMatchObject({
        DeletionPolicy: 'Retain',
        Properties: { Replicas: [{ DeletionProtectionEnabled: true }] },
      });
    }
    for (const [, table] of resourcesOf(dev, 'AWS::DynamoDB::GlobalTable')) {
      expect(table).toMatchObject({
        DeletionPolicy: 'Delete',
        Properties: { Replicas: [{ DeletionProtectionEnabled: false }] },
      });
    }
  });
});

describe('the buckets', () => {
  it('are closed to the public, encrypted, and refuse connections without TLS', () => {
    expect(resourcesOf(prod, 'AWS::S3::Bucket')).toHaveLength(3);
    for (const [id, bucket] of resourcesOf(prod, 'AWS::S3::Bucket')) {
      expect(bucket).toMatchObject({
        DeletionPolicy: 'Retain',
        Properties: {
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: true,
            BlockPublicPolicy: true,
            IgnorePublicAcls: true,
            RestrictPublicBuckets: true,
          },
          BucketEncryption: {
            ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
          },
        },
      });
      expect(resourceOf(prod, 'AWS::S3::BucketPolicy', id.slice(0, -8))).toMatchObject({
        Properties: {
          PolicyDocument: {
            Statement: expect.arrayContaining([
              expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
            ]),
          },
        },
      });
    }
  });

  it('lock what proves the books, against the root user in production, and let nobody write it twice', () => {
    const locked = (mode: string, days: number) => ({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: mode, Days: days } } },
      VersioningConfiguration: { Status: 'Enabled' },
    });
    expect(resourceOf(prod, 'AWS::S3::Bucket', 'BucketsSeals').Properties).toMatchObject(locked('COMPLIANCE', 2_557));
    expect(resourceOf(dev, 'AWS::S3::Bucket', 'BucketsSeals').Properties).toMatchObject(locked('GOVERNANCE', 1));
    const policy = resourceOf(prod, 'AWS::S3::BucketPolicy', 'BucketsSeals').Properties.PolicyDocument;
    expect(policy).toMatchObject({
      Statement: expect.arrayContaining([
        expect.objectContaining({
          Effect: 'Deny',
          Action: 's3:PutObject',
          Principal: { AWS: '*' },
          Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
        }),
        expect.objectContaining({ Effect: 'Deny', Action: 's3:DeleteObject', Principal: { AWS: '*' } }),
      ]),
    });
  });

  it('keep every version of a report', () => {
    expect(resourceOf(prod, 'AWS::S3::Bucket', 'BucketsArtifacts').Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
    });
  });

  it('tell the import queue of what is dropped under imports/, by no function in between', () => {
    const bucket = resourceOf(prod, 'AWS::S3::Bucket', 'BucketsImports');
    expect(bucket.Properties.NotificationConfiguration).toMatchObject({
      QueueConfigurations: [
        { Event: 's3:ObjectCreated:*', Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'imports/' }] } } },
      ],
    });
    expect(bucket.DependsOn).toContainEqual(expect.stringMatching(/^ImportQueuePolicy/));
    expect(resourcesOf(prod, 'AWS::Lambda::Function')).toEqual([]);
  });
});

describe('the import queue', () => {
  const queues = resourcesOf(prod, 'AWS::SQS::Queue').map(([, { Properties }]) => Properties);
  const queue = queues.find(({ RedrivePolicy }) => RedrivePolicy !== undefined);

  it('hides a file from others for longer than the function may take', () => {
    expect(queue?.VisibilityTimeout).toBeGreaterThan(functions['events/import-usage'].timeoutSeconds);
  });

  it('sets a file aside after ten attempts, for as long as a queue can', () => {
    expect(queue?.RedrivePolicy).toMatchObject({ maxReceiveCount: 10 });
    expect(resourceOf(prod, 'AWS::SQS::Queue', 'ImportQueueDeadLetters').Properties).toMatchObject({
      MessageRetentionPeriod: 14 * 86_400,
    });
  });

  it("takes messages from the account's own buckets only, and over TLS only", () => {
    const policy = resourceOf(prod, 'AWS::SQS::QueuePolicy', 'ImportQueuePolicy').Properties;
    expect(policy.PolicyDocument).toMatchObject({
      Statement: [
        { Effect: 'Deny', Action: 'sqs:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
        {
          Effect: 'Allow',
          Action: 'sqs:SendMessage',
          Principal: { Service: 's3.amazonaws.com' },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        },
      ],
    });
  });
});

describe('the topic of notices', () => {
  it('outlives deployments of the service with its subscriptions, and takes nothing without TLS', () => {
    expect(resourcesOf(prod, 'AWS::SNS::Topic')).toHaveLength(1);
    const { Properties } = resourceOf(prod, 'AWS::SNS::TopicPolicy', 'Notices');
    const { Statement } = Properties.PolicyDocument as { Statement: Record<string, unknown>[] };
    expect(Statement).toMatchObject([
      { Effect: 'Deny', Action: 'sns:Publish', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    ]);
  });

  it('takes notices of one function alone', () => {
    const publishers = Object.entries(functions).filter(([, { may }]) => 'notices' in may);
    expect(publishers.map(([name, { may }]) => [name, (may as { notices: unknown }).notices])).toEqual([
      ['workflow/work-invoices', ['sns:Publish']],
    ]);
  });
});
