import { S3Client } from '@aws-sdk/client-s3';
import { administrator, createAccessControl } from '../../local/access.ts';
import { startEndpoint } from '../../local/endpoint.ts';
import { startS3 } from '../../local/engines/s3.ts';
import type { Artifacts } from '../../store/artifacts.ts';

const PLACE = { accountId: '000000000000', region: 'us-east-1' };

export interface TestArtifacts extends Artifacts {
  stop(): Promise<void>;
}

/** An empty artifacts bucket on the local engine. */
export async function startArtifacts(): Promise<TestArtifacts> {
  const bucket = 'artifacts';
  const s3 = await startS3({
    resources: [
      { stack: 'test', logicalId: 'B', type: 'AWS::S3::Bucket', properties: {}, physicalId: bucket, arn: '' },
    ],
    place: PLACE,
  });
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
  const client = new S3Client({
    endpoint: endpoint.url,
    region: PLACE.region,
    credentials: access.credentialsOf(administrator),
    forcePathStyle: true,
  });
  return {
    client,
    bucket,
    async stop() {
      client.destroy();
      await endpoint.stop();
      await s3.stop();
    },
  };
}

/** The same bucket by a client that signs links as the service does: what will be uploaded is not known, so it has no checksum yet. */
export async function forLinks({ client, bucket }: Artifacts): Promise<Artifacts> {
  const { endpoint: where, region, credentials } = client.config;
  const endpoint = (await where?.()) ?? '';
  const signing = { forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' } as const;
  return { client: new S3Client({ endpoint, region, credentials, ...signing }), bucket };
}
