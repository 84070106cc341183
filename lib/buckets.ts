import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
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

/** Where the plans and outcomes of repairs are kept in the artifacts bucket. */
export const REPAIRS_PREFIX = 'repairs/';
/** Where the invoices of each month are written out to in the artifacts bucket. */
export const INVOICES_PREFIX = 'invoices/';
/** Where billing runs keep their slices, and what they leave, in the artifacts bucket. */
export const BILLING_RUNS_PREFIX = 'billing-runs/';
/** Where the audit records of each month are exported to in the artifacts bucket. */
export const AUDIT_PREFIX = 'audit/';
/** Where slices and findings of sealings and verifications are in the artifacts bucket, and seals in the seals bucket. */
export const SEALS_PREFIX = 'seals/';
/** Where the daily heads of the audit chain are kept in the seals bucket. */
export const ANCHORS_PREFIX = 'anchors/';

/**
 * Files: the artifacts bucket holds what Reckoner writes, the import bucket what others drop, and the seals bucket what
 * proves that neither was changed.
 */
export class Buckets extends Construct {
  readonly artifacts: Bucket;
  readonly imports: Bucket;
  /** Locked: what is written here stays as it is, see `writeOnce`. */
  readonly seals: Bucket;

  constructor(scope: Construct, id: string, props: BucketsProps) {
    super(scope, id);
    this.artifacts = this.bucket('Artifacts', props.stage, { versioned: true });
    this.imports = this.bucket('Imports', props.stage, { expireDays: props.stage.importedFileRetentionDays });
    notify(this.imports, props.importQueue);
    const { lock, days } = props.stage.seals;
    const retention = Duration.days(days);
    this.seals = this.bucket('Seals', props.stage, {
      objectLock:
        lock === 'COMPLIANCE' ? ObjectLockRetention.compliance(retention) : ObjectLockRetention.governance(retention),
    });
    writeOnce(this.seals);
  }

  private bucket(
    id: string,
    stage: Stage,
    options: { versioned?: boolean; expireDays?: number; objectLock?: ObjectLockRetention },
  ): Bucket {
    const bucket = new Bucket(this, id, {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      // A bucket with Object Lock keeps versions (AWS rule).
      versioned: options.versioned ?? options.objectLock !== undefined,
      ...(options.objectLock === undefined ? {} : { objectLockDefaultRetention: options.objectLock }),
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
 * Lets nobody write a key twice. Object Lock keeps every version for its time, but lets a new one, or a mark of deletion,
 * stand before it, and whoever reads a key gets what stands in front. So each write must be on the condition that the
 * key is new, and no mark may be set. Parts of a larger upload carry no condition; its completion does.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 */
function writeOnce(bucket: Bucket): void {
  const everybody = { effect: Effect.DENY, principals: [new AnyPrincipal()], resources: [bucket.arnForObjects('*')] };
  bucket.addToResourcePolicy(
    new PolicyStatement({
      ...everybody,
      actions: ['s3:PutObject'],
      conditions: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    }),
  );
  bucket.addToResourcePolicy(new PolicyStatement({ ...everybody, actions: ['s3:DeleteObject'] }));
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
