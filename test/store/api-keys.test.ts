import { DynamoDBClient, QueryCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiKey } from '../../domain/api-keys.ts';
import {
  createApiKey,
  getApiKey,
  getCredential,
  listApiKeys,
  noteKeyUse,
  revokeApiKey,
  rotateApiKey,
} from '../../store/api-keys.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;
const NOW = '2026-11-20T08:00:00.000Z';
const LATER = '2026-11-20T09:00:00.000Z';

beforeAll(async () => {
  books = await startBooks();
});
afterAll(() => books.stop());

let made = 0;
const keyOf = (more: Partial<ApiKey> = {}): ApiKey => {
  made += 1;
  const id = made.toString(16).padStart(16, '0');
  return { id, name: 'svc', scopes: ['ledger:read', 'admin'], createdAt: NOW, ...more };
};
async function create(more: Partial<ApiKey> = {}): Promise<ApiKey> {
  const key = keyOf(more);
  expect(await createApiKey(books, key, 'hash')).toEqual({ kind: 'created' });
  return key;
}
const successionOf = (old: ApiKey, successor = keyOf({ replaces: old.id })) => ({
  old: old.id,
  oldWorksUntil: LATER,
  successor,
  secretHash: 'new-hash',
  now: NOW,
});

describe('a key', () => {
  test('is read as it was written, its digest apart', async () => {
    const key = await create({ account: 'customer:acme', createdBy: 'f'.repeat(16), expiresAt: LATER });
    expect(await getApiKey(books, key.id)).toEqual(key);
    expect(await getCredential(books, key.id)).toEqual({ key, secretHash: 'hash' });
    expect(await getApiKey(books, 'e'.repeat(16))).toBeUndefined();
  });

  test('does not take the id of another, and is not taken for another when its answer was lost', async () => {
    const key = await create();
    expect(await createApiKey(books, { ...key, name: 'other' }, 'other-hash')).toEqual({ kind: 'taken' });
    expect(await createApiKey(books, key, 'hash')).toEqual({ kind: 'created' });
    expect((await getApiKey(books, key.id))?.name).toBe('svc');
  });

  test('is revoked once; who did it first stays', async () => {
    const key = await create();
    expect(await revokeApiKey(books, key.id, 'first', NOW)).toMatchObject({ revokedAt: NOW, revokedBy: 'first' });
    expect(await revokeApiKey(books, key.id, 'second', LATER)).toMatchObject({ revokedAt: NOW, revokedBy: 'first' });
    expect(await revokeApiKey(books, 'e'.repeat(16), 'first', NOW)).toBeUndefined();
    expect(await getApiKey(books, 'e'.repeat(16))).toBeUndefined();
  });

  test('remembers the day of its use, and a key that is gone does not come into being by it', async () => {
    const key = await create();
    await noteKeyUse(books, key.id, '2026-11-20', AbortSignal.timeout(60_000));
    expect(await getApiKey(books, key.id)).toEqual({ ...key, lastUsedOn: '2026-11-20' });
    await expect(noteKeyUse(books, 'e'.repeat(16), '2026-11-20', AbortSignal.timeout(60_000))).rejects.toThrow();
    expect(await getApiKey(books, 'e'.repeat(16))).toBeUndefined();
  });
});

test('noting the day of use ends when its time is up, and is not tried again', async () => {
  const key = await create();
  await expect(noteKeyUse(books, key.id, '2026-11-20', AbortSignal.abort())).rejects.toThrow('abort');
  expect(await getApiKey(books, key.id)).toEqual(key);
});

describe('rotation', () => {
  test('writes the new key and ends the old one together', async () => {
    const old = await create();
    const succession = successionOf(old);
    expect(await rotateApiKey(books, succession)).toEqual({ kind: 'rotated' });
    expect(await getApiKey(books, old.id)).toEqual({ ...old, replacedBy: succession.successor.id, expiresAt: LATER });
    expect(await getCredential(books, succession.successor.id)).toEqual({
      key: succession.successor,
      secretHash: 'new-hash',
    });
  });

  test('refuses a key that was revoked, rotated or has expired, and writes nothing', async () => {
    const [revoked, rotated, expired] = [await create(), await create(), await create({ expiresAt: NOW })];
    await revokeApiKey(books, revoked.id, 'admin', NOW);
    await rotateApiKey(books, successionOf(rotated));
    for (const old of [revoked, rotated, expired]) {
      const succession = successionOf(old);
      expect(await rotateApiKey(books, succession)).toMatchObject({ kind: 'refused', key: { id: old.id } });
      expect(await getApiKey(books, succession.successor.id)).toBeUndefined();
    }
  });

  test('of one key twenty times at once makes one new key', async () => {
    const old = await create();
    const successions = Array.from({ length: 20 }, () => successionOf(old));
    const results = await Promise.all(successions.map((succession) => rotateApiKey(books, succession)));
    expect(results.filter(({ kind }) => kind === 'rotated')).toHaveLength(1);
    const written = await Promise.all(successions.map(({ successor }) => getApiKey(books, successor.id)));
    const survivors = written.filter((key) => key !== undefined);
    expect(survivors.map(({ id }) => id)).toEqual([(await getApiKey(books, old.id))?.replacedBy]);
  });

  test('is done once though its answer was lost', async () => {
    const old = await create();
    const succession = successionOf(old);
    const client = new DynamoDBClient({ region: 'us-east-1' });
    const lost = Object.assign(new Error('lost'), { name: 'TimeoutError' });
    mockClient(client)
      .on(QueryCommand)
      .callsFake((input) => books.client.send(new QueryCommand(input)))
      .on(TransactWriteItemsCommand)
      .callsFakeOnce(async (input) => {
        await books.client.send(new TransactWriteItemsCommand(input));
        throw lost;
      })
      .callsFake((input) => books.client.send(new TransactWriteItemsCommand(input)));
    expect(await rotateApiKey({ ...books, client }, succession)).toEqual({ kind: 'rotated' });
  });
});

describe('the list', () => {
  test('has every key once, in order of ids, over any pages', async () => {
    const own = await startBooks();
    try {
      const keys = Array.from({ length: 7 }, () => keyOf());
      await Promise.all(keys.map((key) => createApiKey(own, key, 'hash')));
      for (const limit of [1, 2, 3, 7, 50]) {
        const seen: ApiKey[] = [];
        let after: string | undefined;
        let pages = 0;
        do {
          const page = await listApiKeys(own, limit, after);
          seen.push(...page.keys);
          after = page.next;
          pages += 1;
        } while (after !== undefined);
        expect(seen).toEqual(keys);
        expect(pages).toBe(Math.ceil(keys.length / limit));
      }
    } finally {
      await own.stop();
    }
  });

  test('never asks for the digests of secrets', async () => {
    const client = new DynamoDBClient({ region: 'us-east-1' });
    const mock = mockClient(client);
    mock.on(QueryCommand).resolves({ Items: [] });
    await listApiKeys({ ...books, client }, 10);
    const { ProjectionExpression, ExpressionAttributeNames } = mock.commandCalls(QueryCommand)[0]?.args[0].input ?? {};
    expect(ProjectionExpression).toBeTypeOf('string');
    expect(Object.values(ExpressionAttributeNames ?? {})).not.toContain('secretHash');
  });
});
