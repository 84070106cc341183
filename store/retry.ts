import { DynamoDBServiceException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';

/** Time and chance, as arguments, so that tests wait for nothing and repeat exactly. */
export interface RetryClock {
  now(): number;
  random(): number;
  sleep(milliseconds: number): Promise<void>;
}

export const systemClock: RetryClock = {
  now: Date.now,
  random: Math.random,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** First wait at most 25 ms: two transactions that met once seldom meet again. */
const FIRST_WAIT_MS = 25;
/** Wait at most 400 ms: several attempts must fit before the deadline. */
const LONGEST_WAIT_MS = 400;
/**
 * Milliseconds after which no new attempt is begun; one that has begun may last as long as the client waits for one
 * answer. A caller's own timeout is rarely shorter, and it is told to come again.
 */
export const WRITE_DEADLINE_MS = 3_000;

/** The table could not be reached, or stayed contended, until the deadline. Nothing is known to have been written. */
export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

/**
 * Tries a call again while it fails for a passing reason, with full jitter (AWS Architecture Blog, "Exponential
 * Backoff And Jitter"), until the deadline. The call must be idempotent: a timeout may hide a write that happened.
 * @throws StoreUnavailableError when the deadline passes; any other fault is thrown at once as it is.
 */
export async function retryTransient<T>(
  call: () => Promise<T>,
  clock: RetryClock = systemClock,
  deadlineMs: number = WRITE_DEADLINE_MS,
): Promise<T> {
  const deadline = clock.now() + deadlineMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!isTransient(error)) throw error;
      const wait = clock.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
      if (clock.now() + wait >= deadline) {
        throw new StoreUnavailableError(`Gave up after ${attempt + 1} attempts: ${describe(error)}`, { cause: error });
      }
      await clock.sleep(wait);
    }
  }
}

const TRANSIENT_NAMES = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'InternalServerError',
  'InternalServerErrorException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'TransactionConflictException',
  'TransactionInProgressException',
  // Some items of a batch were read and others not: see batch-get.ts.
  'UnprocessedKeysError',
  'TimeoutError',
  'NetworkingError',
]);
const TRANSIENT_CODES = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH']);
const TRANSIENT_REASONS = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** Whether the same call may succeed a moment later. A failed condition is an answer and not transient. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TransactionCanceledException) {
    return (error.CancellationReasons ?? []).some((reason) => TRANSIENT_REASONS.has(reason.Code ?? ''));
  }
  if (!(error instanceof Error)) return false;
  if (TRANSIENT_NAMES.has(error.name) || ('code' in error && TRANSIENT_CODES.has(String(error.code)))) return true;
  return error instanceof DynamoDBServiceException && (error.$metadata.httpStatusCode ?? 0) >= 500;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
