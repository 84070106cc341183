import {
  DynamoDBClient,
  PutItemCommand,
  ThrottlingException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BULK_ELEMENTS_MAX } from '../../../contract/limits.ts';
import { toItem } from '../../../store/items.ts';
import { StoreUnavailableError, systemClock } from '../../../store/retry.ts';
import { accountKey } from '../../../store/tables.ts';
import { BULK, SHOW_BULK, startBulks, type TestBulks } from '../../support/bulk.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';

let ledger: TestLedger;
let bulks: TestBulks;
let count = 0;
let transactions = 0;
beforeAll(async () => {
  ledger = await startLedger();
  ledger.books.client.middlewareStack.add(
    (next, { commandName }) =>
      (call) => {
        if (commandName === TransactWriteItemsCommand.name) transactions += 1;
        return next(call);
      },
    { step: 'initialize' },
  );
});
afterAll(() => ledger.books.stop());

const fresh = () => `w${count++}`;
const funded = (funds: number) => ledger.openCustomer(fresh(), funds);
const charge = (account: string, more: object = {}) => ({
  ...{ type: 'charge', id: fresh(), account, operation: 'completion', quantities: { tokens: 1 } },
  ...more,
});
const available = async (account: string) => (await ledger.account(account)).available;

/** Hands elements in, on a queue of its own. */
async function handIn(elements: readonly unknown[]): Promise<string> {
  bulks = startBulks(ledger);
  const id = `bulk-${fresh()}`;
  expect((await bulks.send(BULK, { body: { id, elements } })).status).toBe(202);
  return id;
}
const show = async (bulkId: string) =>
  (await bulks.send(SHOW_BULK, { params: { bulkId }, query: { limit: '1000' } })).body as unknown as {
    status: string;
    done: number;
    counts: Record<string, number>;
    results: { index: number; status: number; result: string; detail?: string; errors?: unknown[] }[];
  };
const wordsOf = async (id: string) => (await show(id)).results.map(({ result }) => result);

