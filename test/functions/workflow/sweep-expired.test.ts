import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { createCounter } from '../../../domain/reconciliation/summary.ts';
import { addMilliseconds } from '../../../domain/time.ts';
import { checkBalances } from '../../../functions/workflow/reconciliation/balance-slice.ts';
import { makeHandler, type SweepDeps } from '../../../functions/workflow/sweep-expired.ts';
import { expiryItem } from '../../../store/grants.ts';
import { getResolution } from '../../../store/holds.ts';
import { toItem } from '../../../store/items.ts';
import { systemClock } from '../../../store/retry.ts';
import { noteSwept, sweptKey, sweptUntil } from '../../../store/sweeps.ts';
import { accountKey, bucketOf, expiryPartition, holdKey, resolutionKey } from '../../../store/tables.ts';
import { NOW, startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await startLedger();
});
afterEach(() => ledger.books.stop());

const MINUTE_MS = 60_000;
const plus = (milliseconds: number) => addMilliseconds(NOW, milliseconds);

const hold = (id: string, account: string, expiresInSeconds: number, amount = 1) =>
  ledger.send('POST /v1/holds', { body: { id, account, amount, credit: 'platform:sink', expiresInSeconds } });
const sweepAt = (now: string, change: Partial<SweepDeps> = {}) =>
  makeHandler({ store: ledger.deps.store, sweeps: ledger.books, chart, now: () => now, ...change });
const endOf = async (id: string) => (await getResolution(ledger.deps.store, id))?.kind;
const mark = () => sweptUntil(ledger.books);

/** Lists so many grants of nobody to expire at one moment: they cost a run its time and come to nothing. */
async function listGrants(count: number, at: string, name = 'none'): Promise<void> {
  const items = Array.from({ length: count }, (_, index) => expiryItem(`${name}${index}`, 'customer:none', at));
  for (let start = 0; start < count; start += 25) {
    const puts = items.slice(start, start + 25).map((Item) => ({ PutRequest: { Item } }));
    const command = new BatchWriteItemCommand({ RequestItems: { [ledger.books.ledgerTable]: puts } });
    await ledger.books.client.send(command);
  }
}

/** Lets every transaction that touches one of these accounts meet another one, for as long as something is done. */
async function whileBusy<T>(accounts: readonly string[], perform: () => Promise<T>): Promise<T> {
  const conflict = Object.assign(new Error('busy'), { name: 'TransactionConflictException' });
  const mock = mockClient(ledger.books.client);
  const { send } = mock;
  send.callsFake((command) => {
    const input = JSON.stringify(command.input);
    const isBusy = accounts.some((account) => input.includes(JSON.stringify(accountKey(account))));
    return command instanceof TransactWriteItemsCommand && isBusy
      ? Promise.reject(conflict)
      : send.wrappedMethod.call(ledger.books.client, command);
  });
  try {
    return await perform();
  } finally {
    mock.restore();
  }
}

