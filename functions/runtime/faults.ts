import { StoreUnavailableError } from '../../store/retry.ts';
import { type Answer, problem } from './answers.ts';
import { logger } from './logger.ts';

/**
 * Infrastructure faults: the caller learns whether to come again and nothing of what stands behind.
 * @param where what was asked for, for the log.
 */
export function answerOfFault(error: unknown, where: Readonly<Record<string, string>>): Answer {
  if (error instanceof StoreUnavailableError) {
    logger.error('The store could not be reached in time', { ...where, error });
    return problem('unavailable', 'Nothing is known to have been done. Send the same request again, with the same id.');
  }
  logger.error('An operation failed', { ...where, error: error instanceof Error ? error : String(error) });
  return problem('internal-error', 'The request may be sent again with the same id; it cannot be done twice.');
}
