import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chart } from '../../config/chart.ts';
import { GROUP_ELEMENTS_MAX } from '../../contract/limits.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { changeStatus } from '../../store/account-changes.ts';
import { getAccount, openAccount } from '../../store/accounts.ts';
import { GROUP_ENTRIES_MAX } from '../../store/entries.ts';
import { toItem } from '../../store/items.ts';
import { getTransfer, postTransfers } from '../../store/ledger.ts';
import type { LedgerStore, Posting } from '../../store/posting.ts';
import { StoreUnavailableError, systemClock } from '../../store/retry.ts';
import { accountKey } from '../../store/tables.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const REVENUE = 'platform:revenue:usage';

let books: TestBooks;
let store: LedgerStore;
/** How many actions each transaction had, and how many puts there were, since the test began. */
let transactions: number[] = [];
let puts = 0;
let ids = 0;

beforeAll(async () => {
  books = await startBooks();
  books.client.middlewareStack.add(
    (next, { commandName }) =>
      (call) => {
        const { TransactItems } = call.input as { TransactItems?: unknown[] };
        if (commandName === TransactWriteItemsCommand.name) transactions.push(TransactItems?.length ?? 0);
        if (commandName === PutItemCommand.name) puts += 1;
        return next(call);
      },
    { step: 'initialize' },
  );
  store = {
    client: books.client,
    ledgerTable: books.ledgerTable,
    clock: systemClock,
    newId: () => `token-${ids++}`,
    listed: new Set(),
  };
  // Lists both, so that later transfers between them are single puts.
  await postTransfers(store, [[posting('first', 'platform:a', 'platform:b', 1n)]]);
});
afterAll(() => books.stop());

function posting(id: string, debit: string, credit: string, amount: bigint, fields: Partial<Transfer> = {}): Posting {
  const [debitEntry, creditEntry] = [chartEntryOf(chart, debit), chartEntryOf(chart, credit)];
  if (debitEntry === undefined || creditEntry === undefined) throw new Error('not in the chart');
  const times = { effectiveAt: NOW, recordedAt: NOW };
  const transfer: Transfer = {
    id,
    kind: 'transfer',
    debit,
    credit,
    asset: debitEntry.asset,
    amount,
    ...times,
    ...fields,
  };
  const { id: _id, recordedAt: _recordedAt, ...claims } = transfer;
  return { transfer, claims, debitEntry, creditEntry };
}

const charge = (id: string, account: string, amount = 1n) => posting(id, account, REVENUE, amount);
const fund = (id: string, account: string, amount: bigint) => posting(id, 'platform:funding', account, amount);

/** A customer of its own for each test, with funds. */
async function customer(funds: bigint): Promise<string> {
  const account = `customer:e${ids++}`;
  const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
  const terms = { asset: 'TOKEN', balance: 'strict', status: 'open', openedOn: '2026-11-01', createdAt: NOW } as const;
  await openAccount(store, { id: account, ...terms, creditLimit: 0n, figures }, {});
  if (funds > 0n) await postTransfers(store, [[fund(`fund-${account}`, account, funds)]]);
  transactions = [];
  puts = 0;
  return account;
}

const cause = { reason: 'test', at: NOW, by: 'test' };
const available = async (id: string) => (await getAccount(store, id))?.figures?.available;
const alone = (postings: readonly Posting[]) => postings.map((one) => [one]);
const kinds = async (groups: readonly (readonly Posting[])[], using = store) =>
  (await postTransfers(using, groups)).map((group) => group.map(({ kind }) => kind));
const flatKinds = async (postings: readonly Posting[], using = store) => (await kinds(alone(postings), using)).flat();
const many = (count: number, make: (index: number) => Posting) =>
  Array.from({ length: count }, (_, index) => make(index));

