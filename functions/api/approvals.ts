import type * as z from 'zod';
import { APPROVALS_LISTED } from '../../contract/limits.ts';
import type { approval as approvalSchema } from '../../contract/schemas/approvals.ts';
import type { ApiKey } from '../../domain/api-keys.ts';
import {
  type Approval,
  type ApprovalState,
  type DecisionResult,
  isSamePerson,
  stateOf,
  type Verdict,
} from '../../domain/approvals.ts';
import { ID_PATTERN } from '../../domain/ids.ts';
import { type Instant, parseInstant } from '../../domain/time.ts';
import { type ApiKeyStore, getApiKey } from '../../store/api-keys.ts';
import * as approvals from '../../store/approvals.ts';
import type { AuditStore } from '../../store/audit.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf, QueryOf } from '../runtime/pipeline.ts';
import { printable } from '../runtime/requests.ts';
import { noLongerUsable, usableKeyOf } from './keys.ts';

export interface ApprovalDeps {
  readonly audit: AuditStore;
  readonly keys: ApiKeyStore;
  readonly now: () => Instant;
}

export async function listApprovals(
  { audit, now }: ApprovalDeps,
  { query }: ApiRequest<undefined, QueryOf<'listApprovals'>>,
): Promise<Answer> {
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
  if (query.cursor !== undefined && after === undefined) {
    return invalid([{ field: 'cursor', rule: 'must be the `next` of the page before' }]);
  }
  const time = now();
  const page = await approvals.listApprovals(audit, query.limit ?? APPROVALS_LISTED, after);
  const rendered = page.approvals.map((approval) => render(approval, time));
  return ok(200, {
    approvals: rendered.filter(({ state }) => query.state === undefined || state === query.state),
    ...(page.next !== undefined && { next: Buffer.from(page.next).toString('base64url') }),
  });
}

export async function getApproval({ audit, now }: ApprovalDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.approvalId ?? '';
  const approval = ID_PATTERN.test(id) ? await approvals.getApproval(audit, id) : undefined;
  return approval === undefined ? unknown(id) : ok(200, render(approval, now()));
}

/**
 * Approves or rejects. In order: 401, 404, 403 own request, 422 another hash, 200 said before, 409 used, 409 decided,
 * 409 expired, 200. What was approved and is not used yet may still be rejected. The gateway remembers for a minute that a key was good, so who decides is looked up again.
 */
export async function decideApproval(
  deps: ApprovalDeps,
  verdict: Verdict,
  { body, caller, params }: ApiRequest<BodyOf<'approve'> | BodyOf<'reject'>>,
): Promise<Answer> {
  const at = deps.now();
  const approver = await usableKeyOf(deps, caller, at);
  if (approver === undefined) return noLongerUsable();
  const id = params.approvalId ?? '';
  if (!ID_PATTERN.test(id)) return unknown(id);
  const decision = { verdict, hash: body.hash, reason: body.reason, by: approver.id, at };
  const result = await approvals.decideApproval(deps.audit, id, decision, (approval) =>
    isOwnRequest(deps, approval, approver),
  );
  return answerOf(result, id, at);
}

/** Whether whoever decides counts as whoever asked. Where too many keys stand behind one to tell, it does. */
async function isOwnRequest(deps: ApprovalDeps, { requestedBy }: Approval, approver: ApiKey): Promise<boolean> {
  const requester = (await getApiKey(deps.keys, requestedBy)) ?? { id: requestedBy };
  try {
    const [asked, answers] = await Promise.all([
      approvals.lineageOf(deps.audit, requester),
      approvals.lineageOf(deps.audit, approver),
    ]);
    return isSamePerson(asked, answers);
  } catch (error) {
    if (error instanceof approvals.LineageTooLongError) return true;
    throw error;
  }
}

function answerOf(result: DecisionResult, id: string, now: Instant): Answer {
  switch (result.kind) {
    case 'changed':
      return ok(200, render(result.approval, now));
    case 'unchanged':
      return replayed(render(result.approval, now));
    case 'not-found':
      return unknown(id);
    case 'own-request': {
      const detail = `The approval "${id}" was asked for with this key, with another key of this person, or with one that comes from the same key. Somebody else must decide, with a key that the owner of the AWS account made.`;
      return problem('own-request', detail);
    }
    case 'hash-differs': {
      const rule = `is not the hash of the approval "${id}"; read again what is to be approved`;
      return problem('hash-differs', `"hash" ${rule}.`, [{ field: 'hash', rule }]);
    }
    case 'approval-used':
      return problem('approval-used', `What the approval "${id}" was given for was done.`);
    case 'approval-decided': {
      const { state, decidedBy, decidedAt } = result.approval;
      return problem('approval-decided', `"${id}" was ${state} by the key ${decidedBy} at ${decidedAt}.`);
    }
    case 'approval-expired':
      return problem('approval-expired', `"${id}" can be neither approved nor rejected any more. Ask for a new one.`);
  }
}

function unknown(id: string): Answer {
  return problem('not-found', `There is no approval "${printable(id)}".`);
}

function render(approval: Approval, now: Instant): z.infer<typeof approvalSchema> {
  const state: ApprovalState = stateOf(approval, now);
  return { ...approval, summary: [...approval.summary], state };
}

/** A cursor is the place in the list, `<time>#<id>`, in base64. */
function readCursor(cursor: string): string | undefined {
  const place = Buffer.from(cursor, 'base64url').toString();
  const [time = '', id = ''] = place.split('#');
  return parseInstant(time) === time && ID_PATTERN.test(id) && place === `${time}#${id}` ? place : undefined;
}
