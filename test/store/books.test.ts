import { randomUUID } from 'node:crypto';
import { PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChartEntry } from '../../domain/chart.ts';
import type { EvidenceRow, LedgerRow, Pages } from '../../domain/reconciliation/rows.ts';
import { addMilliseconds, type Instant } from '../../domain/time.ts';
import type { Transfer } from '../../domain/transfers.ts';
import {
  accountBooks,
  accountsOfBucket,
  type Books,
  readCharges,
  readEvidence,
  sumTransfers,
} from '../../store/books.ts';
import { toItem } from '../../store/items.ts';
import { postTransfer } from '../../store/ledger.ts';
import { systemClock } from '../../store/retry.ts';
import { bucketOf } from '../../store/tables.ts';
import { recordEvidence } from '../../store/usage.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

const DAY = '2026-11-19';
const MORNING = '2026-11-19T08:00:00.000Z';
const CUSTOMER: ChartEntry = { pattern: 'p:*', asset: 'TOKEN', balance: 'derived', party: 'customer', shards: 3 };
const PLATFORM: ChartEntry = { pattern: 'x:*', asset: 'TOKEN', balance: 'derived', party: 'platform', shards: 1 };

let engine: TestBooks;
let account: string;
let accounts = 0;

beforeAll(async () => {
  engine = await startBooks();
});
afterAll(() => engine.stop());
beforeEach(() => {
  accounts += 1;
  account = `postpaid:a${accounts}`;
});

describe('an account’s books of a day', () => {
  it('come in order of time and request, whatever the shards and pages', async () => {
    const requests = Array.from({ length: 40 }, (_, index) => `req-${(index * 7) % 40}`);
    for (const [index, request] of requests.entries()) {
      await use(request, minutes(index % 13), BigInt(index));
      await charge(request, minutes(index % 13), BigInt(index));
    }
    for (const pageRows of [1, 3, 100]) {
      const evidence = await rowsOf(readEvidence({ ...engine, pageRows }, account, DAY, CUSTOMER));
      const charges = await rowsOf(readCharges({ ...engine, pageRows }, account, DAY, CUSTOMER));
      const keys = requests.map((request, index) => `${minutes(index % 13)}#${request}`).sort();
      expect(evidence.map((row) => row.key)).toEqual(keys);
      expect(charges.map((row) => row.key)).toEqual(keys);
    }
  });

  it('hold what the comparison needs of evidence', async () => {
    await use('r', MORNING, 7n);
    const [row] = await rowsOf(readEvidence(engine, account, DAY, CUSTOMER));
    expect(row).toEqual({
      key: `${MORNING}#r`,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      operation: 'chat',
      quantities: { tokens: 7n },
    });
  });

  it('hold charges as positive, what corrects them with its sign, and no other movements', async () => {
    await charge('r', MORNING, 7n);
    await post({ id: 'top-up', debit: 'platform:float', credit: account, amount: 100n });
    await post({ id: 'undo', debit: 'platform:float', credit: account, amount: 7n, requestId: 'r', corrects: 'r' });
    await post({ id: 'correct-top-up', debit: account, credit: 'platform:float', amount: 1n, corrects: 'top-up' });
    expect(await rowsOf(readCharges(engine, account, DAY, CUSTOMER))).toEqual([
      { key: `${MORNING}#r`, id: `${account}/r`, amount: 7n },
      { key: `${MORNING}#r`, id: `${account}/undo`, amount: -7n, corrects: 'r' },
    ]);
  });

  it('are empty on another day', async () => {
    await charge('r', MORNING, 7n);
    expect(await rowsOf(readCharges(engine, account, '2026-11-20', CUSTOMER))).toEqual([]);
  });
});

describe('looking again', () => {
  it('tells a charge by its own id from what only has the id', async () => {
    const books = accountBooks(engine, account, CUSTOMER);
    expect(await books.transferOf('nothing')).toBeUndefined();
    await post({
      id: 'own',
      kind: 'charge',
      requestId: `${account}/own`,
      debit: account,
      credit: 'platform:revenue',
      amount: 5n,
    });
    expect(await books.transferOf(`${account}/own`)).toEqual({
      key: `${MORNING}#${account}/own`,
      id: `${account}/own`,
      amount: 5n,
    });
    await post({ id: 'top-up', debit: 'platform:float', credit: account, amount: 100n });
    expect(await books.transferOf(`${account}/top-up`)).toBe('something-else');
  });
});

