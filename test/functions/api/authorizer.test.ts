import { randomBytes } from 'node:crypto';
import {
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { InvalidKeyRequestError, makeHandler as makeCreateKey } from '../../../functions/admin/create-key.ts';
import { makeHandler as makeAuthorizer } from '../../../functions/api/authorizer.ts';
import { getApiKey } from '../../../store/api-keys.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

let books: TestBooks;
let time: string;
const now = () => time;

beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());
beforeEach(() => {
  time = '2026-11-20T08:00:00.000Z';
});

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

test('a request for a key whose id another has is refused', async () => {
  const request = { id: '00c0ffee00c0ffee', name: 'svc', scopes: ['admin'] };
  const { key } = await createKey(request);
  await expect(createKey(request)).rejects.toThrow('belongs to a key');
  expect((await authorize(`Bearer ${key}`)).isAuthorized).toBe(true);
});

describe('the day of use', () => {
  const MINUTE_BEFORE_MIDNIGHT = '2026-11-20T23:59:00.000Z';
  const idOf = (key: string) => key.split('_')[2] ?? '';
  const lastUse = async (key: string) => (await getApiKey(books, idOf(key)))?.lastUsedOn;
  /** A store that counts the notes, or lets something else happen in their place. */
  function watched(note: (input: UpdateItemCommandInput) => unknown) {
    const client = new DynamoDBClient({ region: 'us-east-1' });
    const mock = mockClient(client);
    mock.on(GetItemCommand).callsFake((input) => books.client.send(new GetItemCommand(input)));
    mock.on(UpdateItemCommand).callsFake(note);
    const handler = makeAuthorizer({ store: { ...books, client }, stage: 'dev', now });
    return {
      use: async (key: string) => (await handler({ headers: { authorization: `Bearer ${key}` } })).isAuthorized,
      notes: () => mock.commandCalls(UpdateItemCommand).length,
    };
  }
  const pass = (input: UpdateItemCommandInput) => books.client.send(new UpdateItemCommand(input));

  test('is noted once a day for each key, by whichever instance comes first', async () => {
    time = MINUTE_BEFORE_MIDNIGHT;
    const [{ key }, { key: other }] = [
      await createKey({ name: 'svc', scopes: ['admin'] }),
      await createKey({ name: 'svc', scopes: ['admin'] }),
    ];
    const [first, second] = [watched(pass), watched(pass)];
    for (const instance of [first, first, second]) expect(await instance.use(key)).toBe(true);
    expect([first.notes(), second.notes()]).toEqual([1, 0]);
    expect([await lastUse(key), await lastUse(other)]).toEqual(['2026-11-20', undefined]);
    time = '2026-11-21T00:00:00.000Z';
    await second.use(key);
    expect([await lastUse(key), second.notes()]).toEqual(['2026-11-21', 1]);
  });

  test('is not that of a caller who was turned away', async () => {
    const { key } = await createKey({ name: 'svc', scopes: ['admin'], expiresAt: '2026-11-20T09:00:00Z' });
    time = '2026-11-20T09:00:00.000Z';
    const instance = watched(pass);
    expect(await instance.use(key)).toBe(false);
    expect(await instance.use(`${key.slice(0, -4)}AAAA`)).toBe(false);
    expect(instance.notes()).toBe(0);
  });

  test('fails no request when it cannot be noted, and is not tried again that day', async () => {
    const { key } = await createKey({ name: 'svc', scopes: ['admin'] });
    const instance = watched(() => {
      throw new Error('down');
    });
    expect([await instance.use(key), await instance.use(key)]).toEqual([true, true]);
    expect(instance.notes()).toBe(1);
  });
});
