import {
  BatchGetItemCommand,
  DynamoDBClient,
  ThrottlingException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BATCH_ELEMENTS_MAX, GROUP_ELEMENTS_MAX } from '../../../contract/limits.ts';
import { batchAnswer } from '../../../contract/schemas/batches.ts';
import { metrics } from '../../../functions/runtime/metrics.ts';
import { systemClock } from '../../../store/retry.ts';
import type { TestAnswer, TestCall } from '../../support/api.ts';
import { startLedger, type TestLedger } from '../../support/ledger.ts';

const BATCH = 'POST /v1/batches';

let ledger: TestLedger;
let count = 0;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.books.stop());

interface Result {
  readonly index: number;
  readonly id?: string;
  readonly status: number;
  readonly result: string;
  readonly transfer?: Record<string, unknown>;
  readonly problem?: { detail: string; errors?: { field: string; rule: string }[] };
}

const fresh = () => `b${count++}`;
const funded = (funds: number) => ledger.openCustomer(fresh(), funds);
const charge = (account: string, tokens = 1, more: object = {}) => ({
  ...{ type: 'charge', id: fresh(), account, operation: 'completion', quantities: { tokens } },
  ...more,
});
const transfer = (debit: string, credit: string, amount = 1, more: object = {}) => ({
  ...{ type: 'transfer', id: fresh(), debit, credit, amount, asset: 'TOKEN' },
  ...more,
});

const send = (elements: unknown, rest: TestCall = {}) =>
  // Real time, because the clock of the test ledger runs by a second at each look.
  ledger.sendWith({ store: { ...ledger.deps.store, clock: systemClock } }, BATCH, { body: { elements }, ...rest });
const resultsIn = ({ body }: TestAnswer) => (body.results ?? []) as unknown as Result[];
async function post(elements: unknown, rest: TestCall = {}): Promise<Result[]> {
  const answer = await send(elements, rest);
  expect(answer.status).toBe(200);
  expect(batchAnswer().safeParse(answer.body).error).toBeUndefined();
  return resultsIn(answer);
}
const wordsOf = (results: readonly Result[]) => results.map(({ result }) => result);
const available = async (account: string) => (await ledger.account(account)).available;

