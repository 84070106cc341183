import {
  type CancellationReason,
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import type { Item } from './values.ts';

/** Faults as the SDK throws them. */

const $metadata = { httpStatusCode: 400 };

export function conditionFailed(item: Item | undefined): Error {
  const message = 'The conditional request failed';
  return new ConditionalCheckFailedException({ message, $metadata, ...(item !== undefined && { Item: item }) });
}

export function cancelled(reasons: readonly CancellationReason[]): Error {
  const codes = reasons.map(({ Code }) => Code).join(', ');
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  return new TransactionCanceledException({ message, $metadata, CancellationReasons: [...reasons] });
}

/** A fault by its name alone. */
export function serviceFault(name: string, message: string, httpStatusCode = 400): Error {
  const $fault = httpStatusCode >= 500 ? 'server' : 'client';
  return new DynamoDBServiceException({ name, message, $fault, $metadata: { httpStatusCode } });
}

export function invalid(message: string): Error {
  return serviceFault('ValidationException', message);
}

/** What the request handler throws when no answer comes in time. */
export function timedOut(): Error {
  return Object.assign(new Error('Connection timed out after 1200 ms'), { name: 'TimeoutError' });
}