describe('postings of one account', () => {
  test('go into as few transactions as they fit, with one update of the balance in each', async () => {
    const account = await customer(1_000n);
    const results = await flatKinds(many(100, (index) => charge(`${account}-${index}`, account, 2n)));
    expect(new Set(results)).toEqual(new Set(['created']));
    expect(transactions).toEqual([100, 2]);
    expect((await getAccount(store, account))?.figures).toEqual({
      credits: 1_000n,
      debits: 200n,
      held: 0n,
      available: 800n,
    });
  });

  test('are made as far as the funds go, in their order, and the rest is refused', async () => {
    const account = await customer(30n);
    const results = await flatKinds(many(100, (index) => charge(`${account}-${index}`, account)));
    expect(results).toEqual([...Array(30).fill('created'), ...Array(70).fill('insufficient-funds')]);
    expect(await available(account)).toBe(0n);
    expect(transactions.length).toBeLessThanOrEqual(5);
  });

  test('refuse what is too large for itself and make smaller ones behind it', async () => {
    const account = await customer(5n);
    const wanted = [9n, 3n, 4n, 2n].map((amount, index) => charge(`${account}-${index}`, account, amount));
    expect(await flatKinds(wanted)).toEqual(['insufficient-funds', 'created', 'insufficient-funds', 'created']);
    expect(await available(account)).toBe(0n);
  });

  test('may spend what one before them pays in, and not what one behind them does', async () => {
    const account = await customer(0n);
    const [early, paid, late] = [
      charge(`${account}-1`, account, 5n),
      fund(`${account}-2`, account, 5n),
      charge(`${account}-3`, account, 5n),
    ];
    expect(await flatKinds([early, paid, late])).toEqual(['insufficient-funds', 'created', 'created']);
    expect(await flatKinds([early, paid, late])).toEqual(['insufficient-funds', 'replayed', 'replayed']);
  });

  test('that is frozen are refused, and those of others are made', async () => {
    const [frozen, other] = [await customer(5n), await customer(5n)];
    await changeStatus({ ...store, operationsTable: books.operationsTable }, frozen, 'freeze', cause);
    const results = await flatKinds([charge(`${frozen}-1`, frozen), charge(`${other}-1`, other)]);
    expect(results).toEqual(['account-frozen', 'created']);
  });
});

test('accounts on both sides move by the sum of all, in one transaction', async () => {
  const [a, b] = [await customer(10n), await customer(0n)];
  const wanted = [
    posting(`${a}-1`, a, b, 10n),
    posting(`${a}-2`, b, a, 4n),
    posting(`${a}-3`, a, b, 1n),
    posting(`${a}-4`, 'customer:nobody', a, 1n),
  ];
  expect(await flatKinds(wanted)).toEqual(['created', 'created', 'created', 'account-unknown']);
  expect([await available(a), await available(b)]).toEqual([3n, 7n]);
  expect(transactions).toEqual([7, 5]);
});

describe('one id twice', () => {
  test('with the same content is a replay of the first, and asks the table no more than once', async () => {
    const account = await customer(50n);
    const same = charge(`${account}-1`, account);
    const results = await flatKinds(Array.from({ length: 100 }, () => same));
    expect(results).toEqual(['created', ...Array(99).fill('replayed')]);
    expect(transactions).toEqual([2]);
    expect(await available(account)).toBe(49n);
  });

  test('with other content is a conflict, whatever came before', async () => {
    const account = await customer(50n);
    const twice = [charge(`${account}-1`, account, 1n), charge(`${account}-1`, account, 2n)];
    expect(await flatKinds(twice)).toEqual(['created', 'conflict']);
    expect(await flatKinds(twice)).toEqual(['replayed', 'conflict']);
    expect(await available(account)).toBe(49n);
  });

  test('is refused twice when the first is refused', async () => {
    const account = await customer(0n);
    const same = charge(`${account}-1`, account);
    expect(await flatKinds([same, same])).toEqual(['insufficient-funds', 'insufficient-funds']);
  });

  test('is posted by the second when the first is refused and the second can be borne', async () => {
    const account = await customer(1n);
    const wanted = [charge(`${account}-1`, account, 2n), charge(`${account}-1`, account, 1n)];
    expect(await flatKinds(wanted)).toEqual(['insufficient-funds', 'created']);
  });

  test('of accounts without a balance of their own is told in their order too', async () => {
    const put = (amount: bigint) => posting('derived-twice', 'platform:a', 'platform:b', amount);
    puts = 0;
    expect(await flatKinds([put(1n), put(1n), put(2n)])).toEqual(['created', 'replayed', 'conflict']);
    expect(puts).toBe(1);
  });

  test('in a group first and then alone is told in that order', async () => {
    const account = await customer(9n);
    const [a, b] = [posting(`${account}-1`, 'platform:a', 'platform:b', 1n), charge(`${account}-2`, account)];
    expect(await kinds([[a, b], [a]])).toEqual([['created', 'created'], ['replayed']]);
  });
});

