import {
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { getAccount, openAccount } from '../../store/accounts.ts';
import { getTransfer, postTransfer } from '../../store/ledger.ts';
import type { LedgerStore, Posting } from '../../store/posting.ts';
import { StoreUnavailableError, systemClock } from '../../store/retry.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

let books: TestBooks;
let store: LedgerStore;
let ids = 0;

beforeAll(async () => {
  books = await startBooks();
  store = {
    client: books.client,
    ledgerTable: books.ledgerTable,
    clock: systemClock,
    newId: () => `token-${ids++}`,
    listed: new Set(),
  };
});
afterAll(() => books.stop());

const NOW = '2026-11-20T08:00:00.000Z';

function posting(fields: Partial<Transfer> & Pick<Transfer, 'id' | 'debit' | 'credit'>): Posting {
  const debitEntry = chartEntryOf(chart, fields.debit);
  const creditEntry = chartEntryOf(chart, fields.credit);
  if (debitEntry === undefined || creditEntry === undefined) throw new Error('not in the chart');
  const transfer: Transfer = {
    kind: 'transfer',
    asset: debitEntry.asset,
    amount: 1n,
    effectiveAt: NOW,
    recordedAt: NOW,
    ...fields,
  };
  const { id: _id, recordedAt: _recordedAt, ...claims } = transfer;
  return { transfer, claims, debitEntry, creditEntry };
}

async function openCustomer(name: string, funds: bigint): Promise<string> {
  const id = `customer:${name}`;
  const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
  await openAccount(
    store,
    {
      id,
      asset: 'TOKEN',
      balance: 'strict',
      status: 'open',
      openedOn: '2026-11-01',
      createdAt: NOW,
      creditLimit: 0n,
      figures,
    },
    {},
  );
  if (funds > 0n) {
    await postTransfer(store, posting({ id: `fund-${name}`, debit: 'platform:funding', credit: id, amount: funds }));
  }
  return id;
}

const available = async (id: string) => (await getAccount(store, id))?.figures?.available;

describe('postTransfer against a strict balance', () => {
  test('moves the balance with the transfer', async () => {
    const customer = await openCustomer('moves', 10n);
    const result = await postTransfer(
      store,
      posting({ id: 'moves-1', debit: customer, credit: 'platform:revenue:usage', amount: 4n }),
    );
    expect(result.kind).toBe('created');
    expect((await getAccount(store, customer))?.figures).toEqual({ credits: 10n, debits: 4n, held: 0n, available: 6n });
    expect(await getTransfer(store, 'moves-1')).toMatchObject({ debit: customer, amount: 4n });
  });

  test('replays the same id with the same content, also when the money is spent by now', async () => {
    const customer = await openCustomer('replays', 5n);
    const first = posting({ id: 'replays-1', debit: customer, credit: 'platform:revenue:usage', amount: 5n });
    await postTransfer(store, first);
    const again = await postTransfer(store, first);
    expect(again).toEqual({ kind: 'replayed', transfer: first.transfer });
    expect(await available(customer)).toBe(0n);
  });

  test('names the first differing field when an id comes back with other content', async () => {
    const customer = await openCustomer('differs', 5n);
    await postTransfer(
      store,
      posting({ id: 'differs-1', debit: customer, credit: 'platform:revenue:usage', amount: 5n }),
    );
    const other = posting({ id: 'differs-1', debit: customer, credit: 'platform:revenue:usage', amount: 4n });
    expect(await postTransfer(store, other)).toMatchObject({ kind: 'conflict', id: 'differs-1', field: 'amount' });
  });

  test('refuses what would overdraw, leaves nothing behind, and takes the same id once there are funds', async () => {
    const customer = await openCustomer('overdraws', 3n);
    const charge = posting({ id: 'overdraws-1', debit: customer, credit: 'platform:revenue:usage', amount: 4n });
    expect(await postTransfer(store, charge)).toEqual({ kind: 'insufficient-funds', account: customer });
    expect(await getTransfer(store, 'overdraws-1')).toBeUndefined();
    await postTransfer(store, posting({ id: 'overdraws-2', debit: 'platform:funding', credit: customer, amount: 1n }));
    expect((await postTransfer(store, charge)).kind).toBe('created');
  });

  test('refuses unknown accounts on either side', async () => {
    const unknown = posting({ id: 'unknown-1', debit: 'customer:nobody', credit: 'platform:revenue:usage' });
    expect(await postTransfer(store, unknown)).toEqual({ kind: 'account-unknown', account: 'customer:nobody' });
    const funding = posting({ id: 'unknown-2', debit: 'platform:funding', credit: 'customer:nobody' });
    expect(await postTransfer(store, funding)).toEqual({ kind: 'account-unknown', account: 'customer:nobody' });
  });

  test('refuses a time before the account was opened', async () => {
    const customer = await openCustomer('early', 5n);
    const early = posting({
      id: 'early-1',
      debit: customer,
      credit: 'platform:revenue:usage',
      effectiveAt: '2026-10-31T23:59:59.999Z',
    });
    expect(await postTransfer(store, early)).toMatchObject({ kind: 'before-opening', openedOn: '2026-11-01' });
  });

  test('moves value between two strict balances in one write', async () => {
    const [from, to] = [await openCustomer('from', 5n), await openCustomer('to', 0n)];
    await postTransfer(store, posting({ id: 'between-1', debit: from, credit: to, amount: 5n }));
    expect([await available(from), await available(to)]).toEqual([0n, 5n]);
  });

  test('twenty concurrent charges of 1 against 5 make exactly five', async () => {
    const customer = await openCustomer('contended', 5n);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        postTransfer(store, posting({ id: `contended-${index}`, debit: customer, credit: 'platform:revenue:usage' })),
      ),
    );
    expect(results.filter((result) => result.kind === 'created')).toHaveLength(5);
    expect(results.filter((result) => result.kind === 'insufficient-funds')).toHaveLength(15);
    expect(await available(customer)).toBe(0n);
  });
});

