import {
  type AttributeValue,
  BatchGetItemCommand,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { toItem, type ValueMap } from '../../../store/items.ts';

/** The table of cases by which the model of DynamoDB is held against the embedded engine: each runs against both. */

export interface Client {
  send(command: never): Promise<object>;
}

export type Command =
  | PutItemCommand
  | UpdateItemCommand
  | GetItemCommand
  | BatchGetItemCommand
  | QueryCommand
  | TransactWriteItemsCommand;

/** Commands in their order, and in short what each comes to: `ok`, the name of an error, or the reasons of a cancellation. */
export interface Case {
  readonly name: string;
  readonly steps: readonly (readonly [command: Command, answer: string])[];
}

/** Tables are named by what they are; whoever runs a case has his own names for them. */
const ledger = 'ledger';
const usage = 'usage';

const put = (fields: ValueMap, more: Partial<PutItemCommandInput> = {}) =>
  new PutItemCommand({ TableName: ledger, Item: toItem(fields), ...more });

const update = (
  pk: string,
  UpdateExpression: string,
  values: ValueMap = {},
  more: Partial<UpdateItemCommandInput> = {},
) =>
  new UpdateItemCommand({
    ...{ TableName: ledger, Key: toItem({ pk }), UpdateExpression, ReturnValues: 'ALL_NEW' },
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: toItem(values) }),
    ...more,
  });

const get = (pk: string) => new GetItemCommand({ TableName: ledger, Key: toItem({ pk }), ConsistentRead: true });

const query = (KeyConditionExpression: string, values: ValueMap, more: Partial<QueryCommandInput> = {}) =>
  new QueryCommand({ TableName: usage, KeyConditionExpression, ExpressionAttributeValues: toItem(values), ...more });

const transact = (TransactItems: TransactWriteItem[], ClientRequestToken?: string) =>
  new TransactWriteItemsCommand({ TransactItems, ...(ClientRequestToken !== undefined && { ClientRequestToken }) });

const ALL_OLD = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
const NEW = { ConditionExpression: 'attribute_not_exists(pk)', ...ALL_OLD } as const;
const putNew = (fields: ValueMap): TransactWriteItem => ({ Put: { TableName: ledger, Item: toItem(fields), ...NEW } });

const take = (pk: string, amount: bigint): TransactWriteItem => ({
  Update: {
    ...{ TableName: ledger, Key: toItem({ pk }), UpdateExpression: 'SET available = available - :amount' },
    ConditionExpression: 'available >= :amount',
    ExpressionAttributeValues: toItem({ ':amount': amount }),
    ...ALL_OLD,
  },
});

const failed = 'ConditionalCheckFailedException';
const refused = 'ValidationException';

/** Whether a condition holds of an item that has this; each is asked of the same item. */
const CONDITIONS: readonly (readonly [expression: string, holds: boolean])[] = [
  ['amount = :five', true],
  ['amount <> :five', false],
  ['absent <> :five', true],
  ['absent = :five', false],
  ['absent < :five', false],
  ['word < :five', false],
  ['word <> :five', true],
  ['amount BETWEEN :one AND :five', true],
  ['amount IN (:one, :five)', true],
  ['amount IN (:one, :word)', false],
  ['attribute_exists(grants.#g)', true],
  ['attribute_exists(grants.absent)', false],
  ['attribute_not_exists(absent.deeper)', true],
  ['grants.#g.remaining >= :five', true],
  ['grants.absent.remaining >= :five', false],
  ['begins_with(word, :prefix)', true],
  ['begins_with(amount, :prefix)', false],
  ['contains(word, :prefix)', true],
  ['contains(goods, :word)', true],
  ['contains(months, :word)', false],
  ['size(goods) < :five', true],
  ['size(absent) < :five', false],
  ['size(word) = :five', true],
  ['NOT amount = :five', false],
  ['amount = :one OR amount = :five AND word = :word', true],
  ['(amount = :one OR amount = :five) AND NOT word = :word', false],
  ['goods[0] = :word', true],
  ['attribute_type(amount, :type)', true],
];

const VALUES: ValueMap = { ':one': 1n, ':five': 5n, ':word': 'apple', ':prefix': 'app', ':type': 'N' };

