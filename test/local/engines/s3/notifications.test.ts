import { expect, test } from 'vitest';
import { queuesToNotify, s3EventRecord } from '../../../../local/engines/s3/notifications.ts';
import type { Resource } from '../../../../local/resources.ts';

const place = { accountId: '000000000000', region: 'us-east-1' };
const queue = 'arn:aws:sqs:us-east-1:000000000000:imports';
const created = {
  bucket: 'drop',
  key: 'imports/2026 01/ü+a.csv',
  size: 7,
  etag: 'abc',
  eventName: 'ObjectCreated:Put',
  sequencer: '01',
  at: new Date('2026-01-31T23:59:59.123Z'),
};

function resource(type: string, physicalId: string, properties: Record<string, unknown>): Resource {
  return { stack: 'Test', logicalId: physicalId, type, properties, physicalId, arn: '' };
}

test('finds the queues that a bucket names for a key prefix', () => {
  const Rules = [{ Name: 'prefix', Value: 'imports/' }];
  const QueueConfigurations = [{ Event: 's3:ObjectCreated:*', Filter: { S3Key: { Rules } }, Queue: queue }];
  const bucket = resource('AWS::S3::Bucket', 'drop', { NotificationConfiguration: { QueueConfigurations } });
  expect(queuesToNotify([bucket], created)).toEqual([queue]);
  expect(queuesToNotify([bucket], { ...created, key: 'reports/a' })).toEqual([]);
  expect(queuesToNotify([bucket], { ...created, bucket: 'other' })).toEqual([]);
});

test('finds the queues of the custom resource that the CDK writes', () => {
  const FilterRules = [
    { Name: 'prefix', Value: 'imports/' },
    { Name: 'suffix', Value: '.csv' },
  ];
  const QueueConfigurations = [{ Events: ['s3:ObjectCreated:Put'], Filter: { Key: { FilterRules } }, QueueArn: queue }];
  const custom = resource('Custom::S3BucketNotifications', 'N', {
    BucketName: 'drop',
    NotificationConfiguration: { QueueConfigurations },
  });
  expect(queuesToNotify([custom], created)).toEqual([queue]);
  expect(queuesToNotify([custom], { ...created, key: 'imports/a.json' })).toEqual([]);
  expect(queuesToNotify([custom], { ...created, eventName: 'ObjectCreated:Copy' })).toEqual([]);
});

test('writes the record as S3 does, with the key URL-encoded', () => {
  expect(s3EventRecord(created, place)).toMatchObject({
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: '2026-01-31T23:59:59.123Z',
    eventName: 'ObjectCreated:Put',
    s3: {
      s3SchemaVersion: '1.0',
      bucket: { name: 'drop', arn: 'arn:aws:s3:::drop' },
      object: { key: 'imports/2026+01/%C3%BC%2Ba.csv', size: 7, eTag: 'abc', sequencer: '01' },
    },
  });
});