describe('postTransfer between derived balances', () => {
  const charge = (index: number) =>
    posting({ id: `derived-${index}`, debit: 'postpaid:p1', credit: 'platform:usage:llm', amount: 7n });

  test('lists the account with its first transfer, and is a single put from then on', async () => {
    expect((await postTransfer(store, charge(1))).kind).toBe('created');
    expect(await getAccount(store, 'postpaid:p1')).toMatchObject({ balance: 'derived', openedOn: '2026-11-20' });
    const mock = mockClient(books.client);
    try {
      mock.on(PutItemCommand).resolves({});
      await postTransfer(store, charge(2));
      expect(mock.calls()).toHaveLength(1);
    } finally {
      mock.restore();
    }
    expect((await postTransfer(store, charge(1))).kind).toBe('replayed');
  });

  test('lists nothing when it is refused', async () => {
    const refused = posting({ id: 'derived-3', debit: 'customer:nobody', credit: 'postpaid:ghost' });
    expect((await postTransfer(store, refused)).kind).toBe('account-unknown');
    expect(await getAccount(store, 'postpaid:ghost')).toBeUndefined();
  });
});

describe('indexes', () => {
  const indexed = async (index: string, day: string) => {
    const attribute = index === 'byDebit' ? 'debitDay' : 'creditDay';
    const { Items } = await books.client.send(
      new QueryCommand({
        TableName: books.ledgerTable,
        IndexName: index,
        KeyConditionExpression: `${attribute} = :day`,
        ExpressionAttributeValues: { ':day': { S: day } },
      }),
    );
    return (Items ?? []).map((item) => item.id?.S);
  };

  test('a charge pays for one index entry: the platform side is not indexed', async () => {
    const customer = await openCustomer('indexed', 5n);
    await postTransfer(store, posting({ id: 'indexed-1', debit: customer, credit: 'platform:revenue:usage' }));
    expect(await indexed('byDebit', `${customer}#2026-11-20`)).toEqual(['indexed-1']);
    for (let shard = 0; shard < 8; shard += 1) {
      expect(await indexed('byCredit', `platform:revenue:usage#2026-11-20#${shard}`)).toEqual([]);
    }
  });

  test('a transfer between two platform accounts is indexed on both sides', async () => {
    await postTransfer(store, posting({ id: 'platforms-1', debit: 'platform:a', credit: 'platform:b' }));
    const days = Array.from({ length: 8 }, (_, shard) => shard);
    const debits = await Promise.all(days.map((shard) => indexed('byDebit', `platform:a#2026-11-20#${shard}`)));
    const credits = await Promise.all(days.map((shard) => indexed('byCredit', `platform:b#2026-11-20#${shard}`)));
    expect([debits.flat(), credits.flat()]).toEqual([['platforms-1'], ['platforms-1']]);
  });
});

describe('faults that the embedded engine never raises', () => {
  const conflict = (code: string) =>
    new TransactionCanceledException({
      message: 'cancelled',
      $metadata: {},
      CancellationReasons: [{ Code: 'None' }, { Code: code }],
    });
  const charge = () => posting({ id: 'fault-1', debit: 'customer:fault', credit: 'platform:revenue:usage' });

  test('retries a conflict between transactions with one and the same request token', async () => {
    const mock = mockClient(books.client);
    try {
      mock.on(TransactWriteItemsCommand).rejectsOnce(conflict('TransactionConflict')).resolves({});
      expect((await postTransfer(store, charge())).kind).toBe('created');
      const tokens = mock.commandCalls(TransactWriteItemsCommand).map((call) => call.args[0].input.ClientRequestToken);
      expect(tokens).toHaveLength(2);
      expect(new Set(tokens).size).toBe(1);
    } finally {
      mock.restore();
    }
  });

  test('gives up at the deadline with a named error', async () => {
    const mock = mockClient(books.client);
    let time = 0;
    const clock = {
      now: () => time,
      random: () => 1,
      sleep: async (milliseconds: number) => {
        time += milliseconds;
      },
    };
    try {
      mock.on(TransactWriteItemsCommand).rejects(conflict('ThrottlingError'));
      await expect(postTransfer({ ...store, clock }, charge())).rejects.toBeInstanceOf(StoreUnavailableError);
      expect(mock.commandCalls(TransactWriteItemsCommand).length).toBeGreaterThan(5);
    } finally {
      mock.restore();
    }
  });
});
