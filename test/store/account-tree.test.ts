import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAccountTree, TooManyAccountsError } from '../../store/account-tree.ts';
import { openAccount } from '../../store/accounts.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

const NOW = '2026-11-20T08:00:00.000Z';
let books: TestBooks;

beforeAll(async () => {
  books = await startBooks();
  for (const id of [
    'customer:acme:team-2',
    'customer:acme',
    'customer:acme:team-1:night',
    'customer:acme:team-1',
    'customer:acme:team-10',
    'customer:acmecorp',
    'customer:acmecorp:team-1',
    'customer:acme-2:team-1',
    'customer:headless:team-1',
    ...Array.from({ length: 230 }, (_, index) => `customer:wide:m${String(index).padStart(3, '0')}`),
  ]) {
    await open(id);
  }
});
afterAll(() => books.stop());

async function open(id: string): Promise<void> {
  const account = { id, asset: 'TOKEN', balance: 'strict', status: 'open', openedOn: '2026-11-20' } as const;
  const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
  await openAccount(books, { ...account, createdAt: NOW, creditLimit: 0n, figures }, {});
}

const idsBelow = async (path: string, most = 1_000) =>
  (await readAccountTree(books, path, most)).map(({ account }) => account.id);

describe('an account tree', () => {
  test('is the account and all below it, segment by segment, in order of id', async () => {
    expect(await idsBelow('customer:acme')).toEqual([
      'customer:acme',
      'customer:acme:team-1',
      'customer:acme:team-10',
      'customer:acme:team-1:night',
      'customer:acme:team-2',
    ]);
  });

  test('may begin anywhere', async () => {
    expect(await idsBelow('customer:acme:team-1')).toEqual(['customer:acme:team-1', 'customer:acme:team-1:night']);
    expect(await idsBelow('customer:acme:team-2')).toEqual(['customer:acme:team-2']);
  });

  test('has those below an account that nobody opened', async () => {
    expect(await idsBelow('customer:headless')).toEqual(['customer:headless:team-1']);
  });

  test('is empty where there is nothing', async () => {
    expect(await idsBelow('customer:nobody')).toEqual([]);
  });

  test('is read whole, however many reads it takes', async () => {
    const ids = await idsBelow('customer:wide');
    expect(ids).toHaveLength(230);
    expect(ids).toEqual(ids.toSorted());
    expect(await idsBelow('customer:wide', 230)).toHaveLength(230);
    await expect(idsBelow('customer:wide', 229)).rejects.toThrow(TooManyAccountsError);
  });
});
