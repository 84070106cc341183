import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidKeyRequestError, makeHandler as makeCreateKey } from '../../../functions/admin/create-key.ts';
import { makeHandler as makeAuthorizer } from '../../../functions/api/authorizer.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

let books: TestBooks;
let time = '2026-11-20T08:00:00.000Z';
const now = () => time;

beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());

const createKey = (request: unknown) =>
  makeCreateKey({ store: books, stage: 'dev', now, random: randomBytes })(request);
const authorize = (authorization?: string, stage = 'dev') =>
  makeAuthorizer({ store: books, stage, now })({ ...(authorization !== undefined && { headers: { authorization } }) });

test('a new key is known by its scopes and its account', async () => {
  const { id, key } = await createKey({
    name: 'svc',
    scopes: ['usage:write', 'ledger:write'],
    account: 'customer:acme',
  });
  expect(key).toMatch(/^rk_dev_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
  expect(await authorize(`Bearer ${key}`)).toEqual({
    isAuthorized: true,
    context: { keyId: id, scopes: 'usage:write ledger:write', account: 'customer:acme' },
  });
});

test('nobody is let in by a missing, garbled, guessed or foreign key', async () => {
  const { key } = await createKey({ name: 'svc', scopes: ['admin'] });
  const guessed = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
  for (const attempt of [
    undefined,
    '',
    'Bearer',
    'Bearer x',
    `Basic ${key}`,
    `Bearer ${guessed}`,
    `Bearer ${key} extra`,
  ]) {
    expect((await authorize(attempt)).isAuthorized, attempt).toBe(false);
  }
  expect((await authorize(`Bearer ${key}`, 'prod')).isAuthorized).toBe(false);
});

test('a key stops at its expiry', async () => {
  const { key } = await createKey({ name: 'short', scopes: ['admin'], expiresAt: '2026-11-20T09:00:00Z' });
  expect((await authorize(`Bearer ${key}`)).isAuthorized).toBe(true);
  time = '2026-11-20T09:00:00.000Z';
  expect((await authorize(`Bearer ${key}`)).isAuthorized).toBe(false);
});

test('a request for a key with an unknown scope is refused by name', async () => {
  await expect(createKey({ name: 'svc', scopes: ['everything'] })).rejects.toBeInstanceOf(InvalidKeyRequestError);
});