describe('a sweep', () => {
  test('ends what has expired by now, frees what it held, and leaves the rest', async () => {
    const account = await ledger.openCustomer('a', 100);
    await hold('due', account, 60, 10);
    await hold('not-due', account, 61, 20);
    await hold('captured', account, 60, 5);
    await ledger.send('POST /v1/holds/{holdId}/capture', { params: { holdId: 'captured' }, body: { id: 'c' } });
    expect(await sweepAt(plus(MINUTE_MS))()).toMatchObject({ holdsExpired: 1 });
    expect([await endOf('due'), await endOf('not-due'), await endOf('captured')]).toEqual([
      'expired',
      undefined,
      'captured',
    ]);
    expect(await ledger.account(account)).toMatchObject({ held: '20', available: '75' });
    expect(await getResolution(ledger.deps.store, 'due')).toEqual({
      ...{ hold: 'due', kind: 'expired', at: plus(MINUTE_MS), recordedAt: plus(MINUTE_MS), freed: 10n },
    });
  });

  test('twice, also at once, ends nothing twice', async () => {
    const account = await ledger.openCustomer('a', 100);
    for (let index = 0; index < 30; index += 1) await hold(`twice-${index}`, account, 60);
    const sweep = sweepAt(plus(2 * MINUTE_MS));
    const both = await Promise.all([sweep(), sweep()]);
    expect(both.reduce((sum, { holdsExpired }) => sum + holdsExpired, 0)).toBe(30);
    expect(await sweep()).toMatchObject({ holdsExpired: 0 });
    expect(await ledger.account(account)).toMatchObject({ held: '0', available: '100' });
  });

  test('keeps its mark behind by what may come late, and goes on from there', async () => {
    expect(await sweepAt(NOW)()).toEqual({ sweptUntil: plus(-2 * MINUTE_MS), holdsExpired: 0 });
    const account = await ledger.openCustomer('a', 100);
    await hold('short', account, 1);
    expect(await sweepAt(plus(MINUTE_MS))()).toMatchObject({ sweptUntil: plus(-MINUTE_MS), holdsExpired: 1 });
    expect(await mark()).toBe(plus(-MINUTE_MS));
  });

  test('that was out for days ends what expired meanwhile, over the days and all accounts', async () => {
    await sweepAt(NOW)();
    const accounts = await Promise.all(['a', 'b', 'c'].map((name) => ledger.openCustomer(name, 1_000)));
    for (const [index, account] of accounts.entries()) {
      for (const days of [0, 1, 2, 3]) await hold(`${index}-${days}`, account, days * 86_400 + 60 + index, 10);
    }
    expect(await sweepAt(plus(5 * 86_400_000))()).toMatchObject({ holdsExpired: 12 });
    for (const account of accounts) expect(await ledger.account(account)).toMatchObject({ held: '0' });
  });

  test('that runs out of time leaves the rest to the next one, and its mark says so', async () => {
    const account = await ledger.openCustomer('a', 1_000);
    await noteSwept(ledger.books, NOW);
    for (const day of [0, 1, 2]) await hold(`day-${day}`, account, day * 86_400 + 60);
    const late = plus(4 * 86_400_000);
    let looks = 0;
    // The first look is the run's beginning, the next the end of its time.
    const hasty = sweepAt(late, { now: () => addMilliseconds(late, looks++ * MINUTE_MS) });
    expect(await hasty()).toEqual({ sweptUntil: plus(MINUTE_MS), holdsExpired: 1 });
    expect([await endOf('day-0'), await endOf('day-1')]).toEqual(['expired', undefined]);
    expect(await sweepAt(late)()).toMatchObject({ holdsExpired: 2 });
    expect(await mark()).toBe(addMilliseconds(late, -2 * MINUTE_MS));
  });

  test('gets through more than a run can take that expires at one moment, and to what is behind it', async () => {
    const account = await ledger.openCustomer('a', 1_000);
    await noteSwept(ledger.books, NOW);
    await listGrants(450, plus(70_000));
    await hold('behind', account, 100);
    const keys: (string | undefined)[] = [];
    for (let run = 0; run < 3; run += 1) {
      const start = plus(86_400_000 + run * MINUTE_MS);
      let looks = 0;
      // Time for one batch.
      await sweepAt(start, { now: () => addMilliseconds(start, looks++ * MINUTE_MS) })();
      keys.push(await sweptKey(ledger.books));
      if (run < 2) expect(await mark()).toBe(plus(70_000));
    }
    expect(new Set(keys).size).toBe(3);
    expect(keys).toEqual(keys.toSorted());
    expect(await endOf('behind')).toBe('expired');
    expect(await mark()).toBe(plus(100_000));
  });

  test('begins again with all that has the key at which it stopped', async () => {
    const account = await ledger.openCustomer('a', 1_000);
    await hold('same', account, 60);
    await noteSwept(ledger.books, `${plus(60_000)}#same`);
    expect(await sweepAt(plus(10 * MINUTE_MS))()).toMatchObject({ holdsExpired: 1 });
  });

  test('never moves its mark back, whether it is a key or a moment', async () => {
    const moment = plus(60_000);
    for (const key of [`${moment}#b`, `${moment}#a`, moment, NOW, `${NOW}#z`]) await noteSwept(ledger.books, key);
    expect([await sweptKey(ledger.books), await mark()]).toEqual([`${moment}#b`, moment]);
    await noteSwept(ledger.books, plus(60_001));
    expect([await sweptKey(ledger.books), await mark()]).toEqual([plus(60_001), plus(60_001)]);
  });

  test('never moves its mark over what the table did not take', async () => {
    const account = await ledger.openCustomer('a', 1_000);
    await noteSwept(ledger.books, NOW);
    await hold('stuck', account, 60);
    const stuck = await whileBusy([account], () => sweepAt(plus(10 * MINUTE_MS))());
    expect(stuck).toEqual({ sweptUntil: NOW, holdsExpired: 0 });
    expect(await mark()).toBe(NOW);
    expect(await sweepAt(plus(11 * MINUTE_MS))()).toMatchObject({ holdsExpired: 1 });
  });

  test('ends what expires behind an account that is busy all the time, over all batches', async () => {
    const [busy, sound] = [await ledger.openCustomer('busy', 100), await ledger.openCustomer('sound', 100)];
    await noteSwept(ledger.books, NOW);
    await hold('busy-1', busy, 60);
    await hold('beside', sound, 61);
    await listGrants(250, plus(70_000));
    await hold('behind', sound, 100);
    const first = await whileBusy([busy], () => sweepAt(plus(10 * MINUTE_MS))());
    expect(first).toEqual({ sweptUntil: NOW, holdsExpired: 2 });
    expect([await endOf('busy-1'), await endOf('beside'), await endOf('behind')]).toEqual([
      ...[undefined, 'expired', 'expired'],
    ]);
    expect(await mark()).toBe(NOW);
    const next = await sweepAt(plus(11 * MINUTE_MS))();
    expect(next).toEqual({ sweptUntil: plus(9 * MINUTE_MS), holdsExpired: 1 });
  });

  test('goes on beside a busy account until its time is up and no longer', async () => {
    const [busy, sound] = [await ledger.openCustomer('busy', 100), await ledger.openCustomer('sound', 100)];
    await noteSwept(ledger.books, NOW);
    await hold('busy-1', busy, 60);
    await listGrants(250, plus(70_000));
    await hold('behind', sound, 100);
    const start = plus(10 * MINUTE_MS);
    let looks = 0;
    const slow = sweepAt(start, { now: () => addMilliseconds(start, looks++ * MINUTE_MS) });
    expect(await whileBusy([busy], () => slow())).toEqual({ sweptUntil: NOW, holdsExpired: 0 });
    expect(await endOf('behind')).toBeUndefined();
  });

  test('stops when five accounts in a row could not be written to', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `away${index}`);
    const accounts = await Promise.all(names.map((name) => ledger.openCustomer(name, 10)));
    await noteSwept(ledger.books, NOW);
    for (const [index, account] of accounts.entries()) await hold(`away-${index}`, account, 60 + index);
    let [tried, conflicts] = [new Set<string>(), 0];
    const conflict = Object.assign(new Error('busy'), { name: 'TransactionConflictException' });
    const mock = mockClient(ledger.books.client);
    const { send } = mock;
    send.callsFake((command) => {
      if (!(command instanceof TransactWriteItemsCommand)) return send.wrappedMethod.call(ledger.books.client, command);
      tried = tried.add(JSON.stringify(command.input).match(/account#customer:away\d+/)?.[0] ?? '');
      conflicts += 1;
      return Promise.reject(conflict);
    });
    try {
      expect(await sweepAt(plus(10 * MINUTE_MS))()).toEqual({ sweptUntil: NOW, holdsExpired: 0 });
    } finally {
      mock.restore();
    }
    expect(conflicts).toBeGreaterThan(0);
    expect(tried.size).toBeLessThan(12);
    expect(await sweepAt(plus(11 * MINUTE_MS))()).toMatchObject({ holdsExpired: 12 });
  });

  test('passes over accounts, holds and ends that cannot be read, and does the rest', async () => {
    const [bad, sound] = [await ledger.openCustomer('bad', 100), await ledger.openCustomer('sound', 100)];
    await noteSwept(ledger.books, NOW);
    await hold('of-bad', bad, 60);
    await hold('unreadable', sound, 61);
    await hold('strange-end', sound, 62);
    await hold('sound-1', sound, 63);
    await listGrants(250, plus(70_000));
    await hold('behind', sound, 100);
    await change(bad, 'SET credits = :value, asset = :value', 'oops');
    await put({
      pk: holdKey('unreadable'),
      creditDay: expiryPartition('2026-11-20', 'unreadable'),
      creditAt: `${plus(61_000)}#unreadable`,
    });
    await put({ pk: resolutionKey('strange-end'), hold: 'strange-end', kind: 'vanished' });
    // What is decided goes first and the rest again, which takes more looks at the clock than the impatient one bears.
    const sweep = sweepAt(plus(10 * MINUTE_MS), { store: { ...ledger.deps.store, clock: systemClock } });
    await expect(sweep()).rejects.toThrow('3 of what expired could not be ended');
    expect([await endOf('sound-1'), await endOf('behind')]).toEqual(['expired', 'expired']);
    expect(await mark()).toBe(plus(8 * MINUTE_MS));
  });

  test('does not need to know which holds have ended', async () => {
    const account = await ledger.openCustomer('a', 100);
    await noteSwept(ledger.books, NOW);
    await hold('open', account, 60);
    await hold('released', account, 60);
    await ledger.send('POST /v1/holds/{holdId}/release', { params: { holdId: 'released' }, body: {} });
    const mock = mockClient(ledger.books.client);
    const { send } = mock;
    const slow = Object.assign(new Error('slow'), { name: 'ThrottlingException' });
    send.callsFake((command) =>
      command instanceof BatchGetItemCommand
        ? Promise.reject(slow)
        : send.wrappedMethod.call(ledger.books.client, command),
    );
    try {
      expect(await sweepAt(plus(10 * MINUTE_MS))()).toMatchObject({ holdsExpired: 1 });
    } finally {
      mock.restore();
    }
    expect([await endOf('open'), await endOf('released')]).toEqual(['expired', 'released']);
  });

  test('ends holds of accounts that are frozen', async () => {
    const accountId = await ledger.openCustomer('a', 100);
    await hold('cold', accountId, 60, 10);
    await ledger.send('POST /v1/accounts/{accountId}/freeze', { params: { accountId }, body: { reason: 'Fraud.' } });
    await sweepAt(plus(MINUTE_MS))();
    expect(await ledger.account(accountId)).toMatchObject({ held: '0', status: 'frozen' });
  });

  test('passes over what the ledger refuses, does the rest, and then says so', async () => {
    const [broken, sound] = [await ledger.openCustomer('a', 100), await ledger.openCustomer('b', 100)];
    await hold('broken', broken, 60);
    await hold('sound', sound, 61);
    await change(broken, 'SET asset = :value', 'USD/2');
    await put({
      pk: 'unheard#1',
      creditDay: expiryPartition('2026-11-20', '1'),
      creditAt: `${plus(MINUTE_MS)}#1`,
    });
    await expect(sweepAt(plus(10 * MINUTE_MS))()).rejects.toThrow('2 of what expired could not be ended');
    expect([await endOf('broken'), await endOf('sound')]).toEqual([undefined, 'expired']);
    expect(await mark()).toBe(plus(8 * MINUTE_MS));

    await change(broken, 'SET asset = :value', 'TOKEN');
    expect(await sweepAt(plus(11 * MINUTE_MS))()).toMatchObject({ holdsExpired: 0 });
    await expect(sweepAt(plus(12 * MINUTE_MS))({ from: NOW })).rejects.toThrow('1 of what expired');
    expect(await endOf('broken')).toBe('expired');
    expect(await mark()).toBe(plus(10 * MINUTE_MS));
  });
});

