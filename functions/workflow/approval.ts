import { type ApprovalRequest, requestApproval } from '../../store/approvals.ts';
import type { AuditStore } from '../../store/audit.ts';

/** Digits of the hash in the approval's id: what is planned again, and comes out otherwise, needs another approval. */
const HASH_DIGITS = 16;

/**
 * Asks for the approval of what a hash says; asking twice for the same is asking once.
 * @param name of what is to be approved, such as `repair-<id>`; the approval's id begins with it.
 * @returns the approval's id.
 * @throws ApprovalTakenError
 */
export async function askForApproval(
  store: AuditStore,
  name: string,
  request: Omit<ApprovalRequest, 'id'>,
): Promise<string> {
  const id = `${name}-${request.hash.slice(0, HASH_DIGITS)}`;
  const result = await requestApproval(store, { id, ...request });
  if (result.kind === 'conflict') {
    throw new ApprovalTakenError(`The approval "${id}" is for another "${result.field}".`);
  }
  return id;
}

/** Something else has the id of the approval that is needed. */
export class ApprovalTakenError extends Error {
  override name = 'ApprovalTakenError';
}
