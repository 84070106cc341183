import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiKey } from '../../domain/api-keys.ts';
import { type ApprovalUse, refusalOfUse } from '../../domain/approvals.ts';
import { createApiKey, rotateApiKey } from '../../store/api-keys.ts';
import {
  type ApprovalRequest,
  approvalFromItem,
  decideApproval,
  getApproval,
  LINEAGE_KEYS_MAX,
  LineageTooLongError,
  lineageOf,
  listApprovals,
  requestApproval,
  useApproval,
} from '../../store/approvals.ts';
import { appendWith, itemThatRefused, readHead } from '../../store/audit.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;
beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());

const NOW = '2026-11-20T08:00:00.000Z';
const LATER = '2026-11-23T08:00:00.000Z';
const HASH = 'a'.repeat(64);
let count = 0;

function requestOf(more: Partial<ApprovalRequest> = {}): ApprovalRequest {
  count += 1;
  const id = `approval-${count}`;
  return {
    ...{ id, action: 'repair.apply', target: `repair:${count}`, hash: HASH, summary: ['Reverse 2', 'of acme'] },
    ...{ requestedBy: 'key-1', requestedAt: NOW, expiresAt: LATER },
    ...more,
  };
}
async function asked(more: Partial<ApprovalRequest> = {}): Promise<ApprovalRequest> {
  const request = requestOf(more);
  expect((await requestApproval(books, request)).kind).toBe('created');
  return request;
}
const nobodys = async () => false;
const approve = (id: string, by = 'key-2', at = NOW) =>
  decideApproval(books, id, { verdict: 'approved', hash: HASH, by, at }, nobodys);
const useOf = ({ id, action, target }: ApprovalRequest, more: Partial<ApprovalUse> = {}): ApprovalUse => ({
  ...{ id, action, target, hash: HASH, by: target, at: NOW },
  ...more,
});
const use = (of: ApprovalUse) => {
  const entry = { at: of.at, actor: 'key-1', action: 'repair.applied', target: of.target } as const;
  return appendWith(books, { ...entry, details: { approval: of.id } }, [useApproval(books, of)]);
};

describe('a request', () => {
  test('is kept as it was made, listed and audited', async () => {
    const request = await asked();
    const approval = { ...request, state: 'requested' };
    expect(await getApproval(books, request.id)).toEqual(approval);
    expect((await listApprovals(books, 100)).approvals).toContainEqual(approval);
    expect(await readHead(books)).toMatchObject({
      actor: 'key-1',
      action: 'approval.requested',
      target: `approval:${request.id}`,
      details: { for: 'repair.apply', hash: HASH },
    });
  });

  test('is made once: the same again is the same, and something else under its id a conflict', async () => {
    const request = await asked();
    const again = { ...request, requestedAt: LATER };
    expect(await requestApproval(books, again)).toMatchObject({ kind: 'exists', approval: { requestedAt: NOW } });
    for (const field of ['action', 'target', 'hash', 'requestedBy'] as const) {
      expect(await requestApproval(books, { ...request, [field]: 'other' })).toEqual({ kind: 'conflict', field });
    }
  });
});

describe('a decision', () => {
  test('is taken once, by one of many at once, and audited', async () => {
    const { id } = await asked();
    const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((by) => approve(id, by)));
    expect(results.filter(({ kind }) => kind === 'changed')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'approval-decided')).toHaveLength(4);
    const decided = await getApproval(books, id);
    expect(await readHead(books)).toMatchObject({ action: 'approval.approved', actor: decided?.decidedBy });
  });

  test('repeated by the same key changes nothing and is not audited again', async () => {
    const { id } = await asked();
    await approve(id);
    const head = await readHead(books);
    expect(await approve(id, 'key-2', '2026-11-20T09:00:00.000Z')).toMatchObject({
      kind: 'unchanged',
      approval: { decidedAt: NOW },
    });
    expect(await readHead(books)).toEqual(head);
  });

  test('is for ever, and keeps its reason', async () => {
    const { id } = await asked();
    const reject = { verdict: 'rejected', reason: 'Too many.', by: 'key-2', at: NOW } as const;
    expect(await decideApproval(books, id, reject, nobodys)).toMatchObject({ kind: 'changed' });
    expect((await approve(id, 'key-3')).kind).toBe('approval-decided');
    expect(await getApproval(books, id)).toMatchObject({ state: 'rejected', reason: 'Too many.', decidedBy: 'key-2' });
  });

  test('is not for whoever asked, and not after its time', async () => {
    const { id } = await asked();
    const own = { verdict: 'approved', hash: HASH, by: 'key-1', at: NOW } as const;
    expect((await decideApproval(books, id, own, async () => true)).kind).toBe('own-request');
    expect((await approve(id, 'key-2', LATER)).kind).toBe('approval-expired');
    expect((await approve('never-asked')).kind).toBe('not-found');
  });
});

