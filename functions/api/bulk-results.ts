import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { Problem } from '../../contract/schemas/problems.ts';
import type { transfer } from '../../contract/schemas/transfers.ts';
import type { Bulk, BulkResult } from '../../store/bulk.ts';
import type { Answer } from '../runtime/answers.ts';
import { type Element, resultOf } from './elements.ts';

/** Characters of a detail, and errors with it, that are kept: a hundred results of them are one item of 400 KB (AWS limit). */
const DETAIL_CHARACTERS_MAX = 300;
export const ERRORS_KEPT_MAX = 3;

/**
 * What is kept of an answer. A replay of a transfer that was recorded since the bulk was accepted was created by it: a
 * part that is worked through again, because nobody knows how far the first attempt came, tells the same as the first.
 */
export function resultToKeep(
  { index, id }: Element,
  answer: Answer,
  { acceptedAt }: Pick<Bulk, 'acceptedAt'>,
  again?: true,
): BulkResult {
  const named = { index, ...(id !== undefined && { id }) };
  if (answer.status < 400) {
    const { recordedAt } = answer.body as OutputOf<typeof transfer>;
    const isNew = answer.status === 201 || (again === undefined && recordedAt >= acceptedAt);
    return { ...named, ...(isNew ? { status: 201, result: 'created' } : { status: 200, result: 'replayed' }) };
  }
  const { detail, errors } = answer.body as Problem;
  return {
    ...named,
    status: answer.status,
    result: resultOf(answer),
    detail: detail.slice(0, DETAIL_CHARACTERS_MAX),
    ...(errors !== undefined && { errors: errors.slice(0, ERRORS_KEPT_MAX) }),
  };
}
