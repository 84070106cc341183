import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import { functions } from './functions.ts';

/**
 * Attempts at a file before it is set aside. A large file takes several, each going on where the one before ran out of
 * time; at a thousand rows a second and more, ten attempts of 15 minutes read ten million rows.
 */
const MAX_ATTEMPTS = 10;

/** Seconds beyond the function's own time. An import that is being read is claimed, so two never read one file. */
const VISIBILITY_MARGIN = 60;

/** The queue that announces files in the import bucket, and the one where those end up that cannot be read in. */
export class ImportQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters').queue;
    this.queue = new Queue(this, 'Queue', {
      enforceSSL: true,
      // Short, so that an interrupted import soon goes on; AWS's advice of six times would let it wait for an hour.
      visibilityTimeout: Duration.seconds(functions['events/import-usage'].timeoutSeconds + VISIBILITY_MARGIN),
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_ATTEMPTS },
    });
    // By account and not by bucket: the bucket names the queue and is made after this policy, which cannot name it then.
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    );
  }
}
