import type { LocalAccessControl } from './access.ts';
import { type ObjectCreated, queuesToNotify, s3EventRecord } from './engines/s3/notifications.ts';
import type { SqsEngine } from './engines/sqs.ts';
import type { Place, Resource } from './resources.ts';

export interface BucketNotificationsOptions {
  readonly resources: readonly Resource[];
  readonly place: Place;
  readonly access: Pick<LocalAccessControl, 'assertServiceAllowed'>;
  readonly sqs: Pick<SqsEngine, 'handle'>;
  readonly log: (line: string) => void;
}

export interface BucketNotifications {
  /** Tells the queues that want to hear of an object. */
  objectCreated(object: ObjectCreated): Promise<void>;
  /** Sends the `s3:TestEvent` with which S3 tries each queue when it is configured; consumers must be able to take it. */
  sendTestEvents(now: Date): Promise<void>;
}

interface Link {
  readonly bucket: string;
  readonly queueArn: string;
}

interface NotificationConfiguration {
  readonly QueueConfigurations?: readonly { readonly Queue?: string; readonly QueueArn?: string }[];
  readonly TopicConfigurations?: readonly unknown[];
  readonly LambdaConfigurations?: readonly unknown[];
  readonly LambdaFunctionConfigurations?: readonly unknown[];
}

/**
 * Buckets that tell queues of new objects, in S3's own name.
 *
 * @throws Error for what S3 would refuse to configure: a queue whose policy does not let the bucket in
 */
export function createBucketNotifications(options: BucketNotificationsOptions): BucketNotifications {
  const { resources, place, access, sqs, log } = options;
  const links = resources.flatMap(linksOf);
  for (const { bucket, queueArn } of links) {
    try {
      assertMaySend(bucket, queueArn);
    } catch (error) {
      const reason = (error as Error).message;
      throw new Error(`Bucket ${bucket} cannot notify ${queueArn}, as S3 finds when it is configured: ${reason}`);
    }
  }

  function assertMaySend(bucket: string, queueArn: string): void {
    const sourceArn = `arn:aws:s3:::${bucket}`;
    const call = { service: 's3.amazonaws.com', action: 'sqs:SendMessage', resourceArn: queueArn, sourceArn };
    access.assertServiceAllowed(call);
  }

  async function send(queueArn: string, message: unknown): Promise<void> {
    const QueueUrl = resources.find(({ arn }) => arn === queueArn)?.physicalId ?? queueArn;
    await sqs.handle('SendMessage', { QueueUrl, MessageBody: JSON.stringify(message) });
  }

  return {
    async objectCreated(object) {
      for (const queueArn of queuesToNotify(resources, object)) {
        await send(queueArn, { Records: [s3EventRecord(object, place)] }).catch((error: Error) =>
          log(`Bucket ${object.bucket} could not notify ${queueArn} of ${object.key}: ${error.message}`),
        );
      }
    },
    async sendTestEvents(now) {
      for (const { bucket, queueArn } of links) {
        const event = { Service: 'Amazon S3', Event: 's3:TestEvent', Time: now.toISOString(), Bucket: bucket };
        await send(queueArn, { ...event, RequestId: 'local', HostId: 'local' });
      }
    },
  };
}

function linksOf({ type, stack, logicalId, physicalId, properties }: Resource): Link[] {
  if (type !== 'AWS::S3::Bucket' && type !== 'Custom::S3BucketNotifications') return [];
  const bucket = type === 'AWS::S3::Bucket' ? physicalId : String(properties.BucketName);
  const configuration = (properties.NotificationConfiguration ?? {}) as NotificationConfiguration;
  const { QueueConfigurations = [], ...others } = configuration;
  for (const kind of ['TopicConfigurations', 'LambdaConfigurations', 'LambdaFunctionConfigurations'] as const) {
    if ((others[kind] ?? []).length > 0) {
      throw new Error(`In stack ${stack}, resource ${logicalId}: buckets notify queues only here, not ${kind}.`);
    }
  }
  return QueueConfigurations.map(({ Queue, QueueArn }) => ({ bucket, queueArn: Queue ?? QueueArn ?? '' }));
}
