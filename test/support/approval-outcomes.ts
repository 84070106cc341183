import { makeHandler, type OperationsDeps } from '../../functions/api/operations.ts';
import { createApiKey } from '../../store/api-keys.ts';
import { requestApproval, useApproval } from '../../store/approvals.ts';
import { appendWith } from '../../store/audit.ts';
import { call, type TestAnswer } from './api.ts';
import { NOW, type TestLedger } from './ledger.ts';

export const APPROVE = 'POST /v1/approvals/{approvalId}/approve';
export const REJECT = 'POST /v1/approvals/{approvalId}/reject';

const HASH = 'a'.repeat(64);
const OTHER_HASH = 'b'.repeat(64);
const WHAT = { action: 'repair.apply', target: 'repair:1', hash: HASH };
/** Keys of two people, and of one who also may decide. */
const [ASKS, DECIDES, ALSO_DECIDES] = ['a0'.repeat(8), 'b0'.repeat(8), 'c0'.repeat(8)];

/** How each row of the tables about approvals comes about. */
export function approvalProvocations(
  ledger: () => TestLedger,
): Record<string, Record<string, () => Promise<TestAnswer>>> {
  let count = 0;

  async function asked(expiresAt = '2026-11-23T08:00:00.000Z'): Promise<string> {
    const { books } = ledger();
    for (const id of [ASKS, DECIDES, ALSO_DECIDES]) {
      await createApiKey(books, { id, name: 'svc', scopes: ['approve'], createdAt: NOW }, 'hash');
    }
    count += 1;
    const id = `outcome-${count}`;
    const request = { ...WHAT, id, summary: ['Reverse 2 charges'], requestedBy: ASKS, requestedAt: NOW, expiresAt };
    await requestApproval(books, request);
    return id;
  }
  const decide = (route: string, approvalId: string, keyId = DECIDES, hash = HASH) => {
    const { books } = ledger();
    const deps: Pick<OperationsDeps, 'audit' | 'keys' | 'now'> = { audit: books, keys: books, now: () => NOW };
    const body = { hash, reason: 'Looks right, or wrong.' };
    const request = { params: { approvalId }, body, caller: { keyId, scopes: ['approve'] } };
    return call(makeHandler(deps as OperationsDeps), route, request);
  };
  const decided = async (route: string) => {
    const id = await asked();
    await decide(route, id);
    return id;
  };
  const used = async () => {
    const { books } = ledger();
    const id = await decided(APPROVE);
    const use = useApproval(books, { ...WHAT, id, by: WHAT.target, at: NOW });
    const entry = { at: NOW, actor: ASKS, action: 'repair.applied', target: WHAT.target } as const;
    await appendWith(books, { ...entry, details: { approval: id } }, [use]);
    return id;
  };
  const scenes = (route: string) => ({
    'not-found': async () => {
      await asked();
      return decide(route, 'never-asked');
    },
    'own-request': async () => decide(route, await asked(), ASKS),
    'hash-differs': async () => decide(route, await asked(), DECIDES, OTHER_HASH),
    unchanged: async () => decide(route, await decided(route)),
    'approval-used': async () => decide(route, await used(), ALSO_DECIDES),
    'approval-decided': async () => decide(route, await decided(route), ALSO_DECIDES),
    'approval-expired': async () => decide(route, await asked(NOW)),
    changed: async () => decide(route, await asked()),
  });
  const withdrawn = async () => decide(REJECT, await decided(APPROVE), ALSO_DECIDES);
  return { [APPROVE]: scenes(APPROVE), [REJECT]: { ...scenes(REJECT), 'changed again': withdrawn } };
}
