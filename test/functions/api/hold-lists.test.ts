import { BatchWriteItemCommand, PutItemCommand, QueryCommand, type QueryCommandOutput } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOLDS_READ_MAX } from '../../../contract/limits.ts';
import { expiryItem } from '../../../store/grants.ts';
import type { Item } from '../../../store/items.ts';
import type { TestCall } from '../../support/api.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

const hold = (id: string, account: string, expiresInSeconds: number, amount = 1) =>
  ledger.send('POST /v1/holds', { body: { id, account, amount, credit: 'platform:sink', expiresInSeconds } });
const release = (holdId: string) => ledger.send('POST /v1/holds/{holdId}/release', { params: { holdId }, body: {} });
const capture = (holdId: string) =>
  ledger.send('POST /v1/holds/{holdId}/capture', { params: { holdId }, body: { id: `capture-${holdId}` } });

const listAt = (now: string, accountId: string, query: Record<string, string> = {}, rest: TestCall = {}) =>
  ledger.sendWith({ now: () => now }, 'GET /v1/accounts/{accountId}/holds', { params: { accountId }, query, ...rest });
const list = (accountId: string, query: Record<string, string> = {}, rest: TestCall = {}) =>
  listAt('2026-11-20T08:00:00.000Z', accountId, query, rest);
const reportAt = (now: string, query: Record<string, string> = {}, rest: TestCall = {}) =>
  ledger.sendWith({ now: () => now }, 'GET /v1/holds', { query, ...rest });

const idsOf = ({ body }: Awaited<ReturnType<typeof list>>) => (body.holds as { id: string }[]).map(({ id }) => id);

const listOne = (Item: Item) =>
  ledger.books.client.send(new PutItemCommand({ TableName: ledger.books.ledgerTable, Item }));

/** Lists so many grants, `none-0000` and so on, to expire at one moment; the last is `none-9999`. */
async function listGrants(count: number, at: string): Promise<void> {
  const items = Array.from({ length: count }, (_, index) => {
    const number = index === count - 1 ? '9999' : index.toString().padStart(4, '0');
    return { PutRequest: { Item: expiryItem(`none-${number}`, 'customer:none', at) } };
  });
  for (let start = 0; start < count; start += 25) {
    const RequestItems = { [ledger.books.ledgerTable]: items.slice(start, start + 25) };
    await ledger.books.client.send(new BatchWriteItemCommand({ RequestItems }));
  }
}

/** Counts the rows that queries give meanwhile. */
async function rowsReadBy(perform: () => Promise<unknown>): Promise<number> {
  const mock = mockClient(ledger.books.client);
  const { send } = mock;
  let rows = 0;
  send.callsFake(async (command) => {
    const answer = await send.wrappedMethod.call(ledger.books.client, command);
    if (command instanceof QueryCommand) rows += (answer as QueryCommandOutput).Items?.length ?? 0;
    return answer;
  });
  try {
    await perform();
  } finally {
    mock.restore();
  }
  return rows;
}

/** All pages of a list, of so many holds each. */
async function pagesOf(read: (query: Record<string, string>) => ReturnType<typeof list>, limit: number) {
  const pages: string[][] = [];
  for (let query: Record<string, string> = { limit: `${limit}` }; ; ) {
    const page = await read(query);
    expect(page.status).toBe(200);
    pages.push(idsOf(page));
    if (page.body.next === undefined) return pages;
    query = { limit: `${limit}`, cursor: String(page.body.next) };
  }
}

describe('the holds of an account', () => {
  test('are those that reserve something now, in order of expiry', async () => {
    const account = await ledger.openCustomer('listed', 100);
    await hold('listed-week', account, 604_800);
    await hold('listed-soon', account, 10);
    await hold('listed-day', account, 86_400);
    await hold('listed-freed', account, 20);
    await release('listed-freed');
    expect(idsOf(await list(account))).toEqual(['listed-soon', 'listed-day', 'listed-week']);
    expect(idsOf(await listAt('2026-11-20T08:00:10.000Z', account))).toEqual(['listed-day', 'listed-week']);
    const all = await list(account, { status: 'all' });
    expect(idsOf(all)).toEqual(['listed-soon', 'listed-freed', 'listed-day', 'listed-week']);
    expect(all.body).toMatchObject({ account, status: 'all', from: '2026-11-20', to: '2026-11-27' });
  });

  test('come page by page, each once, whatever expires at one moment', async () => {
    const account = await ledger.openCustomer('paged', 100);
    const ids = Array.from({ length: 7 }, (_, index) => `paged-${index}`);
    for (const [index, id] of ids.entries()) await hold(id, account, index < 4 ? 60 : 90_000);
    for (const limit of [1, 3, 4, 7]) {
      const pages = await pagesOf((query) => list(account, query), limit);
      expect(pages.flat()).toEqual(ids);
      expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(limit);
    }
  });

  test('are told to who may see the account, and to nobody else', async () => {
    const account = await ledger.openCustomer('own', 1);
    expect((await list(account, {}, { caller: { account } })).status).toBe(200);
    expect((await list(account, {}, { caller: { account: 'customer:other' } })).status).toBe(404);
    expect((await list('customer:nobody')).status).toBe(404);
  });

  test.each([
    ['a range that is too long', { from: '2026-11-01', to: '2026-12-02' }, 'to'],
    ['a range the wrong way', { from: '2026-11-02', to: '2026-11-01' }, 'to'],
    ['a cursor of nothing', { cursor: 'abc' }, 'cursor'],
    ['an unheard-of status', { status: 'lost' }, 'status'],
    ['too many at once', { limit: '501' }, 'limit'],
  ])('are not listed by %s', async (_, query, field) => {
    const answer = await list('customer:listed', query as Record<string, string>);
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, field]);
  });

  test('go on by a cursor of their own list only', async () => {
    const account = await ledger.openCustomer('cursors', 10);
    await hold('cursors-1', account, 60);
    await hold('cursors-2', account, 60);
    const { next = '' } = (await list(account, { limit: '1' })).body;
    expect(idsOf(await list(account, { cursor: String(next) }))).toEqual(['cursors-2']);
    expect((await list('customer:paged', { cursor: String(next) })).status).toBe(400);
    expect((await list(account, { cursor: String(next), status: 'all' })).status).toBe(400);
    expect((await reportAt('2026-11-20T08:00:00.000Z', { cursor: String(next) })).status).toBe(400);
  });
});

