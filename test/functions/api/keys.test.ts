import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { makeHandler as makeAuthorizer } from '../../../functions/api/authorizer.ts';
import type { KeyDeps } from '../../../functions/api/keys.ts';
import { makeHandler, type OperationsDeps } from '../../../functions/api/operations.ts';
import type { Caller } from '../../../functions/runtime/requests.ts';
import { createApiKey } from '../../../store/api-keys.ts';
import { call, type TestAnswer, type TestCall } from '../../support/api.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

let books: TestBooks;
let time: string;
const now = () => time;
const ADMIN: Caller = { keyId: 'ad'.repeat(8), scopes: ['admin', 'ledger:read', 'ledger:write'] };

beforeAll(async () => {
  books = await startBooks();
  const admin = { id: ADMIN.keyId, name: 'admin', scopes: ADMIN.scopes, createdAt: '2026-11-01T00:00:00.000Z' };
  await createApiKey(books, admin, 'hash');
});
afterAll(() => books.stop());
beforeEach(() => {
  time = '2026-11-20T08:00:00.000Z';
});

/** Only what the operations on keys need; the others are not called here. */
const deps = (): KeyDeps => ({ keys: books, stage: 'dev', chart, now, random: randomBytes });
const send = (route: string, request: TestCall = {}) =>
  call(makeHandler(deps() as OperationsDeps), route, { caller: ADMIN, ...request });

const create = (body: unknown, caller: Partial<Caller> = ADMIN) => send('POST /v1/keys', { body, caller });
const read = (keyId: string) => send('GET /v1/keys/{keyId}', { params: { keyId } });
const rotate = (keyId: string, body: unknown = {}, caller: Partial<Caller> = ADMIN) =>
  send('POST /v1/keys/{keyId}/rotate', { params: { keyId }, body, caller });
const revoke = (keyId: string, caller: Partial<Caller> = ADMIN) =>
  send('POST /v1/keys/{keyId}/revoke', { params: { keyId }, caller });
const authorize = (key: unknown) =>
  makeAuthorizer({ store: books, stage: 'dev', now })({ headers: { authorization: `Bearer ${key}` } });

async function createdId(body: object = {}): Promise<string> {
  const answer = await create({ name: 'svc', scopes: ['ledger:read'], ...body });
  expect(answer.status).toBe(201);
  return String(answer.body.id);
}
function expectProblem(answer: TestAnswer, status: number, kind: string): void {
  expect(answer).toMatchObject({ status, body: { type: `urn:reckoner:problem:${kind}` } });
}