describe('a group', () => {
  test('is posted as a whole', async () => {
    const [a, b] = [await customer(5n), await customer(0n)];
    const group = [charge(`${a}-1`, a, 2n), posting(`${a}-2`, a, b, 3n), charge(`${b}-1`, b, 3n)];
    expect(await kinds([group])).toEqual([['created', 'created', 'created']]);
    expect(await kinds([group])).toEqual([['replayed', 'replayed', 'replayed']]);
    expect([await available(a), await available(b)]).toEqual([0n, 0n]);
  });

  test('larger than the funds is not posted at all, and leaves them to others', async () => {
    const account = await customer(5n);
    const group = [1, 2, 3].map((index) => charge(`${account}-${index}`, account, 2n));
    expect(await kinds([group, [charge(`${account}-4`, account, 5n)]])).toEqual([
      ['group-failed', 'group-failed', 'insufficient-funds'],
      ['created'],
    ]);
    expect(await getTransfer(store, `${account}-1`)).toBeUndefined();
  });

  test('of which one exists already is not posted, and says which', async () => {
    const account = await customer(9n);
    const existing = charge(`${account}-1`, account);
    await kinds([[existing]]);
    const [first, last] = [charge(`${account}-0`, account), charge(`${account}-2`, account)];
    expect(await kinds([[first, existing, last]])).toEqual([['group-failed', 'replayed', 'group-failed']]);
    const other = charge(`${account}-1`, account, 2n);
    expect(await kinds([[first, other]])).toEqual([['group-failed', 'conflict']]);
    expect(await available(account)).toBe(8n);
  });

  test('meets what a single posting before it has left', async () => {
    const account = await customer(9n);
    const [one, two] = [charge(`${account}-1`, account), charge(`${account}-2`, account)];
    expect(await kinds([[one], [one, two]])).toEqual([['created'], ['replayed', 'group-failed']]);
    expect(await kinds([[one], [one, two]])).toEqual([['replayed'], ['replayed', 'group-failed']]);
  });

  test('with one account that nobody opened fails by it', async () => {
    const account = await customer(9n);
    const group = [charge(`${account}-1`, account), charge(`${account}-2`, 'customer:nobody')];
    expect(await kinds([group])).toEqual([['group-failed', 'account-unknown']]);
    expect(await available(account)).toBe(9n);
  });

  test('may be as large as the contract allows, and fits one transaction then', async () => {
    expect(GROUP_ELEMENTS_MAX).toBe(GROUP_ENTRIES_MAX);
    const accounts: string[] = [];
    for (let index = 0; index <= GROUP_ENTRIES_MAX; index += 1) accounts.push(await customer(1n));
    const group = accounts.slice(1).map((to, index) => posting(`${to}-${ids}`, accounts[index] ?? '', to, 1n));
    expect(new Set((await kinds([group])).flat())).toEqual(new Set(['created']));
    expect(transactions).toEqual([2 * GROUP_ENTRIES_MAX + 1]);
    expect([await available(accounts[0] ?? ''), await available(accounts.at(-1) ?? '')]).toEqual([0n, 2n]);
  });

  test('that cannot be borne together with the ones before it goes when those are written', async () => {
    const account = await customer(10n);
    const group = (name: string, amount: bigint) =>
      ['a', 'b'].map((part) => charge(`${account}-${name}-${part}`, account, amount));
    expect(await kinds([group('x', 3n), group('y', 3n), group('z', 2n)])).toEqual([
      ['created', 'created'],
      ['insufficient-funds', 'group-failed'],
      ['created', 'created'],
    ]);
  });
});