describe('the balance check', () => {
  const findingsAt = async (now: string, account: string) => {
    const deps = {
      books: ledger.books,
      chart,
      now: () => now,
      wait: async () => undefined,
      sweptUntil: () => sweptUntil(ledger.books),
    };
    const slice = { id: 'balances', kind: 'balances', buckets: [bucketOf(account)] } as const;
    const found = await Array.fromAsync(checkBalances(deps, slice, now, createCounter()));
    return found.flat().filter((finding) => finding.account === account);
  };

  test('counts open holds, ended ones not, and those that expired and were not swept as held', async () => {
    const account = await ledger.openCustomer('a', 100);
    for (const [index, id] of ['open', 'released', 'captured', 'expired'].entries()) {
      await hold(id, account, (index + 1) * 86_400, 10);
    }
    await ledger.send('POST /v1/holds/{holdId}/release', { params: { holdId: 'released' }, body: {} });
    await ledger.send('POST /v1/holds/{holdId}/capture', { params: { holdId: 'captured' }, body: { id: 'c' } });
    expect(await findingsAt(NOW, account)).toEqual([]);
    const nextMonth = plus(30 * 86_400_000);
    expect(await findingsAt(nextMonth, account)).toEqual([]);
    await sweepAt(nextMonth)();
    expect(await findingsAt(nextMonth, account)).toEqual([]);
  });

  test('makes no drift of a sweep that stands still for weeks', async () => {
    const account = await ledger.openCustomer('a', 100);
    await sweepAt(NOW)();
    await hold('old', account, 60, 10);
    expect(await findingsAt(plus(60 * 86_400_000), account)).toEqual([]);
  });

  test('names what is held when somebody edited it', async () => {
    const account = await ledger.openCustomer('a', 100);
    await hold('open', account, 600, 10);
    await change(account, 'SET held = held + :value, available = available - :value', 5n);
    const [drift] = await findingsAt(NOW, account);
    expect(drift?.detail).toContain('held 15 stored, 10 by holds');
    expect(drift?.kind).toBe('balance-drift');
  });

  test('finds a hold that the sweep passed over', async () => {
    const account = await ledger.openCustomer('a', 100);
    await hold('missed', account, 60, 10);
    await noteSwept(ledger.books, plus(60 * MINUTE_MS));
    const [drift] = await findingsAt(plus(61 * MINUTE_MS), account);
    expect(drift?.detail).toContain('held 10 stored, 0 by holds');
  });
});

/** Writes an item behind the ledger's back. */
async function put(fields: Readonly<Record<string, string>>): Promise<void> {
  const command = new PutItemCommand({ TableName: ledger.books.ledgerTable, Item: toItem(fields) });
  await ledger.books.client.send(command);
}

/** Changes an account behind the ledger's back. */
async function change(account: string, UpdateExpression: string, value: string | bigint): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: ledger.books.ledgerTable,
    Key: toItem({ pk: accountKey(account) }),
    UpdateExpression,
    ExpressionAttributeValues: toItem({ ':value': value }),
  });
  await ledger.books.client.send(command);
}