describe('a new key', () => {
  test('is told once, works, and is known by who made it', async () => {
    const { status, body } = await create({
      name: 'acme reader',
      scopes: ['ledger:read'],
      account: 'customer:acme',
      expiresAt: '2026-12-01T00:00:00Z',
    });
    expect(status).toBe(201);
    const { key, ...shown } = body;
    expect(shown).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      name: 'acme reader',
      scopes: ['ledger:read'],
      account: 'customer:acme',
      status: 'active',
      createdAt: time,
      createdBy: ADMIN.keyId,
      expiresAt: '2026-12-01T00:00:00.000Z',
    });
    expect((await read(String(body.id))).body).toEqual(shown);
    expect(await authorize(key)).toEqual({
      isAuthorized: true,
      context: { keyId: body.id, scopes: 'ledger:read', account: 'customer:acme' },
    });
  });

  test('takes the id that its maker chose, and never twice, however alike the requests are', async () => {
    const body = { id: '5d0c1b7fa2e94c38', name: 'svc', scopes: ['ledger:read'] };
    const first = await create(body);
    expect([first.status, first.body.id]).toEqual([201, body.id]);
    const again = await create(body);
    expectProblem(again, 422, 'conflict');
    expect(again.body.errors).toEqual([{ field: 'id', rule: expect.stringContaining('told once') }]);
    expect((await authorize(first.body.key)).isAuthorized).toBe(true);
  });

  test('may not do what its maker may not, and the scope is named', async () => {
    const answer = await create({ name: 'svc', scopes: ['ledger:read', 'billing'] });
    expectProblem(answer, 403, 'missing-scope');
    expect(answer.body.detail).toContain('"billing"');
  });

  test('may not approve, whatever its maker may: such keys are the owner’s to make', async () => {
    const answer = await create(
      { name: 'svc', scopes: ['approve'] },
      { ...ADMIN, scopes: [...ADMIN.scopes, 'approve'] },
    );
    expectProblem(answer, 403, 'missing-scope');
    expect(answer.body.detail).toContain('only the owner of the AWS account');
  });

  test('is not made by a key that is bound to an account, nor by one without the scope', async () => {
    const body = { name: 'svc', scopes: ['ledger:read'] };
    expectProblem(await create(body, { ...ADMIN, account: 'customer:acme' }), 403, 'missing-scope');
    expectProblem(await create(body, { ...ADMIN, scopes: ['ledger:read'] }), 403, 'missing-scope');
  });

  test('is not made in the minute for which the gateway still trusts a key that was revoked or has expired', async () => {
    const revoked = { ...ADMIN, keyId: await createdId() };
    await revoke(revoked.keyId);
    const expired = { ...ADMIN, keyId: await createdId({ expiresAt: '2026-11-20T08:30:00Z' }) };
    time = '2026-11-20T08:30:00.000Z';
    const target = await createdId();
    for (const caller of [revoked, expired]) {
      expectProblem(await create({ name: 'svc', scopes: ['ledger:read'] }, caller), 401, 'unknown-key');
      expectProblem(await rotate(target, {}, caller), 401, 'unknown-key');
      expectProblem(await revoke(target, caller), 401, 'unknown-key');
    }
    expect((await read(target)).body.status).toBe('active');
  });

  test.each([
    ['name', { scopes: ['admin'] }, 'is missing'],
    ['name', { name: '', scopes: ['admin'] }, 'must not be empty'],
    ['name', { name: 'a\nb', scopes: ['admin'] }, 'control characters'],
    ['scopes', { name: 'svc' }, 'is missing'],
    ['scopes', { name: 'svc', scopes: [] }, 'at least one'],
    ['scopes', { name: 'svc', scopes: ['admin', 'admin'] }, 'twice'],
    ['scopes.0', { name: 'svc', scopes: ['everything'] }, 'must be one of usage:write'],
    ['id', { id: 'mine', name: 'svc', scopes: ['admin'] }, '16 hexadecimal digits'],
    ['account', { name: 'svc', scopes: ['admin'], account: 'nobody:x' }, 'chart of accounts'],
    ['expiresAt', { name: 'svc', scopes: ['admin'], expiresAt: '2026-11-20T08:00:00Z' }, 'must be in the future'],
    ['secret', { name: 'svc', scopes: ['admin'], secret: 'x' }, 'is not a known field'],
  ])('is refused by its field "%s" (%j)', async (field, body, rule) => {
    const answer = await create(body);
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toContainEqual({ field, rule: expect.stringContaining(rule) });
  });
});

describe('the list of keys', () => {
  test('goes from page to page and has neither secrets nor digests', async () => {
    const ids = [await createdId(), await createdId(), await createdId()];
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query: Record<string, string> = cursor === undefined ? { limit: '2' } : { limit: '2', cursor };
      const { status, body } = await send('GET /v1/keys', { query });
      expect(status).toBe(200);
      const keys = body.keys as Record<string, unknown>[];
      expect(JSON.stringify(keys)).not.toMatch(/rk_dev|hash/i);
      seen.push(...keys.map(({ id }) => String(id)));
      cursor = body.next as string | undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toEqual(expect.arrayContaining(ids));
  });

  test.each([
    ['limit', { limit: '0' }],
    ['limit', { limit: '201' }],
    ['limit', { limit: 'ten' }],
    ['cursor', { cursor: 'garbled' }],
    ['page', { page: '2' }],
  ])('refuses a query by its field "%s" (%j)', async (field, query) => {
    const answer = await send('GET /v1/keys', { query });
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toContainEqual({ field, rule: expect.any(String) });
  });

  test('is for keys with the scope only', async () => {
    for (const route of ['GET /v1/keys', 'GET /v1/keys/{keyId}']) {
      expectProblem(await send(route, { caller: { ...ADMIN, scopes: ['operations'] } }), 403, 'missing-scope');
    }
  });
});

