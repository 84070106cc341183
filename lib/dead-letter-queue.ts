import { Duration } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledgement.ts';

/** Keeps what could not be handled for as long as SQS can, for people to look at. */
export class DeadLetterQueue extends Construct {
  readonly queue: Queue;

  /** @param props `fifo` for the dead letters of a FIFO queue, which must be of its kind (SQS rule). */
  constructor(scope: Construct, id: string, { fifo }: { readonly fifo?: true } = {}) {
    super(scope, id);
    const kind = fifo === undefined ? {} : { fifo };
    this.queue = new Queue(this, 'Queue', { ...kind, enforceSSL: true, retentionPeriod: Duration.days(14) });
    const reason = 'This is a dead letter queue: an alarm calls people to it, and nothing comes after.';
    acknowledge(this.queue, { 'AwsSolutions-SQS3': reason, 'Serverless-SQSRedrivePolicy': reason });
  }
}
