import { type ApprovalUse, refusalOfUse, stateOf } from '../../domain/approvals.ts';
import type { Instant } from '../../domain/time.ts';
import { approvalFromItem, getApproval } from '../../store/approvals.ts';
import type { AuditStore } from '../../store/audit.ts';
import type { Item } from '../../store/items.ts';
import { type Answer, problem } from '../runtime/answers.ts';

/** What to tell whoever needs an approval: how to ask anew, and what the approver has to name. */
export interface ApprovalAdvice {
  readonly again: string;
  readonly shown: string;
}

/**
 * Why an approval does not allow what it was to be used for.
 * @param item the approval as it refused; empty where there was none.
 */
export async function answerOfApproval(
  store: AuditStore,
  item: Item,
  use: ApprovalUse,
  now: Instant,
  { again, shown }: ApprovalAdvice,
): Promise<Answer> {
  const approval = Object.keys(item).length > 0 ? approvalFromItem(item) : await getApproval(store, use.id);
  if (refusalOfUse(approval, use) === 'approval-expired') {
    return problem('approval-expired', `The approval "${use.id}" has expired. ${again}`);
  }
  if (approval !== undefined && stateOf(approval, now) === 'rejected') {
    const reason = approval.reason === undefined ? '' : ` ${approval.reason}`;
    return problem('approval-decided', `"${use.id}" was rejected by the key ${approval.decidedBy}.${reason}`);
  }
  return problem('approval-needed', `Somebody else must approve it first: "${use.id}", with ${shown}.`);
}
