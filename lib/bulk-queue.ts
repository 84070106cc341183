import { Duration } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import { functions } from './functions.ts';

/**
 * Attempts at a part before it is set aside. What the table could not take comes again when the visibility timeout is
 * over, so that a table may be away for half an hour.
 */
const MAX_ATTEMPTS = 10;

/** Seconds beyond the function's own time: a part that is being worked through is never handed out a second time. */
const VISIBILITY_MARGIN = 60;

/** Lanes that are worked through at once; bounds what bulks take of the ledger's write units. */
export const BULK_CONCURRENCY_MAX = 10;

/** The queue of the parts of bulks, by lanes that are worked through in order, and the one where those end up that fail. */
export class BulkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters', { fifo: true }).queue;
    this.queue = new Queue(this, 'Queue', {
      fifo: true,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(functions['events/post-bulk'].timeoutSeconds + VISIBILITY_MARGIN),
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_ATTEMPTS },
    });
  }
}
