import { TransactionCanceledException, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { TransferResult } from '../../domain/transfers.ts';
import { getAccount } from '../../store/accounts.ts';
import { readCharges, sumTransfers } from '../../store/books.ts';
import { getTransfer } from '../../store/ledger.ts';
import { getReversals, postReversal } from '../../store/reversals.ts';
import { NOW, startLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const store = () => ledger.deps.store;

async function charged(name: string, tokens: number): Promise<string> {
  const account = await ledger.openCustomer(name, tokens);
  const body = { id: name, requestId: `r-${name}`, account, operation: 'completion', quantities: { tokens } };
  await ledger.send('POST /v1/charges', { body });
  return account;
}

async function reverse(originalId: string, id: string, amount?: bigint): Promise<TransferResult> {
  const original = await getTransfer(store(), originalId);
  const [debitEntry, creditEntry] = [original?.credit, original?.debit].map((name) => chartEntryOf(chart, name ?? ''));
  if (original === undefined || debitEntry === undefined || creditEntry === undefined) throw new Error('no original');
  return postReversal(store(), {
    original,
    terms: { id, recordedAt: NOW },
    claims: { corrects: originalId, ...(amount !== undefined && { amount }) },
    debitEntry,
    creditEntry,
    ...(amount !== undefined && { amount }),
  });
}

const remaining = async (id: string) => (await getReversals(store(), { id, amount: 10n })).remaining;

describe('postReversal', () => {
  test('takes back a part, then what remains, and moves the balance with it', async () => {
    const account = await charged('parts', 10);
    expect(await reverse('parts', 'parts-a', 4n)).toMatchObject({ kind: 'created', transfer: { amount: 4n } });
    expect(await reverse('parts', 'parts-b')).toMatchObject({ kind: 'created', transfer: { amount: 6n } });
    expect(await getReversals(store(), { id: 'parts', amount: 10n })).toEqual({
      remaining: 0n,
      ids: ['parts-a', 'parts-b'],
    });
    expect((await getAccount(store(), account))?.figures?.available).toBe(10n);
    expect(await reverse('parts', 'parts-c')).toEqual({ kind: 'over-reversed', remaining: 0n });
    expect(await getTransfer(store(), 'parts-c')).toBeUndefined();
  });

  test('is replayed also when nothing remains by now', async () => {
    await charged('replayed', 10);
    await reverse('replayed', 'replayed-a');
    expect(await reverse('replayed', 'replayed-a')).toMatchObject({ kind: 'replayed', transfer: { amount: 10n } });
    expect(await reverse('replayed', 'replayed-a', 3n)).toMatchObject({ kind: 'conflict', field: 'amount' });
  });

  test('leaves the remainder alone where it is refused', async () => {
    const account = await ledger.openCustomer('spent');
    const gift = { id: 'spent', debit: 'platform:funding', credit: account, amount: 10, asset: 'TOKEN' };
    await ledger.send('POST /v1/transfers', { body: gift });
    const body = { id: 'spent-1', account, operation: 'completion', quantities: { tokens: 8 } };
    await ledger.send('POST /v1/charges', { body });
    expect(await reverse('spent', 'spent-a')).toEqual({ kind: 'insufficient-funds', account });
    expect(await remaining('spent')).toBe(10n);
    expect((await reverse('spent', 'spent-a', 2n)).kind).toBe('created');
  });

  test('twenty at once take back exactly what was moved', async () => {
    const account = await charged('contended', 10);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => reverse('contended', `contended-${index}`, 3n)),
    );
    expect(results.filter(({ kind }) => kind === 'created')).toHaveLength(3);
    expect(results.filter(({ kind }) => kind === 'over-reversed')).toHaveLength(17);
    expect(await remaining('contended')).toBe(1n);
    expect((await getAccount(store(), account))?.figures?.available).toBe(9n);
  });

  test('takes all that remains when another one came between', async () => {
    await charged('between', 10);
    const mock = mockClient(store().client);
    const { send } = mock;
    let isFirst = true;
    send.callsFake(async (command) => {
      if (command instanceof TransactWriteItemsCommand && isFirst) {
        isFirst = false;
        await reverse('between', 'between-a', 4n);
      }
      return send.wrappedMethod.call(store().client, command);
    });
    try {
      expect(await reverse('between', 'between-b')).toMatchObject({ kind: 'created', transfer: { amount: 6n } });
    } finally {
      mock.restore();
    }
    expect(await remaining('between')).toBe(0n);
  });

  test('one id at once is one reversal', async () => {
    await charged('same', 10);
    const results = await Promise.all(Array.from({ length: 10 }, () => reverse('same', 'same-a')));
    expect(results.filter(({ kind }) => kind === 'created')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'replayed')).toHaveLength(9);
  });

  test('tries again when the remainder was in another transaction', async () => {
    await charged('busy', 10);
    const conflict = new TransactionCanceledException({
      message: 'cancelled',
      $metadata: {},
      CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }, { Code: 'None' }],
    });
    const mock = mockClient(store().client);
    const { send } = mock;
    let conflicts = 1;
    send.callsFake(async (command) => {
      if (command instanceof TransactWriteItemsCommand && conflicts-- > 0) throw conflict;
      return send.wrappedMethod.call(store().client, command);
    });
    try {
      expect((await reverse('busy', 'busy-a')).kind).toBe('created');
    } finally {
      mock.restore();
    }
  });
});

describe('the books after a reversal', () => {
  const entry = chartEntryOf(chart, 'customer:x') ?? { shards: 1 };
  const books = () => ({ ...ledger.books, pageRows: 10 });

  test('hold both under the moment of the request, and net to nothing', async () => {
    const account = await charged('netted', 10);
    await reverse('netted', 'netted-a', 4n);
    await reverse('netted', 'netted-b');
    const rows = (await Array.fromAsync(readCharges(books(), account, '2026-11-20', entry))).flat();
    expect(new Set(rows.map(({ key }) => key))).toEqual(new Set([`${NOW}#r-netted`]));
    expect(rows.map(({ amount }) => amount).sort()).toEqual([-4n, -6n, 10n].sort());
  });

  test('sum to the balance', async () => {
    const account = await charged('summed', 10);
    await reverse('summed', 'summed-a', 4n);
    const allOfIt = { since: '2026-11-01T00:00:00.000Z', until: '2026-11-21' };
    const sums = await sumTransfers(books(), account, allOfIt, entry);
    expect((await getAccount(store(), account))?.figures).toMatchObject(sums);
  });
});
