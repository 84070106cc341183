import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import type { ApprovalDeps } from '../../../functions/api/approvals.ts';
import type { KeyDeps } from '../../../functions/api/keys.ts';
import { makeHandler, type OperationsDeps } from '../../../functions/api/operations.ts';
import { createApiKey, revokeApiKey } from '../../../store/api-keys.ts';
import { requestApproval } from '../../../store/approvals.ts';
import { call, type TestCall } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

let books: TestBooks;
beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());

const NOW = '2026-11-20T08:00:00.000Z';
const HASH = 'a'.repeat(64);
const SCOPES = ['admin', 'approve', 'operations'];
/** What a key may be made with by another. */
const GRANTED = ['admin', 'operations'];
let count = 0;
const newKeyId = () => (++count).toString(16).padStart(16, '0');

const deps = (): ApprovalDeps & KeyDeps => ({
  ...{ audit: books, keys: books, stage: 'dev', chart, now: () => NOW, random: randomBytes },
});
const send = (route: string, keyId: string, request: TestCall = {}) =>
  call(makeHandler(deps() as OperationsDeps), route, { ...request, caller: { keyId, scopes: SCOPES } });
const approve = (approvalId: string, keyId: string, hash = HASH) =>
  send('POST /v1/approvals/{approvalId}/approve', keyId, { params: { approvalId }, body: { hash } });

/** A key that the owner of the AWS account made. */
async function ownersKey(person?: string, scopes = SCOPES): Promise<string> {
  const key = { id: newKeyId(), name: 'svc', scopes, createdAt: NOW };
  await createApiKey(books, { ...key, ...(person !== undefined && { person }) }, 'hash');
  return key.id;
}
async function keyMadeBy(maker: string, person?: string): Promise<string> {
  const body = { name: 'svc', scopes: GRANTED, person };
  const answer = await send('POST /v1/keys', maker, { body });
  expect(answer.status).toBe(201);
  return String(answer.body.id);
}
async function rotatedBy(keyId: string, rotated: string): Promise<string> {
  const answer = await send('POST /v1/keys/{keyId}/rotate', keyId, { params: { keyId: rotated }, body: {} });
  expect(answer.status).toBe(201);
  return String(answer.body.id);
}
async function askedBy(requestedBy: string, expiresAt = '2026-11-23T08:00:00.000Z'): Promise<string> {
  const id = `approval-${++count}`;
  const what = { action: 'repair.apply', target: 'repair:1', hash: HASH, summary: ['Reverse 2 charges of acme'] };
  await requestApproval(books, { id, ...what, requestedBy, requestedAt: NOW, expiresAt });
  return id;
}

describe('a second person', () => {
  test('reads what is asked, and approves it by its hash', async () => {
    const [requester, approver] = [await ownersKey(), await ownersKey()];
    const approvalId = await askedBy(requester);
    const read = await send('GET /v1/approvals/{approvalId}', approver, { params: { approvalId } });
    expect(read.body).toMatchObject({ state: 'requested', summary: ['Reverse 2 charges of acme'], hash: HASH });
    const answer = await approve(approvalId, approver, String(read.body.hash));
    expect(answer).toMatchObject({ status: 200, body: { state: 'approved', decidedBy: approver } });
    expect((await approve(approvalId, approver)).headers['idempotent-replayed']).toBe('true');
  });

  test('must hold a key that still is one: the minute that the gateway remembers a key is no time to approve', async () => {
    const [requester, approver] = [await ownersKey(), await ownersKey()];
    await revokeApiKey(books, approver, 'owner', NOW);
    const answer = await approve(await askedBy(requester), approver);
    expect(answer).toMatchObject({ status: 401, body: { type: 'urn:reckoner:problem:unknown-key' } });
  });
});