describe('using an approval', () => {
  test('happens once, however many try at once, together with the record of what it is used for', async () => {
    const request = await asked();
    await approve(request.id);
    const results = await Promise.all(Array.from({ length: 8 }, () => use(useOf(request))));
    expect(results.filter(({ kind }) => kind === 'appended')).toHaveLength(1);
    expect(await getApproval(books, request.id)).toMatchObject({ state: 'used', usedBy: request.target, usedAt: NOW });
    expect(await readHead(books)).toMatchObject({ action: 'repair.applied', details: { approval: request.id } });
  });

  test.each<[string, Partial<ApprovalUse>, string]>([
    ['something else was shown', { hash: 'b'.repeat(64) }, 'hash-differs'],
    ['it is for something else', { target: 'repair:other' }, 'hash-differs'],
    ['its time is over', { at: LATER }, 'approval-expired'],
  ])('is refused where %s, and says why', async (_, more, refusal) => {
    const request = await asked();
    await approve(request.id);
    const wanted = useOf(request, more);
    const result = await use(wanted);
    const item = result.kind === 'refused' ? itemThatRefused(result) : undefined;
    expect(refusalOfUse(item && approvalFromItem(item), wanted)).toBe(refusal);
    expect((await getApproval(books, request.id))?.state).toBe('approved');
  });

  test('is refused where nobody approved, or asked', async () => {
    const request = await asked();
    expect((await use(useOf(request))).kind).toBe('refused');
    expect((await use(useOf(requestOf()))).kind).toBe('refused');
  });
});

test('the list has every approval once, newest first, over any pages', async () => {
  const own = await startBooks();
  try {
    for (const day of ['03', '01', '02', '05', '04']) {
      await requestApproval(own, requestOf({ id: day, requestedAt: `2026-11-${day}T00:00:00.000Z` }));
    }
    for (const limit of [1, 2, 5, 50]) {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await listApprovals(own, limit, after);
        seen.push(...page.approvals.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(['05', '04', '03', '02', '01']);
    }
  } finally {
    await own.stop();
  }
});

describe('a lineage', () => {
  const keyOf = (id: string, more: Partial<ApiKey> = {}): ApiKey => ({
    ...{ id, name: 'svc', scopes: ['admin'], createdAt: NOW },
    ...more,
  });

  test('has makers and predecessors over any number of steps', async () => {
    await createApiKey(books, keyOf('root', { person: 'Ada' }), 'hash');
    await createApiKey(books, keyOf('child', { createdBy: 'root' }), 'hash');
    const successor = keyOf('successor', { createdBy: 'rotator', replaces: 'child' });
    await rotateApiKey(books, { old: 'child', oldWorksUntil: LATER, successor, secretHash: 'h', now: NOW });
    const { key, ancestors } = await lineageOf(books, successor);
    expect(key).toEqual({ id: 'successor' });
    expect([...ancestors].sort()).toEqual(['child', 'root', 'rotator']);
    expect(await lineageOf(books, keyOf('root', { person: 'Ada' }))).toEqual({
      key: { id: 'root', person: 'Ada' },
      ancestors: new Set(),
    });
  });

  test('ends also where keys made each other, which only somebody past this code can write', async () => {
    await createApiKey(books, keyOf('a', { createdBy: 'b' }), 'hash');
    await createApiKey(books, keyOf('b', { createdBy: 'a' }), 'hash');
    expect([...(await lineageOf(books, keyOf('a', { createdBy: 'b' }))).ancestors].sort()).toEqual(['a', 'b']);
  });

  test('that is too long is no lineage', async () => {
    let made = 0;
    const endless = {
      ...books,
      client: Object.assign(Object.create(books.client), {
        send: async () => ({
          Item: {
            ...{ id: { S: 'x' }, name: { S: 'x' }, createdAt: { S: NOW }, secretHash: { S: 'x' }, scopes: { L: [] } },
            createdBy: { S: `made-${made++}` },
          },
        }),
      }),
    };
    await expect(lineageOf(endless, keyOf('x', { createdBy: 'y' }))).rejects.toBeInstanceOf(LineageTooLongError);
    expect(made).toBeLessThanOrEqual(LINEAGE_KEYS_MAX + 1);
  });
});