/** The store of the worker with another client: one that fails as long as it is told to. */
function failing(error: Error) {
  const made = { isDown: true, store: { ...ledger.deps.store, clock: patientClock() } };
  const client = new DynamoDBClient({
    endpoint: ledger.books.client.config.endpoint as never,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (call) => {
        if (made.isDown && commandName === TransactWriteItemsCommand.name) throw error;
        return next(call);
      },
    { step: 'initialize' },
  );
  return Object.assign(made, { store: { ...made.store, client } });
}

/** Waits by moving on. */
function patientClock() {
  let ms = 0;
  const sleep = async (milliseconds: number) => {
    ms += milliseconds;
  };
  return { now: () => ms, random: () => 1, sleep };
}

const throttled = new ThrottlingException({ message: 'slow down', $metadata: {} });

test('a thousand charges of one account are each posted once, in eleven transactions', async () => {
  const account = await funded(BULK_ELEMENTS_MAX);
  const id = await handIn(Array.from({ length: BULK_ELEMENTS_MAX }, () => charge(account)));
  transactions = 0;
  expect(await bulks.work()).toEqual([]);
  expect(transactions).toBe(11);
  expect(await show(id)).toMatchObject({
    status: 'done',
    done: BULK_ELEMENTS_MAX,
    counts: { created: BULK_ELEMENTS_MAX },
  });
  expect(await ledger.account(account)).toMatchObject({ available: '0', debits: String(BULK_ELEMENTS_MAX) });
});

describe('working through a bulk', () => {
  test('gives each element the result of a single request', async () => {
    const account = await funded(10);
    const posted = charge(account);
    await ledger.send('POST /v1/charges', { body: { ...posted, type: undefined } });
    const linked = { group: 'pair' };
    const id = await handIn([
      charge(account),
      { ...posted, quantities: { tokens: 2 } },
      charge(account, { quantities: { tokens: 100 } }),
      charge(account, { operation: 'unheard-of' }),
      charge('nobody:x'),
      charge('customer:nobody'),
      charge(account, linked),
      { ...charge(account), ...linked, colour: 'red' },
    ]);
    expect(await bulks.work()).toEqual([]);
    const { results, counts } = await show(id);
    expect(results.map(({ status, result }) => [status, result])).toEqual([
      [201, 'created'],
      [422, 'conflict'],
      [402, 'insufficient-funds'],
      [422, 'unpriced'],
      [400, 'invalid-request'],
      [404, 'account-unknown'],
      [409, 'group-failed'],
      [400, 'invalid-request'],
    ]);
    expect(counts['invalid-request']).toBe(2);
    expect(results[2]?.detail).toContain('has less available');
    expect(await available(account)).toBe('8');
  });

  test('names the key that handed it in on each charge, and lets them count when it was accepted', async () => {
    const [account, element] = [await funded(1), charge('')];
    await handIn([{ ...element, account }]);
    await bulks.work({ ledger: { now: () => '2026-11-20T09:30:00.000Z' } });
    const posted = await ledger.send('GET /v1/transfers/{transferId}', { params: { transferId: element.id } });
    expect(posted.body).toMatchObject({
      key: 'test-key',
      effectiveAt: '2026-11-20T08:00:00.000Z',
      recordedAt: '2026-11-20T09:30:00.000Z',
    });
  });

  test('says replayed of what was recorded before the bulk was accepted', async () => {
    const account = await funded(5);
    const element = charge(account);
    const before = { now: () => '2026-11-20T07:00:00.000Z' };
    await ledger.sendWith(before, 'POST /v1/charges', { body: { ...element, type: undefined } });
    const id = await handIn([element, charge(account)]);
    await bulks.work();
    expect(await wordsOf(id)).toEqual(['replayed', 'created']);
  });

  test('says replayed of an id that comes again in it', async () => {
    const same = charge(await funded(5));
    const id = await handIn([same, same]);
    await bulks.work();
    expect(await wordsOf(id)).toEqual(['created', 'replayed']);
  });

  test('tells of a paused ledger as a result', async () => {
    const id = await handIn([charge(await funded(5))]);
    const settings = await ledger.deps.settings.get();
    const paused = { ...settings, ledgerControl: { ...settings.ledgerControl, paused: true, reason: 'Broken.' } };
    expect(
      await bulks.work({ ledger: { settings: { get: async () => paused, refresh: async () => paused } } }),
    ).toEqual([]);
    expect(await wordsOf(id)).toEqual(['ledger-paused']);
  });
});

describe('a part that is delivered again', () => {
  test('after it was worked through changes nothing, also where there are funds by now', async () => {
    const account = await funded(1);
    const id = await handIn([charge(account), charge(account)]);
    const [message] = bulks.queue;
    await bulks.work();
    const body = { id: fresh(), debit: 'platform:funding', credit: account, amount: 5, asset: 'TOKEN' };
    await ledger.send('POST /v1/transfers', { body });
    bulks.queue.push(message as never);
    expect(await bulks.work()).toEqual([]);
    expect(await wordsOf(id)).toEqual(['created', 'insufficient-funds']);
    expect(await available(account)).toBe('5');
  });

  test('after it was posted and before that was told says created', async () => {
    const account = await funded(5);
    const id = await handIn([charge(account), charge(account)]);
    const [message] = bulks.queue;
    // Dies between the two: the results cannot be written.
    const { client } = ledger.books;
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (call) => {
          if (commandName === PutItemCommand.name) throw new Error('killed');
          return next(call);
        },
      { step: 'initialize', name: 'killed' },
    );
    expect(await bulks.work()).toEqual([message]);
    client.middlewareStack.remove('killed');
    expect(await available(account)).toBe('3');
    expect((await show(id)).done).toBe(0);
    expect(await bulks.work()).toEqual([]);
    expect(await wordsOf(id)).toEqual(['created', 'created']);
    expect(await available(account)).toBe('3');
  });

  test('because the table could not be reached leaves nothing undone and tells nothing before', async () => {
    const account = await funded(5);
    const id = await handIn([charge(account), {}]);
    const fault = failing(throttled);
    expect(await bulks.work({ ledger: { store: fault.store } })).toHaveLength(1);
    expect(await show(id)).toMatchObject({ status: 'processing', done: 1 });
    fault.isDown = false;
    expect(await bulks.work({ ledger: { store: fault.store } })).toEqual([]);
    expect(await show(id)).toMatchObject({ status: 'done', counts: { created: 1, 'invalid-request': 1 } });
    fault.store.client.destroy();
  });

  test('because of one element that meets a fault has told of the others, and never tears linked ones apart', async () => {
    const [account, garbled] = [await funded(5), await funded(0)];
    const Item = toItem({ pk: accountKey(garbled), status: 'open' });
    await ledger.books.client.send(new PutItemCommand({ TableName: ledger.books.ledgerTable, Item }));
    const linked = { group: 'pair' };
    // All in one lane, because the first element of each unit is of one account.
    const move = { ...{ type: 'transfer', debit: account, credit: garbled, amount: 1, asset: 'TOKEN' } };
    const id = await handIn([
      charge(account),
      { ...move, id: fresh() },
      charge(account, linked),
      { ...move, ...linked, id: fresh() },
    ]);
    expect(await bulks.work()).toHaveLength(1);
    expect(await bulks.work()).toHaveLength(1);
    const { status, results } = await show(id);
    expect(status).toBe('processing');
    expect(results.map(({ index, result }) => [index, result])).toEqual([[0, 'created']]);
    expect(await available(account)).toBe('4');
  });
});

describe('the order of a lane', () => {
  test('holds back what stands behind a part that could not be done, and nothing of other lanes', async () => {
    const accounts = [await funded(200), await funded(200)];
    const id = await handIn(accounts.flatMap((account) => Array.from({ length: 150 }, () => charge(account))));
    const lanes = new Set(bulks.queue.map(({ MessageGroupId }) => MessageGroupId));
    expect(lanes.size).toBe(2);
    const [first] = bulks.queue;
    let isFirst = true;
    const get = ledger.deps.settings.get;
    const settings = {
      refresh: get,
      get: async () => {
        if (!isFirst) return get();
        isFirst = false;
        throw new StoreUnavailableError('gone');
      },
    };
    const again = await bulks.work({ ledger: { settings } });
    expect(again.map(({ MessageGroupId }) => MessageGroupId)).toEqual([first?.MessageGroupId, first?.MessageGroupId]);
    expect((await show(id)).done).toBe(150);
    expect(await bulks.work()).toEqual([]);
    expect(await show(id)).toMatchObject({ status: 'done', counts: { created: 300 } });
  });

  test('begins nothing when the time of the function runs out', async () => {
    await handIn([charge(await funded(5))]);
    expect(await bulks.work({ remainingMs: 10_000 })).toHaveLength(1);
    expect(await bulks.work({ ledger: { store: { ...ledger.deps.store, clock: systemClock } } })).toEqual([]);
  });
});

test('a message that nobody can read comes again, and stops nobody else', async () => {
  const id = await handIn([charge(await funded(5))]);
  bulks.queue.unshift({ QueueUrl: 'q', MessageBody: '{', MessageGroupId: 'x', MessageDeduplicationId: 'garbage' });
  expect(await bulks.work()).toHaveLength(1);
  expect((await show(id)).status).toBe('done');
});
