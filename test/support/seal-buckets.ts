import { S3Client } from '@aws-sdk/client-s3';
import { administrator, createAccessControl } from '../../local/access.ts';
import { startEndpoint } from '../../local/endpoint.ts';
import { startS3 } from '../../local/engines/s3.ts';
import type { Artifacts } from '../../store/artifacts.ts';

const PLACE = { accountId: '000000000000', region: 'us-east-1' };

export interface TestSealBuckets {
  readonly artifacts: Artifacts;
  /** Locks what it gets for a day, by GOVERNANCE. */
  readonly seals: Artifacts;
  stop(): Promise<void>;
}

/**
 * An artifacts bucket, and one with Object Lock, on the local engine.
 * @param directory where they are kept; left out, they begin empty and are gone when they are stopped.
 */
export async function startSealBuckets(directory?: string): Promise<TestSealBuckets> {
  const bucket = (physicalId: string, properties = {}) => {
    return { stack: 'test', logicalId: physicalId, type: 'AWS::S3::Bucket', properties, physicalId, arn: '' };
  };
  const lock = { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } };
  const locked = { ObjectLockEnabled: true, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', ...lock } };
  const s3 = await startS3({ resources: [bucket('artifacts'), bucket('seals', locked)], place: PLACE, directory });
  const access = createAccessControl([], PLACE, { enforce: true });
  const endpoint = await startEndpoint({
    place: PLACE,
    access,
    dynamoDbUrl: 'http://127.0.0.1:1',
    s3,
    sqs: { handle: async () => ({}), stop: async () => {} },
    states: { handle: async () => ({}) },
    invoke: async () => ({ payload: '' }),
  });
  const credentials = access.credentialsOf(administrator);
  const client = new S3Client({ endpoint: endpoint.url, region: PLACE.region, credentials, forcePathStyle: true });
  return {
    artifacts: { client, bucket: 'artifacts' },
    seals: { client, bucket: 'seals' },
    async stop() {
      client.destroy();
      await endpoint.stop();
      await s3.stop();
    },
  };
}