test('postings of derived accounts are single puts once the account is listed', async () => {
  const debit = `postpaid:e${ids++}`;
  const wanted = many(40, (index) => posting(`${debit}-${index}`, debit, 'platform:usage:llm', 1n));
  transactions = [];
  puts = 0;
  expect(new Set(await flatKinds(wanted.slice(0, 20)))).toEqual(new Set(['created']));
  expect([transactions, puts]).toEqual([[21], 0]);
  expect(new Set(await flatKinds(wanted.slice(20)))).toEqual(new Set(['created']));
  expect([transactions, puts]).toEqual([[21], 20]);
  expect(new Set(await flatKinds(wanted))).toEqual(new Set(['replayed']));
});

test('an account that cannot be read fails its own postings and none of the others', async () => {
  const [garbled, other] = [await customer(0n), await customer(5n)];
  const Item = toItem({ pk: accountKey(garbled), status: 'open' });
  await books.client.send(new PutItemCommand({ TableName: books.ledgerTable, Item }));
  const results = await postTransfers(store, alone([charge(`${garbled}-1`, garbled), charge(`${other}-1`, other)]));
  expect(results.flat()).toMatchObject([
    { kind: 'unavailable', error: { name: 'MalformedItemError' } },
    { kind: 'created' },
  ]);
});

test('ten batches of one account at once spend exactly what there is', async () => {
  const account = await customer(55n);
  const batches = Array.from({ length: 10 }, (_, batch) =>
    flatKinds(many(10, (index) => charge(`${account}-${batch}-${index}`, account))),
  );
  const results = (await Promise.all(batches)).flat();
  expect(results.filter((kind) => kind === 'created')).toHaveLength(55);
  expect(results.filter((kind) => kind === 'insufficient-funds')).toHaveLength(45);
  expect(await available(account)).toBe(0n);
});