describe('a batch', () => {
  test('answers each element as a single request would have been, in order', async () => {
    const [account, poor] = [await funded(10), await funded(0)];
    const posted = charge(account, 3);
    await post([posted]);
    const results = await post([
      posted,
      { ...posted, quantities: { tokens: 4 } },
      charge(account, 2),
      transfer(account, poor, 1),
      charge(poor, 9),
      charge('customer:nobody'),
      charge(account, 1, { operation: 'unheard-of' }),
      charge('nobody:x'),
    ]);
    expect(results.map(({ status, result }) => [status, result])).toEqual([
      [200, 'replayed'],
      [422, 'conflict'],
      [201, 'created'],
      [201, 'created'],
      [402, 'insufficient-funds'],
      [404, 'account-unknown'],
      [422, 'unpriced'],
      [400, 'invalid-request'],
    ]);
    expect(results.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(results[0]?.transfer).toMatchObject({ id: posted.id, kind: 'charge', amount: '3', key: 'test-key' });
    expect(results[1]?.problem?.errors).toMatchObject([{ field: 'quantities' }]);
    expect(results[4]?.problem?.errors).toMatchObject([{ field: 'account' }]);
    expect(await available(account)).toBe('4');
  });

  test('counts its elements by result', async () => {
    const account = await funded(2);
    const { body } = await send([charge(account), charge(account), charge(account)]);
    expect(body.counts).toEqual({ created: 2, 'insufficient-funds': 1 });
  });

  test('of a hundred charges of one account posts each once, and sent again posts nothing', async () => {
    const account = await funded(100);
    const elements = Array.from({ length: BATCH_ELEMENTS_MAX }, () => charge(account));
    expect(new Set(wordsOf(await post(elements)))).toEqual(new Set(['created']));
    expect(new Set(wordsOf(await post(elements)))).toEqual(new Set(['replayed']));
    expect(await available(account)).toBe('0');
  });

  test.each([
    ['no elements', [], 'elements'],
    ['101 elements', Array.from({ length: BATCH_ELEMENTS_MAX + 1 }, (_, index) => ({ index })), 'elements'],
    ['no list', 'many', 'elements'],
  ])('with %s is refused as a whole', async (_, elements, field) => {
    const answer = await send(elements);
    expect([answer.status, answer.body.errors]).toEqual([
      400,
      [{ field, rule: 'must be a list of 1 to 100 elements' }],
    ]);
  });

  test('with a field that is not known is refused as a whole', async () => {
    const answer = await send(undefined, { body: { elements: [{}], atomic: true } });
    expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([400, 'atomic']);
  });

  test('is not for keys that are bound to an account', async () => {
    const account = await funded(1);
    expect((await send([charge(account)], { caller: { account } })).status).toBe(403);
  });
});

describe('a bad element', () => {
  test.each([
    ['is no object', 5, 'body'],
    ['has no type', { id: 'x' }, 'type'],
    ['has a type that is not known', { type: 'hold', id: 'x' }, 'type'],
    ['has no id', { type: 'charge', account: 'customer:a', operation: 'o', quantities: {} }, 'id'],
    ['has a field too many', { ...transfer('platform:a', 'platform:b'), colour: 'red' }, 'colour'],
    ['has a fraction', transfer('platform:a', 'platform:b', 1.5), 'amount'],
    ['has one account on both sides', transfer('platform:a', 'platform:a'), 'credit'],
    ['has a group without a name', charge('customer:a', 1, { group: '' }), 'group'],
  ])('that %s fails by itself', async (_, bad, field) => {
    const account = await funded(1);
    const [first, second] = await post([bad, charge(account)]);
    expect([first?.result, first?.problem?.errors?.map((error) => error.field)]).toEqual(['invalid-request', [field]]);
    expect(second?.result).toBe('created');
  });

  test('is named by its id where that can be read', async () => {
    const id = fresh();
    expect(await post([{ type: 'charge', id }, { id: 'no good id' }])).toMatchObject([{ id }, { index: 1 }]);
  });
});

describe('an id that comes twice', () => {
  test('with the same content is a replay of the first', async () => {
    const account = await funded(5);
    const same = charge(account);
    expect(wordsOf(await post([same, same, same]))).toEqual(['created', 'replayed', 'replayed']);
    expect(await available(account)).toBe('4');
  });

  test('with other content is a conflict', async () => {
    const account = await funded(5);
    const first = charge(account);
    const others = [
      { ...first, quantities: { tokens: 2 } },
      { ...first, operation: 'unheard-of' },
    ];
    expect(wordsOf(await post([first, ...others]))).toEqual(['created', 'conflict', 'conflict']);
  });

  test('is refused twice where the first is refused', async () => {
    const same = charge(await funded(0));
    expect(wordsOf(await post([same, same]))).toEqual(['insufficient-funds', 'insufficient-funds']);
  });
});

describe('linked elements', () => {
  test('are all posted, or none of them', async () => {
    const [account, other] = [await funded(5), await funded(0)];
    const group = { group: 'order 7' };
    const pair = (tokens: number) => [charge(account, tokens, group), transfer(account, other, 2, group)];
    expect(wordsOf(await post(pair(4)))).toEqual(['group-failed', 'insufficient-funds']);
    expect([await available(account), await available(other)]).toEqual(['5', '0']);
    const good = pair(3);
    expect(wordsOf(await post(good))).toEqual(['created', 'created']);
    expect(wordsOf(await post(good))).toEqual(['replayed', 'replayed']);
    expect([await available(account), await available(other)]).toEqual(['0', '2']);
  });

  test('with a bad one among them are not posted, and those beside them are', async () => {
    const account = await funded(5);
    const results = await post([
      charge(account, 1, { group: 'a' }),
      { type: 'charge', id: fresh(), group: 'a' },
      charge(account, 1, { group: 'b' }),
      charge(account, 1, { group: 'b', operation: 'unheard-of' }),
      charge(account, 1, { group: 'c' }),
      charge(account),
    ]);
    expect(wordsOf(results)).toEqual([
      'group-failed',
      'invalid-request',
      'group-failed',
      'unpriced',
      'created',
      'created',
    ]);
    expect(results[0]).toMatchObject({ status: 409, problem: { errors: [{ field: 'group' }] } });
    expect(await available(account)).toBe('3');
  });

  test('that were posted are replays, also where one of them has no price any more', async () => {
    const account = await funded(5);
    const pair = [charge(account, 1, { group: 'a' }), charge(account, 1, { group: 'a' })];
    await post(pair);
    const settings = await ledger.deps.settings.get();
    const none = { ...settings, rateCards: [] };
    const change = { settings: { get: async () => none, refresh: async () => none } };
    const answer = await ledger.sendWith(change, BATCH, { body: { elements: pair } });
    expect(wordsOf(resultsIn(answer))).toEqual(['replayed', 'replayed']);
  });

  test('above the most that one transaction takes, or with one id twice, refuse the whole batch', async () => {
    const account = await funded(50);
    const linked = (name: string) =>
      Array.from({ length: GROUP_ELEMENTS_MAX }, () => charge(account, 1, { group: name }));
    const [a, b] = [linked('a'), linked('b')];
    const twice = await send([...a, ...b, charge(account, 1, { group: 'b' }), { ...a[0], group: 'a' }]);
    expect([twice.status, twice.body.errors]).toEqual([
      400,
      [
        { field: 'elements.51.group', rule: 'must not link more than 25 elements' },
        { field: 'elements.51.id', rule: 'must not be the id of another element of the group "a"' },
        { field: 'elements.50.group', rule: 'must not link more than 25 elements' },
      ],
    ]);
    expect(await available(account)).toBe('50');
    expect(new Set(wordsOf(await post([...a, ...b])))).toEqual(new Set(['created']));
  });
});

describe('a paused ledger', () => {
  test('answers replays, and holds the rest back', async () => {
    const account = await funded(5);
    const posted = charge(account);
    await post([posted]);
    const linked = [charge(account, 1, { group: 'a' }), charge(account, 1, { group: 'a', operation: 'unheard-of' })];
    const elements = [posted, { ...posted, quantities: { tokens: 9 } }, charge(account), ...linked];
    const answer = await ledger.sendWhilePaused(BATCH, { body: { elements } });
    expect(wordsOf(resultsIn(answer))).toEqual(['replayed', 'conflict', 'ledger-paused', 'ledger-paused', 'unpriced']);
    expect(await available(account)).toBe('4');
  });
});

describe('behind a batch', () => {
  test('settings are read again once, however many elements have no price', async () => {
    let reads = 0;
    const settings = await ledger.deps.settings.get();
    const refresh = async () => {
      reads += 1;
      return settings;
    };
    const change = { settings: { get: async () => settings, refresh } };
    const elements = Array.from({ length: 10 }, () => charge('customer:x', 1, { operation: 'unheard-of' }));
    await ledger.sendWith(change, BATCH, { body: { elements } });
    expect(reads).toBe(1);
  });

  test('a fault of one element is told to it alone', async () => {
    const account = await funded(5);
    const settings = await ledger.deps.settings.get();
    const [card] = settings.rateCards;
    if (card === undefined) throw new Error('There is no card.');
    // A revenue account that the chart does not know, for one operation of another card.
    const odd = { ...card, name: 'postpaid', revenueAccount: 'nobody:x', asset: 'USD/6' };
    const cards = { ...settings, rateCards: [...settings.rateCards, odd] };
    const change = { settings: { get: async () => cards, refresh: async () => cards } };
    const elements = [charge('postpaid:p'), charge(account)];
    const answer = await ledger.sendWith(change, BATCH, { body: { elements } });
    expect(resultsIn(answer).map(({ status, result }) => [status, result])).toEqual([
      [500, 'internal-error'],
      [201, 'created'],
    ]);
  });

  test('a table that takes nothing leaves every element unanswered for now', async () => {
    const account = await funded(5);
    const mock = mockClient(DynamoDBClient);
    try {
      const slow = new ThrottlingException({ message: 'slow down', $metadata: {} });
      mock.on(TransactWriteItemsCommand).rejects(slow);
      mock.on(BatchGetItemCommand).rejects(slow);
      const elements = [charge(account), charge(account, 1, { operation: 'unheard-of' }), charge('nobody:x')];
      const answer = await ledger.send(BATCH, { body: { elements } });
      expect(resultsIn(answer).map(({ status, result }) => [status, result])).toEqual([
        [503, 'unavailable'],
        [503, 'unavailable'],
        [400, 'invalid-request'],
      ]);
    } finally {
      mock.restore();
    }
  });

  test('what becomes of elements is counted like that of single requests', async () => {
    const account = await funded(1);
    const counted: Record<string, number> = {};
    const { addMetric } = metrics;
    metrics.addMetric = (name, _unit, value) => {
      counted[name] = (counted[name] ?? 0) + value;
      return metrics;
    };
    try {
      const first = charge(account);
      await send([first, first, { ...first, quantities: {} }, charge(account), charge(account)]);
    } finally {
      metrics.addMetric = addMetric;
    }
    expect(counted).toEqual({
      transfers_created: 1,
      transfers_replayed: 1,
      idempotency_conflicts: 1,
      transfers_refused: 2,
    });
  });
});
