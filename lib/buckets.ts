import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { acknowledge } from './acknowledgement.ts';

export interface BucketsProps {
  readonly stage: Stage;
  /** Told of every object that is made under `imports/`. */
  readonly importQueue: Queue;
}

/** Where files are dropped in the import bucket; what they had wrong is under the same name in the artifacts bucket. */
export const IMPORT_PREFIX = 'imports/';
/** Where a run's slices, findings and reports are kept in the artifacts bucket. */
export const RECONCILIATIONS_PREFIX = 'reconciliations/';

/** Files: the artifacts bucket holds what Reckoner writes, the import bucket what others drop. */
export class Buckets extends Construct {
  readonly artifacts: Bucket;
  readonly imports: Bucket;

  constructor(scope: Construct, id: string, props: BucketsProps) {
    super(scope, id);
    this.artifacts = this.bucket('Artifacts', props.stage, { versioned: true });
    this.imports = this.bucket('Imports', props.stage, { expireDays: props.stage.importedFileRetentionDays });
    notify(this.imports, props.importQueue);
  }

  private bucket(id: string, stage: Stage, options: { versioned?: boolean; expireDays?: number }): Bucket {
    const bucket = new Bucket(this, id, {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: options.versioned ?? false,
      removalPolicy: stage.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      lifecycleRules: [
        {
          // Uploads that were broken off are invisible and paid for.
          abortIncompleteMultipartUploadAfter: Duration.days(7),
          ...(options.expireDays === undefined ? {} : { expiration: Duration.days(options.expireDays) }),
        },
      ],
    });
    acknowledge(bucket, {
      'AwsSolutions-S1':
        'Only roles of this service reach the bucket, and server access logs may come late or not at all. An owner who must prove each read turns on CloudTrail data events.',
    });
    return bucket;
  }
}

/**
 * Has a bucket tell a queue of new objects by the bucket's own property. The construct's way adds a function with broad
 * permissions to do the same.
 */
function notify(bucket: Bucket, queue: Queue): void {
  const resource = bucket.node.defaultChild;
  if (!(resource instanceof CfnBucket)) throw new TypeError('A bucket construct has no bucket resource inside.');
  resource.notificationConfiguration = {
    queueConfigurations: [
      {
        event: 's3:ObjectCreated:*',
        queue: queue.queueArn,
        filter: { s3Key: { rules: [{ name: 'prefix', value: IMPORT_PREFIX }] } },
      },
    ],
  };
  // S3 tries the queue when it is configured, so the queue's policy must stand by then.
  bucket.node.addDependency(queue);
}
