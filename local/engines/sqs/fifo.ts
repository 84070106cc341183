import { randomUUID } from 'node:crypto';
import type { BuildAppOptions } from 'fauxqs';

type Queue = ReturnType<NonNullable<BuildAppOptions['stores']>['sqsStore']['createQueue']>;
type Message = Queue['messages'][number];
type Received = ReturnType<Queue['dequeue']>[number];

/** Messages of one receive (SQS limit). */
const RECEIVE_MAX = 10;

/**
 * Has a FIFO queue hand out its messages as SQS does: as many of one group at once as are asked for, in the order in
 * which they were sent, and nothing more of the group until all of these are deleted or come back. fauxqs 2.4.1 hands
 * out one of a group at a time, and turns the order around when several come back.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export function handOutInOrder(queue: Queue): void {
  queue.dequeue = (most, visibilitySeconds, deadLetterQueueOf) => {
    queue.processTimers();
    const { maxReceiveCount = Number.POSITIVE_INFINITY, deadLetterTargetArn = '' } = redrivePolicyOf(queue);
    const deadLetters = deadLetterQueueOf?.(deadLetterTargetArn);
    const received: Received[] = [];
    for (const [group, messages] of queue.fifoMessages) {
      if (queue.fifoLockedGroups.has(group)) continue;
      const before = received.length;
      messages.sort((a, b) => ((a.sequenceNumber ?? '') < (b.sequenceNumber ?? '') ? -1 : 1));
      while (received.length < Math.min(most, RECEIVE_MAX)) {
        const message = messages.shift();
        if (message === undefined) break;
        message.approximateReceiveCount += 1;
        message.approximateFirstReceiveTimestamp ??= Date.now();
        if (deadLetters !== undefined && message.approximateReceiveCount > maxReceiveCount) {
          queue.persistence?.deleteMessage(message.messageId);
          deadLetters.enqueue(message);
        } else {
          received.push(handOut(queue, message, visibilitySeconds ?? Number(queue.attributes.VisibilityTimeout)));
        }
      }
      if (received.length > before) queue.fifoLockedGroups.set(group, received.length - before);
      if (messages.length === 0) queue.fifoMessages.delete(group);
    }
    return received;
  };
}

function redrivePolicyOf({ attributes }: Queue): { maxReceiveCount?: number; deadLetterTargetArn?: string } {
  return attributes.RedrivePolicy === undefined ? {} : JSON.parse(attributes.RedrivePolicy);
}

function handOut(queue: Queue, message: Message, visibilitySeconds: number): Received {
  const receiptHandle = randomUUID();
  const visibilityDeadline = Date.now() + visibilitySeconds * 1000;
  queue.inflightMessages.set(receiptHandle, { message, receiptHandle, visibilityDeadline });
  queue.persistence?.updateMessageInflight(
    message.messageId,
    receiptHandle,
    visibilityDeadline,
    message.approximateReceiveCount,
    message.approximateFirstReceiveTimestamp,
  );
  return {
    MessageId: message.messageId,
    ReceiptHandle: receiptHandle,
    MD5OfBody: message.md5OfBody,
    Body: message.body,
    ...(message.md5OfMessageAttributes && { MD5OfMessageAttributes: message.md5OfMessageAttributes }),
    ...(Object.keys(message.messageAttributes).length > 0 && { MessageAttributes: message.messageAttributes }),
  };
}