describe('nobody approves what they asked for', () => {
  const refused = { status: 403, body: { type: 'urn:reckoner:problem:own-request' } };

  test('with the same key, administrators included', async () => {
    const admin = await ownersKey();
    expect(await approve(await askedBy(admin), admin)).toMatchObject(refused);
  });

  test('with a key that they made, or that a key made which they made, whatever person it names', async () => {
    const admin = await ownersKey('Ada');
    const child = await keyMadeBy(admin, 'Bob');
    const grandchild = await keyMadeBy(child, 'Carol');
    const approvalId = await askedBy(admin);
    expect(await approve(approvalId, child)).toMatchObject(refused);
    expect(await approve(approvalId, grandchild)).toMatchObject(refused);
  });

  test('by asking with a key that they made, or with one of two that they made', async () => {
    const admin = await ownersKey();
    const [puppet, other] = [await keyMadeBy(admin), await keyMadeBy(admin)];
    const approvalId = await askedBy(puppet);
    expect(await approve(approvalId, admin)).toMatchObject(refused);
    expect(await approve(approvalId, other)).toMatchObject(refused);
  });

  test('with the key that took the place of theirs, or theirs before it', async () => {
    const requester = await ownersKey('Ada');
    const successor = await rotatedBy(requester, requester);
    expect(await approve(await askedBy(requester), successor)).toMatchObject(refused);
    expect(await approve(await askedBy(successor), requester)).toMatchObject(refused);
  });

  test('by asking with a key that names another person and that they made, or made of a colleague’s by rotating it', async () => {
    const [admin, colleague] = [await ownersKey('Ada'), await ownersKey('Bob', GRANTED)];
    expect(await approve(await askedBy(await keyMadeBy(admin, 'Nobody in particular')), admin)).toMatchObject(refused);
    expect(await approve(await askedBy(await rotatedBy(admin, colleague)), admin)).toMatchObject(refused);
  });

  test('with a key that may approve and that they made or rotated: nobody makes or rotates one but the owner and its holder', async () => {
    const [admin, colleague] = [await ownersKey('Ada'), await ownersKey('Bob')];
    const noPower = { status: 403, body: { type: 'urn:reckoner:problem:missing-scope' } };
    expect(await send('POST /v1/keys', admin, { body: { name: 'svc', scopes: ['approve'] } })).toMatchObject(noPower);
    const params = { keyId: colleague };
    expect(await send('POST /v1/keys/{keyId}/rotate', admin, { params, body: {} })).toMatchObject(noPower);
    const own = await send('POST /v1/keys/{keyId}/rotate', colleague, { params, body: {} });
    expect(own).toMatchObject({ status: 201, body: { scopes: SCOPES, person: 'Bob' } });
  });

  test('with another key of the same person', async () => {
    const [one, other] = [await ownersKey('ada@example.com'), await ownersKey('Ada@example.com')];
    expect(await approve(await askedBy(one), other)).toMatchObject(refused);
  });
});

test('what a key asks for that an administrator made is approved by another whose key the owner made', async () => {
  const [admin, bob] = [await ownersKey('Ada'), await ownersKey('Bob')];
  expect(await approve(await askedBy(await keyMadeBy(admin, 'Ada')), bob)).toMatchObject({ status: 200 });
});

test('what was approved and is not used yet is withdrawn by anybody but whoever asked, such as after a key was stolen', async () => {
  const [requester, thief, other] = [await ownersKey(), await ownersKey(), await ownersKey()];
  const approvalId = await askedBy(requester);
  await approve(approvalId, thief);
  await revokeApiKey(books, thief, other, NOW);
  const reject = (keyId: string) =>
    send('POST /v1/approvals/{approvalId}/reject', keyId, { params: { approvalId }, body: { reason: 'Stolen key.' } });
  expect((await reject(requester)).status).toBe(403);
  expect(await reject(other)).toMatchObject({ status: 200, body: { state: 'rejected', decidedBy: other } });
  expect((await reject(other)).headers['idempotent-replayed']).toBe('true');
  expect(await approve(approvalId, await ownersKey())).toMatchObject({ status: 409 });
});

describe('the list', () => {
  test('is filtered by state, in which time is considered, and goes on by its cursor', async () => {
    const [requester, approver] = [await ownersKey(), await ownersKey()];
    const [open, expired] = [await askedBy(requester), await askedBy(requester, NOW)];
    const list = (query: Record<string, string>) => send('GET /v1/approvals', approver, { query });
    const idsOf = (answer: { body: Record<string, unknown> }) =>
      (answer.body.approvals as { id: string }[]).map(({ id }) => id);
    expect(idsOf(await list({ state: 'requested', limit: '100' }))).toContain(open);
    expect(idsOf(await list({ state: 'expired', limit: '100' }))).toEqual([expired]);
    const first = await list({ limit: '1' });
    const second = await list({ limit: '1', cursor: String(first.body.next) });
    expect(idsOf(second)).not.toEqual(idsOf(first));
    for (const cursor of ['nonsense', Buffer.from('x#y').toString('base64url')]) {
      expect(await list({ cursor })).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } });
    }
  });

  test('and a single approval say when there is none', async () => {
    const key = await ownersKey();
    for (const approvalId of ['never-asked', 'not an id']) {
      const answer = await send('GET /v1/approvals/{approvalId}', key, { params: { approvalId } });
      expect(answer.status).toBe(404);
      expect((await approve(approvalId, key)).status).toBe(404);
    }
  });
});
