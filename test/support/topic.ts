import { SNSClient } from '@aws-sdk/client-sns';
import { administrator, createAccessControl } from '../../local/access.ts';
import { startEndpoint } from '../../local/endpoint.ts';
import { createSns, type PublishedMessage } from '../../local/engines/sns.ts';

const PLACE = { accountId: '000000000000', region: 'us-east-1' };

export interface TestTopic {
  readonly client: SNSClient;
  readonly arn: string;
  /** What it took, oldest first. */
  published(): readonly PublishedMessage[];
  stop(): Promise<void>;
}

/** A topic on the local engine, reached as functions reach it. */
export async function startTopic(): Promise<TestTopic> {
  const arn = `arn:aws:sns:${PLACE.region}:${PLACE.accountId}:notices`;
  const sns = createSns({
    resources: [{ stack: 'test', logicalId: 'Notices', type: 'AWS::SNS::Topic', properties: {}, physicalId: arn, arn }],
  });
  const access = createAccessControl([], PLACE, { enforce: true });
  const endpoint = await startEndpoint({
    place: PLACE,
    access,
    dynamoDbUrl: 'http://127.0.0.1:1',
    s3: { handle: async () => ({ status: 404, headers: {} }), stop: async () => {} },
    sqs: { handle: async () => ({}), stop: async () => {} },
    sns,
    states: { handle: async () => ({}) },
    invoke: async () => ({ payload: '' }),
  });
  const client = new SNSClient({
    endpoint: endpoint.url,
    region: PLACE.region,
    credentials: access.credentialsOf(administrator),
    maxAttempts: 1,
  });
  return {
    client,
    arn,
    published: () => sns.published(arn),
    async stop() {
      client.destroy();
      await endpoint.stop();
    },
  };
}