const conditions: readonly Case[] = CONDITIONS.map(([expression, holds]) => ({
  name: `the condition ${expression}`,
  steps: [
    [put({ pk: 'c', amount: 5n, word: 'apple', grants: { g1: { remaining: 7n } }, goods: ['apple', 'pear'] }), 'ok'],
    [update('c', 'ADD months :months', {}, { ExpressionAttributeValues: { ':months': { SS: ['2026-11'] } } }), 'ok'],
    [
      put(
        { pk: 'c', amount: 5n },
        {
          ConditionExpression: expression,
          ...(expression.includes('#g') && { ExpressionAttributeNames: { '#g': 'g1' } }),
          ...valuesIn(expression),
          ...ALL_OLD,
        },
      ),
      holds ? 'ok' : failed,
    ],
    [get('c'), 'ok'],
  ],
}));

function valuesIn(expression: string): Partial<PutItemCommandInput> {
  const values = Object.entries(VALUES).filter(([name]) => expression.includes(name));
  return values.length === 0 ? {} : { ExpressionAttributeValues: toItem(Object.fromEntries(values)) };
}

const updates: readonly Case[] = [
  {
    name: 'counters that are there, and those that begin',
    steps: [
      [put({ pk: 'u1', debits: 5n, available: 10n }), 'ok'],
      [
        update('u1', 'SET debits = debits + :n, available = available + :m, held = if_not_exists(held, :z) + :n', {
          ...{ ':n': 3n, ':m': -3n, ':z': 0n },
        }),
        'ok',
      ],
      [update('u1', 'SET absent = absent + :n', { ':n': 1n }), refused],
      [update('u1-new', 'SET created = :n', { ':n': 1n }), 'ok'],
      [update('u1', 'SET big = :n', { ':n': 10n ** 37n }), 'ok'],
      [update('u1', 'SET big = big + big', {}), 'ok'],
      [get('u1'), 'ok'],
    ],
  },
  {
    name: 'what is set is reckoned from what was there',
    steps: [
      [put({ pk: 'u2', a: 1n, b: 2n }), 'ok'],
      [update('u2', 'SET a = b, b = a'), 'ok'],
      [update('u2', 'SET a = :x REMOVE b', { ':x': 'x' }), 'ok'],
      [update('u2', 'REMOVE nothing'), 'ok'],
    ],
  },
  {
    name: 'parts of maps',
    steps: [
      [put({ pk: 'u3', grants: { 'g-1': { remaining: 5n } } }), 'ok'],
      [
        update(
          'u3',
          'SET grants.#g.remaining = grants.#g.remaining - :n',
          { ':n': 2n },
          {
            ExpressionAttributeNames: { '#g': 'g-1' },
          },
        ),
        'ok',
      ],
      [
        update(
          'u3',
          'SET grants.#n = :new REMOVE grants.#g',
          { ':new': { remaining: 1n } },
          {
            ExpressionAttributeNames: { '#g': 'g-1', '#n': 'g-2' },
          },
        ),
        'ok',
      ],
      [update('u3', 'SET absent.#n = :new', { ':new': 'x' }, { ExpressionAttributeNames: { '#n': 'n' } }), refused],
      [update('u3', 'REMOVE grants.#n', {}, { ExpressionAttributeNames: { '#n': 'n' } }), 'ok'],
    ],
  },
  {
    name: 'lists and sets that grow',
    steps: [
      [update('u4', 'SET ids = list_append(if_not_exists(ids, :none), :id)', { ':none': [], ':id': ['a'] }), 'ok'],
      [update('u4', 'SET ids = list_append(if_not_exists(ids, :none), :id)', { ':none': [], ':id': ['b'] }), 'ok'],
      [update('u4', 'ADD months :m', {}, { ExpressionAttributeValues: { ':m': { SS: ['2026-10'] } } }), 'ok'],
      [
        update('u4', 'ADD months :m', {}, { ExpressionAttributeValues: { ':m': { SS: ['2026-09', '2026-10'] } } }),
        'ok',
      ],
    ],
  },
  {
    name: 'what is refused as it is',
    steps: [
      [put({ pk: 'u5' }), 'ok'],
      [update('u5', 'SET a = :a', { ':a': 1n, ':unused': 1n }), refused],
      [update('u5', 'SET a = :missing', {}), refused],
      [update('u5', 'SET a = :a', {}, { ExpressionAttributeValues: {} }), refused],
      [update('u5', 'SET a = b', {}, { ExpressionAttributeNames: {} }), refused],
      [update('u5', 'SET pk = :a', { ':a': 'other' }), refused],
      [update('u5', 'SET a = :a WHEN', { ':a': 1n }), refused],
    ],
  },
];

