import type { Place, Resource } from '../../resources.ts';

/** An object that has just been created. */
export interface ObjectCreated {
  readonly bucket: string;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** `ObjectCreated:Put`, `ObjectCreated:Copy` or `ObjectCreated:CompleteMultipartUpload`. */
  readonly eventName: string;
  /** Hexadecimal; of two events of one key the later has the greater. */
  readonly sequencer: string;
  readonly at: Date;
}

/** Both ways in which templates write it: on the bucket, and in the custom resource that the CDK makes. */
interface NotificationConfiguration {
  readonly QueueConfigurations?: readonly {
    readonly Queue?: string;
    readonly QueueArn?: string;
    readonly Event?: string;
    readonly Events?: readonly string[];
    readonly Filter?: {
      readonly S3Key?: { readonly Rules: FilterRules };
      readonly Key?: { readonly FilterRules: FilterRules };
    };
  }[];
}

type FilterRules = readonly { readonly Name: string; readonly Value: string }[];

/** The ARNs of the queues that the template wants to be told of the object. */
export function queuesToNotify(resources: readonly Resource[], object: ObjectCreated): string[] {
  return resources
    .filter(({ type, physicalId, properties }) =>
      type === 'AWS::S3::Bucket'
        ? physicalId === object.bucket
        : type === 'Custom::S3BucketNotifications' && properties.BucketName === object.bucket,
    )
    .flatMap(({ properties }) => {
      const { QueueConfigurations = [] } = (properties.NotificationConfiguration ?? {}) as NotificationConfiguration;
      return QueueConfigurations;
    })
    .filter(({ Event, Events = Event === undefined ? [] : [Event], Filter }) => {
      const rules = Filter?.S3Key?.Rules ?? Filter?.Key?.FilterRules ?? [];
      return Events.some((event) => eventMatches(event, object)) && rules.every((rule) => ruleHolds(rule, object.key));
    })
    .map(({ Queue, QueueArn }) => Queue ?? QueueArn ?? '');
}

/** One entry of `Records`, in the structure that S3 documents for event messages of version 2.1. */
export function s3EventRecord(object: ObjectCreated, place: Place) {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: place.region,
    eventTime: object.at.toISOString(),
    eventName: object.eventName,
    userIdentity: { principalId: place.accountId },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': object.sequencer, 'x-amz-id-2': object.sequencer },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'local',
      bucket: {
        name: object.bucket,
        ownerIdentity: { principalId: place.accountId },
        arn: `arn:aws:s3:::${object.bucket}`,
      },
      object: {
        key: encodeURIComponent(object.key).replaceAll('%2F', '/').replaceAll('%20', '+'),
        size: object.size,
        eTag: object.etag,
        sequencer: object.sequencer,
      },
    },
  };
}

function eventMatches(event: string, { eventName }: ObjectCreated): boolean {
  return event === `s3:${eventName}` || event === 's3:ObjectCreated:*';
}

function ruleHolds({ Name, Value }: FilterRules[number], key: string): boolean {
  return Name.toLowerCase() === 'prefix' ? key.startsWith(Value) : key.endsWith(Value);
}