test('whatever could be posted one after the other is posted together too, and never more than the funds', async () => {
  const moves = fc.array(fc.record({ way: fc.constantFrom(fund, charge), amount: fc.bigInt(0n, 9n) }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(moves, fc.bigInt(0n, 20n), async (wanted, funds) => {
      const account = await customer(funds);
      const results = await flatKinds(
        wanted.map(({ way, amount }, index) => way(`${account}-${index}`, account, amount)),
      );
      let [oneByOne, left] = [funds, funds];
      for (const [index, { way, amount }] of wanted.entries()) {
        const change = way === fund ? amount : -amount;
        if (oneByOne + change >= 0n || change === 0n) {
          oneByOne += change;
          expect(results[index]).toBe('created');
        }
        if (results[index] === 'created') left += change;
        else expect(results[index]).toBe('insufficient-funds');
      }
      expect(await available(account)).toBe(left);
      expect(left).toBeGreaterThanOrEqual(0n);
    }),
    { numRuns: 25 },
  );
});

describe('faults that the embedded engine never raises', () => {
  let mock: ReturnType<typeof mockClient>;
  beforeEach(() => {
    mock = mockClient(DynamoDBClient);
  });
  afterEach(() => mock.restore());

  const cancelled = (...codes: string[]) => cancelledBy(codes.map((Code) => ({ Code })));
  const cancelledBy = (CancellationReasons: NonNullable<TransactionCanceledException['CancellationReasons']>) =>
    new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons });
  const failed = (Item?: ReturnType<typeof toItem>) => ({ Code: 'ConditionalCheckFailed', ...(Item && { Item }) });
  const none = { Code: 'None' };
  const acme = (figures: object = {}) =>
    toItem({
      ...{ pk: accountKey('customer:acme'), account: 'customer:acme', asset: 'TOKEN', balance: 'strict' },
      ...{ status: 'open', openedOn: '2026-11-01', createdAt: NOW, creditLimit: 0n },
      ...{ credits: 5n, debits: 0n, available: 5n, ...figures },
    });
  const sent = () => mock.commandCalls(TransactWriteItemsCommand).map(({ args: [{ input }] }) => input);

  /** Goes on only when something sleeps, and by a millisecond at each look. */
  const steppingClock = () => {
    let time = 0;
    const sleep = async (milliseconds: number) => {
      time += milliseconds;
    };
    return { now: () => ++time, random: () => 1, sleep };
  };
  const mocked = (): LedgerStore => ({ ...store, clock: steppingClock() });

  test('a conflict with another transaction is tried again under the same token', async () => {
    mock
      .on(TransactWriteItemsCommand)
      .rejectsOnce(cancelled('None', 'None', 'TransactionConflict'))
      .resolves({});
    const wanted = [charge('m1', 'customer:acme'), charge('m2', 'customer:acme')];
    expect(await flatKinds(wanted, mocked())).toEqual(['created', 'created']);
    expect(new Set(sent().map(({ ClientRequestToken }) => ClientRequestToken)).size).toBe(1);
    expect(sent()).toHaveLength(2);
  });

  test('a throttled transaction is tried again until the deadline, and then nothing is known of any entry', async () => {
    const throttled = new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} });
    mock.on(TransactWriteItemsCommand).rejects(throttled);
    const results = await postTransfers(mocked(), alone(many(150, (index) => charge(`m${index}`, 'customer:acme'))));
    expect(new Set(results.flat().map(({ kind }) => kind))).toEqual(new Set(['unavailable']));
    expect(results).toHaveLength(150);
  });

  test('an answer that was lost is asked for again under the same token', async () => {
    const lost = Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
    mock.on(TransactWriteItemsCommand).rejectsOnce(lost).resolves({});
    expect(await flatKinds([charge('m1', 'customer:acme')], mocked())).toEqual(['created']);
    expect(new Set(sent().map(({ ClientRequestToken }) => ClientRequestToken)).size).toBe(1);
  });

  test('a refusal beside a conflict is not told: the record may exist and nobody looked', async () => {
    const short = failed(acme({ credits: 0n, available: 0n }));
    const posted = failed(toItem({ pk: 'transfer#m1', ...charge('m1', 'customer:acme').transfer }));
    mock
      .on(TransactWriteItemsCommand)
      .rejectsOnce(cancelledBy([none, { Code: 'TransactionConflict' }, short]))
      .rejectsOnce(cancelledBy([posted, none, short]));
    const wanted = [charge('m1', 'customer:acme'), charge('m2', 'customer:acme')];
    expect(await flatKinds(wanted, mocked())).toEqual(['replayed', 'insufficient-funds']);
    expect(sent()).toHaveLength(2);
  });

  test('what exists is told at once, also beside a conflict', async () => {
    const posted = failed(toItem({ pk: 'transfer#m1', ...charge('m1', 'customer:acme').transfer }));
    mock
      .on(TransactWriteItemsCommand)
      .rejectsOnce(cancelledBy([posted, none, { Code: 'TransactionConflict' }]))
      .resolves({});
    const wanted = [charge('m1', 'customer:acme'), charge('m2', 'customer:acme')];
    expect(await flatKinds(wanted, mocked())).toEqual(['replayed', 'created']);
    expect(sent()[1]?.TransactItems).toHaveLength(2);
  });

  test('those that were put aside for the sake of one that is then refused go on, one after the other', async () => {
    const five = failed(acme());
    mock
      .on(TransactWriteItemsCommand)
      // Of three that need three each, five are enough for one.
      .rejectsOnce(cancelledBy([none, none, none, five]))
      // Somebody else has spent them meanwhile, and then paid in again.
      .rejectsOnce(cancelledBy([none, failed(acme({ debits: 5n, available: 0n }))]))
      .rejectsOnce(cancelledBy([none, none, five]))
      .resolvesOnce({})
      .rejectsOnce(cancelledBy([none, failed(acme({ debits: 3n, available: 2n }))]));
    const wanted = ['m1', 'm2', 'm3'].map((id) => charge(id, 'customer:acme', 3n));
    expect(await flatKinds(wanted, mocked())).toEqual(['insufficient-funds', 'created', 'insufficient-funds']);
    expect(sent()).toHaveLength(5);
  });

  test('a table that is slow all the time leaves what was written in time, and nothing unsaid', async () => {
    const clock = steppingClock();
    mock.on(TransactWriteItemsCommand).callsFake(async () => {
      await clock.sleep(2_500);
      return {};
    });
    const wanted = many(400, (index) => charge(`m${index}`, 'customer:acme'));
    const results = await flatKinds(wanted, { ...store, clock });
    expect(results).toEqual([...Array(297).fill('created'), ...Array(103).fill('unavailable')]);
  });

  test('single puts that the table is too slow for are not begun after the deadline', async () => {
    const clock = steppingClock();
    mock.on(PutItemCommand).callsFake(async () => {
      await clock.sleep(500);
      return {};
    });
    const wanted = many(60, (index) => posting(`m${index}`, 'platform:a', 'platform:b', 1n));
    const results = await flatKinds(wanted, { ...store, clock });
    expect(results.slice(0, 5)).toEqual(Array(5).fill('created'));
    expect(results.at(-1)).toBe('unavailable');
    expect(mock.commandCalls(PutItemCommand).length).toBeLessThan(60);
  });

  describe('a single put whose answer was lost', () => {
    const lost = Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
    const wanted = posting('m1', 'platform:a', 'platform:b', 1n);
    /** Keeps what the first attempt writes, loses the answer to it, and then finds this. */
    const losing = (found: (written: ReturnType<typeof toItem>) => ReturnType<typeof toItem>) => {
      let written: ReturnType<typeof toItem> = {};
      mock.on(PutItemCommand).callsFake(async ({ Item: item = {} }) => {
        const isFirst = Object.keys(written).length === 0;
        if (isFirst) written = item;
        throw isFirst
          ? lost
          : new ConditionalCheckFailedException({ message: 'there', $metadata: {}, Item: found(written) });
      });
    };

    test('is told as created when what is there is just what it wrote', async () => {
      losing((written) => Object.fromEntries(Object.entries(structuredClone(written)).reverse()));
      expect(await postTransfers(mocked(), [[wanted]])).toEqual([[{ kind: 'created', transfer: wanted.transfer }]]);
      expect(mock.commandCalls(PutItemCommand)).toHaveLength(2);
    });

    test('is told as replayed when somebody else was there before', async () => {
      losing((written) => ({ ...written, recordedAt: { S: '2026-11-20T07:59:59.999Z' } }));
      expect(await flatKinds([wanted], mocked())).toEqual(['replayed']);
    });

    test('is told as replayed at its first attempt, whatever is there', async () => {
      mock.on(PutItemCommand).callsFake(async ({ Item: item }) => {
        throw new ConditionalCheckFailedException({ message: 'there', $metadata: {}, Item: item });
      });
      expect(await flatKinds([wanted], mocked())).toEqual(['replayed']);
    });
  });

  test('one put that fails for good fails none of the others', async () => {
    const denied = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
    mock.on(PutItemCommand).resolves({}).rejectsOnce(denied);
    const wanted = [1, 2, 3].map((index) => posting(`m${index}`, 'platform:a', 'platform:b', 1n));
    const results = await postTransfers(mocked(), alone(wanted));
    expect(results.flat()).toMatchObject([
      { kind: 'unavailable', error: denied },
      { kind: 'created' },
      { kind: 'created' },
    ]);
  });

  test('a transaction that is refused for good is told as a fault, and what comes behind it is still written', async () => {
    const denied = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
    mock.on(TransactWriteItemsCommand).rejectsOnce(denied).resolves({});
    const results = await postTransfers(mocked(), alone(many(100, (index) => charge(`m${index}`, 'customer:acme'))));
    expect(results[0]).toEqual([{ kind: 'unavailable', error: denied }]);
    expect(results[98]).toEqual([{ kind: 'unavailable', error: denied }]);
    expect(results[99]).toMatchObject([{ kind: 'created' }]);
    expect(denied).not.toBeInstanceOf(StoreUnavailableError);
  });

  test('a transaction that is cancelled without a word ends, and is a fault', async () => {
    mock.on(TransactWriteItemsCommand).rejects(cancelled());
    const [[result] = []] = await postTransfers(mocked(), [[charge('m1', 'customer:acme')]]);
    expect(result).toMatchObject({ kind: 'unavailable', error: { name: 'TransactionCanceledException' } });
    expect(sent()).toHaveLength(1);
  });
});