const transactions: readonly Case[] = [
  {
    name: 'a transaction, its replay by token, and another one under the token',
    steps: [
      [put({ pk: 't1-account', available: 10n }), 'ok'],
      [transact([putNew({ pk: 't1' }), take('t1-account', 4n)], 'token-1'), 'ok'],
      [transact([putNew({ pk: 't1' }), take('t1-account', 4n)], 'token-1'), 'ok'],
      [
        transact([putNew({ pk: 't1-other' }), take('t1-account', 4n)], 'token-1'),
        'IdempotentParameterMismatchException',
      ],
      [get('t1-account'), 'ok'],
    ],
  },
  {
    name: 'reasons in the order of the actions, with the items that failed them',
    steps: [
      [put({ pk: 't2-account', available: 3n }), 'ok'],
      [put({ pk: 't2' }), 'ok'],
      [
        transact(
          [putNew({ pk: 't2' }), putNew({ pk: 't2-new' }), take('t2-account', 4n), take('t2-nobody', 1n)],
          'token-2',
        ),
        'ConditionalCheckFailed None ConditionalCheckFailed ConditionalCheckFailed',
      ],
      [get('t2-new'), 'ok'],
      [get('t2-account'), 'ok'],
    ],
  },
  {
    name: 'a token whose transaction was cancelled is tried again',
    steps: [
      [put({ pk: 't3-account', available: 3n }), 'ok'],
      [transact([putNew({ pk: 't3' }), take('t3-account', 4n)], 'token-3'), 'None ConditionalCheckFailed'],
      [put({ pk: 't3-account', available: 5n }), 'ok'],
      [transact([putNew({ pk: 't3' }), take('t3-account', 4n)], 'token-3'), 'ok'],
      [get('t3-account'), 'ok'],
    ],
  },
  {
    name: 'an update that cannot be reckoned, a check, and two writes of one item',
    steps: [
      [
        transact([
          { Update: { TableName: ledger, Key: toItem({ pk: 't4' }), UpdateExpression: 'SET a = b' } },
          putNew({ pk: 't4-new' }),
        ]),
        'ValidationError None',
      ],
      [
        transact([
          {
            ConditionCheck: {
              TableName: ledger,
              Key: toItem({ pk: 't4' }),
              ConditionExpression: 'attribute_exists(pk)',
            },
          },
          putNew({ pk: 't4-new' }),
        ]),
        'ConditionalCheckFailed None',
      ],
      [transact([putNew({ pk: 't4' }), putNew({ pk: 't4' })]), refused],
      [transact(Array.from({ length: 101 }, (_, index) => putNew({ pk: `t4-${index}` }))), refused],
    ],
  },
];

const row = (sk: string, more: ValueMap = {}) =>
  new PutItemCommand({ TableName: usage, Item: toItem({ pk: 'q', sk, ...more }) });

const rows: Case['steps'] = ['a#1', 'a#2', 'b#1', 'b#2', 'c#1'].map((sk, index) => [
  row(sk, { run: sk, n: BigInt(index) }),
  'ok',
]);
const key = (sk: string): Record<string, AttributeValue> => toItem({ pk: 'q', sk });

const byBucket = { TableName: ledger, IndexName: 'byBucket' };