describe('the report of holds never captured', () => {
  const NEXT_DAY = '2026-11-21T08:00:00.000Z';
  const own = (answer: Awaited<ReturnType<typeof list>>) => idsOf(answer).filter((id) => id.startsWith('report'));

  test('lists those of all accounts that expired or were released, and what they come to', async () => {
    const [a, b] = [await ledger.openCustomer('report-a', 100), await ledger.openCustomer('report-b', 100)];
    await hold('report-3', a, 1_003, 3);
    await hold('report-1', b, 1_001, 4);
    await hold('report-2', a, 1_002, 5);
    await hold('report-captured', b, 1_004, 6);
    await hold('report-open', b, 200_000, 7);
    await release('report-2');
    await capture('report-captured');
    const report = await reportAt(NEXT_DAY);
    expect(own(report)).toEqual(['report-1', 'report-2', 'report-3']);
    expect(report.body).toMatchObject({ status: 'uncaptured', from: '2026-11-15', to: '2026-11-21' });
    expect(own(await reportAt(NEXT_DAY, { status: 'expired' }))).toEqual(['report-1', 'report-3']);
    const [total] = (await reportAt(NEXT_DAY)).body.totals as { asset: string; holds: number; amount: string }[];
    const listed = report.body.holds as { amount: string }[];
    const sum = listed.reduce((all, { amount }) => all + Number(amount), 0);
    expect(total).toEqual({ asset: 'TOKEN', holds: listed.length, amount: `${sum}` });
  });

  test('comes page by page over all partitions, each hold once and in order', async () => {
    const whole = idsOf(await reportAt(NEXT_DAY));
    const pages = await pagesOf((query) => reportAt(NEXT_DAY, query), 2);
    expect(pages.flat()).toEqual(whole);
  });

  test('counts all that it reads in search of holds, and goes on behind it', async () => {
    const account = await ledger.openCustomer('report-far', 10);
    const day = '2026-11-25';
    const [before, moment] = [`${day}T07:59:59.000Z`, `${day}T08:00:00.000Z`];
    const first = (Date.parse(before) - Date.parse('2026-11-20T08:00:00.000Z')) / 1_000;
    await hold('report-far-1', account, first);
    // More grants than a page reads, all of which expire at one moment; and a hold that has the id of the last.
    await listGrants(HOLDS_READ_MAX + 300, moment);
    await hold('none-9999', account, first + 1);
    await hold('report-far-2', account, first + 2);
    const query = { from: day, to: day };
    const pages: string[][] = [];
    const rows: number[] = [];
    let cursor: string | undefined;
    do {
      const asked: Record<string, string> = cursor === undefined ? query : { cursor };
      rows.push(
        await rowsReadBy(async () => {
          const page = await reportAt('2026-11-26T00:00:00.000Z', asked);
          expect(page.status).toBe(200);
          pages.push(idsOf(page));
          cursor = page.body.next === undefined ? undefined : String(page.body.next);
        }),
      );
    } while (cursor !== undefined);
    expect(pages).toEqual([['report-far-1'], ['none-9999', 'report-far-2']]);
    // Sixteen partitions are read a page ahead.
    expect(Math.max(...rows)).toBeLessThan(HOLDS_READ_MAX + 16 * 200 + 200);
  });

  test('loses no hold that has the key of something else, wherever a page ends', async () => {
    const account = await ledger.openCustomer('report-same', 10);
    const day = '2026-11-26';
    const moment = `${day}T08:00:00.000Z`;
    const ids = ['same-a', 'same-b', 'same-c'];
    for (const id of ids) {
      await hold(id, account, 6 * 86_400);
      await listOne(expiryItem(id, 'customer:none', moment));
    }
    const pages = await pagesOf((query) => reportAt('2026-11-27T00:00:00.000Z', { from: day, to: day, ...query }), 1);
    expect(pages.flat()).toEqual(ids);
  });

  test('is for keys that see all', async () => {
    expect((await reportAt(NEXT_DAY, {}, { caller: { account: 'customer:report-a' } })).status).toBe(403);
  });
});