describe('rotation', () => {
  test('makes a linked key of the same power; the old one works for the overlap and not a moment longer', async () => {
    const old = await create({ name: 'svc', scopes: ['ledger:read'], account: 'customer:acme' });
    const oldId = String(old.body.id);
    const { status, body } = await rotate(oldId, { overlapSeconds: 60 });
    expect(status).toBe(201);
    expect(body).toMatchObject({ replaces: oldId, name: 'svc', scopes: ['ledger:read'], account: 'customer:acme' });
    expect((await read(oldId)).body).toMatchObject({
      status: 'rotated',
      replacedBy: body.id,
      expiresAt: '2026-11-20T08:01:00.000Z',
    });
    time = '2026-11-20T08:00:59.999Z';
    expect((await authorize(old.body.key)).isAuthorized).toBe(true);
    time = '2026-11-20T08:01:00.000Z';
    expect((await authorize(old.body.key)).isAuthorized).toBe(false);
    expect((await authorize(body.key)).isAuthorized).toBe(true);
  });

  test('leaves an hour when nobody says, and keeps an expiry that comes before', async () => {
    const [unlimited, short] = [await createdId(), await createdId({ expiresAt: '2026-11-20T08:10:00Z' })];
    await rotate(unlimited);
    expect((await read(unlimited)).body.expiresAt).toBe('2026-11-20T09:00:00.000Z');
    const successor = await rotate(short, { expiresAt: '2026-12-20T00:00:00Z' });
    expect(successor.body.expiresAt).toBe('2026-12-20T00:00:00.000Z');
    expect((await read(short)).body.expiresAt).toBe('2026-11-20T08:10:00.000Z');
  });

  test('of a key that may do more than the caller is refused, for it would hand that power over', async () => {
    const strong = 'c0'.repeat(8);
    await createApiKey(books, { id: strong, name: 'owner', scopes: ['admin', 'billing'], createdAt: time }, 'hash');
    const answer = await rotate(strong);
    expectProblem(answer, 403, 'missing-scope');
    expect(answer.body.detail).toContain('"billing"');
    expect((await read(strong)).body.status).toBe('active');
  });

  test('is refused for what is not active, revoked before rotated before expired, and unknown before all', async () => {
    expectProblem(await rotate('f0'.repeat(8)), 404, 'not-found');
    expectProblem(await rotate('nothing'), 404, 'not-found');
    const rotated = await createdId();
    const successor = await rotate(rotated, { overlapSeconds: 0 });
    const again = await rotate(rotated);
    expectProblem(again, 409, 'key-rotated');
    expect(again.body.detail).toContain(String(successor.body.id));
    await revoke(rotated);
    expectProblem(await rotate(rotated), 409, 'key-revoked');
    const expired = await createdId({ expiresAt: '2026-11-20T08:30:00Z' });
    time = '2026-11-20T08:30:00.000Z';
    expectProblem(await rotate(expired), 409, 'key-expired');
  });

  test.each([[-1], [604_801], [0.5], ['60'], [null]])('refuses an overlap of %j', async (overlapSeconds) => {
    const answer = await rotate(await createdId(), { overlapSeconds });
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toEqual([{ field: 'overlapSeconds', rule: expect.stringContaining('604800') }]);
  });
});

describe('a key that was revoked', () => {
  test('is let in no more, and revoking it again changes nothing', async () => {
    const { body } = await create({ name: 'svc', scopes: ['ledger:read'] });
    const id = String(body.id);
    const first = await revoke(id);
    expect(first).toMatchObject({
      status: 200,
      body: { status: 'revoked', revokedAt: time, revokedBy: ADMIN.keyId },
    });
    expect((await authorize(body.key)).isAuthorized).toBe(false);
    time = '2026-11-21T08:00:00.000Z';
    expect(await revoke(id)).toMatchObject({ status: 200, body: first.body });
  });

  test('leaves the key that took its place alone', async () => {
    const old = await createdId();
    const successor = await rotate(old);
    await revoke(old);
    expect((await authorize(successor.body.key)).isAuthorized).toBe(true);
  });

  test('must exist', async () => {
    expectProblem(await revoke('f0'.repeat(8)), 404, 'not-found');
    expectProblem(await revoke('F0'.repeat(8)), 404, 'not-found');
    expectProblem(await read('nothing'), 404, 'not-found');
  });
});