const queries: readonly Case[] = [
  {
    name: 'parts of a partition, forwards and backwards',
    steps: [
      ...rows,
      [query('pk = :pk', { ':pk': 'q' }), 'ok'],
      [query('pk = :pk', { ':pk': 'nothing' }), 'ok'],
      [query('pk = :pk AND begins_with(sk, :s)', { ':pk': 'q', ':s': 'b#' }), 'ok'],
      [query('pk = :pk AND sk BETWEEN :a AND :b', { ':pk': 'q', ':a': 'a#2', ':b': 'b#1' }), 'ok'],
      [query('pk = :pk AND sk < :s', { ':pk': 'q', ':s': 'b#1' }, { ScanIndexForward: false }), 'ok'],
      [query('pk = :pk AND sk >= :s', { ':pk': 'q', ':s': 'b#1' }), 'ok'],
      [query('pk = :pk AND sk = :s', { ':pk': 'q', ':s': 'b#1' }, { Select: 'COUNT' }), 'ok'],
    ],
  },
  {
    name: 'pages, filters and projections',
    steps: [
      ...rows,
      [query('pk = :pk', { ':pk': 'q' }, { Limit: 2 }), 'ok'],
      [query('pk = :pk', { ':pk': 'q' }, { Limit: 2, ExclusiveStartKey: key('a#2') }), 'ok'],
      [query('pk = :pk', { ':pk': 'q' }, { Limit: 2, ExclusiveStartKey: key('b#2') }), 'ok'],
      [query('pk = :pk', { ':pk': 'q' }, { Limit: 2, ExclusiveStartKey: key('b#1'), ScanIndexForward: false }), 'ok'],
      [query('pk = :pk', { ':pk': 'q' }, { ExclusiveStartKey: key('a#9') }), 'ok'],
      [query('pk = :pk', { ':pk': 'q', ':s': 'b' }, { FilterExpression: 'begins_with(run, :s)', Limit: 4 }), 'ok'],
      [
        query('pk = :pk', { ':pk': 'q' }, { ProjectionExpression: '#0, n', ExpressionAttributeNames: { '#0': 'run' } }),
        'ok',
      ],
      [query('sk = :s', { ':s': 'b#1' }), refused],
    ],
  },
  {
    name: 'a sparse index, in which an item appears, moves and stays',
    steps: [
      [put({ pk: 'i1', debitDay: 'd', debitAt: '1', n: 1n }), 'ok'],
      [put({ pk: 'i2', debitDay: 'd', debitAt: '2' }), 'ok'],
      [put({ pk: 'i3', debitDay: 'd' }), 'ok'],
      [put({ pk: 'i1', debitDay: 'd', debitAt: '1', n: 2n }), 'ok'],
      [put({ pk: 'i4', debitDay: 'd', debitAt: '1' }), 'ok'],
      [
        query('debitDay = :d AND debitAt >= :a', { ':d': 'd', ':a': '2' }, { TableName: ledger, IndexName: 'byDebit' }),
        'ok',
      ],
      [update('i2', 'SET debitAt = :a', { ':a': '0' }), 'ok'],
      [
        query('debitDay = :d AND debitAt < :a', { ':d': 'd', ':a': '1' }, { TableName: ledger, IndexName: 'byDebit' }),
        'ok',
      ],
      [query('debitDay = :d', { ':d': 'd' }, { TableName: ledger, IndexName: 'byDebit', Limit: 1 }), 'ok'],
      [
        query('debitDay = :d', { ':d': 'd' }, { TableName: ledger, IndexName: 'byDebit', ConsistentRead: true }),
        refused,
      ],
      [query('debitDay = :d', { ':d': 'd' }, { TableName: ledger, IndexName: 'byNothing' }), refused],
    ],
  },
  {
    name: 'an index of keys, and many items at once',
    steps: [
      [put({ pk: 'account#a', account: 'a', bucket: '07', n: 1n }), 'ok'],
      [query('#b = :b', { ':b': '07' }, { ...byBucket, ExpressionAttributeNames: { '#b': 'bucket' } }), 'ok'],
      [
        new BatchGetItemCommand({
          RequestItems: {
            [ledger]: { Keys: ['account#a', 'absent', 'i1'].map((pk) => toItem({ pk })), ConsistentRead: true },
          },
        }),
        'ok',
      ],
    ],
  },
];

export const CASES: readonly Case[] = [...conditions, ...updates, ...transactions, ...queries];

/** What a command comes to, without what depends on the engine's words. */
export async function answerOf(client: Client, command: Command): Promise<{ short: string; full: unknown }> {
  try {
    const output = (await client.send(command as never)) as Record<string, unknown>;
    const { Item, Items, Attributes, Count, ScannedCount, LastEvaluatedKey, Responses } = output;
    const batches = Object.entries((Responses ?? {}) as Record<string, object[]>).map(([, items]) => sorted(items));
    return { short: 'ok', full: plain({ Item, Items, Attributes, Count, ScannedCount, LastEvaluatedKey, batches }) };
  } catch (error) {
    if (error instanceof TransactionCanceledException) {
      const reasons = (error.CancellationReasons ?? []).map(({ Code, Item }) => ({ Code, Item }));
      return { short: reasons.map(({ Code }) => Code).join(' '), full: plain(reasons) };
    }
    const { name, Item } = error as Error & { Item?: unknown };
    return { short: name, full: plain({ name, Item }) };
  }
}

function sorted(items: readonly object[]): object[] {
  return items.toSorted((a, b) => (JSON.stringify(plain(a)) < JSON.stringify(plain(b)) ? -1 : 1));
}

/** Members in order of their names, sets in order, and nothing that is undefined. */
function plain(value: unknown): unknown {
  const ordered = (_: string, member: unknown): unknown => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    const entries = Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([name, each]) => [name, name === 'SS' ? [...each].sort() : each]));
  };
  return JSON.parse(JSON.stringify(value, ordered));
}