describe('accounts of a bucket', () => {
  it('are those that the ledger has and those that only evidence names', async () => {
    await charge('r', MORNING, 1n);
    const listed = await accountsOfBucket(engine, bucketOf(account));
    expect(listed.find((entry) => entry.account === account)).toEqual({ account, opened: true });

    const stranger = `${account}-stranger`;
    await use('r', MORNING, 1n, stranger);
    const more = await accountsOfBucket(engine, bucketOf(stranger));
    expect(more.find((entry) => entry.account === stranger)).toEqual({ account: stranger, opened: false });
    const ids = more.map((entry) => entry.account);
    expect(ids).toEqual([...new Set(ids)].sort());
  });
});

describe('the sum of an account’s transfers', () => {
  it('is over all kinds, both sides and all days asked for, beyond what a double holds', async () => {
    const large = 9_007_199_254_740_993n;
    await charge('r', MORNING, large);
    await charge('s', '2026-11-18T23:00:00.000Z', 2n);
    await post({ id: 'top-up', debit: 'platform:float', credit: account, amount: large });
    const books: Books = { ...engine, pageRows: 1 };
    const all = { openedOn: '2026-11-18', before: '2026-11-20T00:00:00.000Z' };
    expect(await sumTransfers(books, account, all, CUSTOMER)).toEqual({ debits: large + 2n, credits: large });
  });

  it('is of two halves, which leave nothing out and count nothing twice', async () => {
    await charge('before', minutes(-1), 1n);
    await charge('at', MORNING, 10n);
    await charge('after', minutes(1), 100n);
    await charge('tomorrow', '2026-11-20T00:00:01.000Z', 1_000n);
    await charge('long-before', '2026-11-18T23:00:00.000Z', 10_000n);
    const before = { openedOn: '2026-11-18', before: MORNING };
    expect(await sumTransfers(engine, account, before, CUSTOMER)).toEqual({ debits: 10_001n, credits: 0n });
    const since = { since: MORNING, until: '2026-11-21' };
    expect(await sumTransfers(engine, account, since, CUSTOMER)).toEqual({ debits: 1_110n, credits: 0n });
  });
});

it('reads large books in pages of DynamoDB’s own size', async () => {
  const padding = 'x'.repeat(300_000);
  for (let index = 0; index < 8; index += 1) {
    const item = { pk: `${account}#${DAY}`, sk: `${minutes(index)}#r${index}#f`, fingerprint: 'f', operation: 'chat' };
    await engine.client.send(
      new PutItemCommand({ TableName: engine.usageTable, Item: toItem({ ...item, quantities: {}, padding }) }),
    );
  }
  const { Items: first } = await engine.client.send(
    new QueryCommand({
      TableName: engine.usageTable,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: toItem({ ':pk': `${account}#${DAY}` }),
    }),
  );
  expect(first?.length).toBeLessThan(8);
  expect(await rowsOf(readEvidence(engine, account, DAY, { shards: 1 }))).toHaveLength(8);
});

function minutes(count: number): Instant {
  return addMilliseconds(MORNING, count * 60_000);
}

async function use(requestId: string, at: Instant, tokens: bigint, by = account): Promise<void> {
  const store = { ...engine, clock: systemClock, seenAccounts: new Set<string>() };
  await recordEvidence(
    store,
    { requestId, account: by, operation: 'chat', quantities: { tokens }, occurredAt: at },
    CUSTOMER,
    at,
  );
}

async function charge(requestId: string, effectiveAt: Instant, amount: bigint, id = requestId): Promise<void> {
  await post({ id, kind: 'charge', requestId, debit: account, credit: 'platform:revenue', amount, effectiveAt });
}

/** Posts a transfer whose id is made the account's own, so that tests do not meet each other. */
async function post(transfer: Pick<Transfer, 'id' | 'debit' | 'credit' | 'amount'> & Partial<Transfer>): Promise<void> {
  const entryOf = (id: string) => (id === account ? CUSTOMER : PLATFORM);
  const result = await postTransfer(
    { ...engine, clock: systemClock, newId: randomUUID, listed: new Set() },
    {
      transfer: {
        kind: 'transfer',
        asset: 'TOKEN',
        effectiveAt: MORNING,
        recordedAt: MORNING,
        ...transfer,
        id: `${account}/${transfer.id}`,
      },
      claims: {},
      debitEntry: entryOf(transfer.debit),
      creditEntry: entryOf(transfer.credit),
    },
  );
  expect(result.kind).toBe('created');
}

async function rowsOf<Row extends EvidenceRow | LedgerRow>(pages: Pages<Row>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}
