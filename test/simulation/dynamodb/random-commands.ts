import {
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { toItem, type ValueMap } from '../../../store/items.ts';
import type { Random } from '../random.ts';
import type { Command } from './conformance.ts';

/** Commands as the stores write them, on so few items that they meet each other. */

const KEYS = ['r1', 'r2', 'r3', 'r4', 'r5'] as const;
const TableName = 'ledger';
const ALL_OLD = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

type Write = Pick<TransactWriteItem, 'Put' | 'Update'>;

export function randomCommand(random: Random): Command {
  const pk = random.pick(KEYS);
  switch (random.weighted({ put: 2, update: 8, transact: 6, get: 2, query: 3 })) {
    case 'put':
      return new PutItemCommand(randomPut(random, pk).Put as never);
    case 'update':
      return new UpdateItemCommand({
        ...(randomUpdate(random, pk).Update as object),
        ReturnValues: 'ALL_NEW',
      } as never);
    case 'get':
      return new GetItemCommand({ TableName, Key: toItem({ pk }), ConsistentRead: true });
    case 'query':
      return new QueryCommand({
        ...{ TableName, IndexName: 'byDebit' },
        KeyConditionExpression: 'debitDay = :d AND debitAt >= :a',
        ExpressionAttributeValues: toItem({ ':d': 'random', ':a': `${random.below(6)}` }),
        ...(random.chance(0.5) && { Limit: 1 + random.below(3) }),
        ScanIndexForward: random.chance(0.5),
      });
    case 'transact': {
      const keys = KEYS.filter(() => random.chance(0.5));
      const TransactItems = (keys.length === 0 ? [pk] : keys).map((key) =>
        random.chance(0.3) ? randomPut(random, key) : randomUpdate(random, key),
      );
      return new TransactWriteItemsCommand({
        TransactItems,
        ...(random.chance(0.5) && { ClientRequestToken: `token-${random.below(1_000_000)}` }),
      });
    }
  }
}

function randomPut(random: Random, pk: string): Write {
  const fields: ValueMap = {
    pk,
    available: BigInt(random.below(20)),
    ...(random.chance(0.5) && { grants: { g1: { remaining: 5n } }, shape: 1n }),
    // Two of an index never stand at one place: engines may order these as they like.
    ...(random.chance(0.5) && { debitDay: 'random', debitAt: `${random.below(6)}#${pk}` }),
  };
  const isNew = random.chance(0.5);
  const only = isNew ? { ConditionExpression: 'attribute_not_exists(pk)', ...ALL_OLD } : {};
  return { Put: { TableName, Item: toItem(fields), ...only } };
}

function randomUpdate(random: Random, pk: string): Write {
  const n = BigInt(random.below(9));
  const [expression, condition, values, names] = random.pick(UPDATES(n));
  return {
    Update: {
      ...{ TableName, Key: toItem({ pk }), UpdateExpression: expression, ...ALL_OLD },
      ...(condition !== '' && { ConditionExpression: condition }),
      ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: toItem(values) }),
      ...(names && { ExpressionAttributeNames: { '#g': 'g1' } }),
    },
  };
}

const UPDATES = (n: bigint): readonly (readonly [string, string, ValueMap, boolean])[] => [
  ['SET available = available - :n', 'available >= :n', { ':n': n }, false],
  [
    'SET available = available + :n, held = if_not_exists(held, :z) + :n',
    'attribute_exists(pk)',
    { ':n': n, ':z': 0n },
    false,
  ],
  ['SET available = available + :n', '', { ':n': n }, false],
  [
    'SET grants.#g.remaining = grants.#g.remaining - :n',
    'shape = :s AND grants.#g.remaining >= :n',
    { ':n': n, ':s': 1n },
    true,
  ],
  ['SET grants.#g.remaining = grants.#g.remaining + :n', '', { ':n': n }, true],
  ['SET shape = :s, grants = :g', 'attribute_not_exists(shape)', { ':s': 1n, ':g': { g1: { remaining: n } } }, false],
  ['REMOVE grants.#g', 'attribute_exists(grants.#g)', {}, true],
  [
    'SET ids = list_append(if_not_exists(ids, :none), :id)',
    '(attribute_not_exists(ids) OR size(ids) < :max)',
    { ':none': [], ':id': [`${n}`], ':max': 3n },
    false,
  ],
  [
    'SET debitDay = :d, debitAt = :a',
    'attribute_exists(pk) AND attribute_not_exists(debitDay)',
    { ':d': 'random', ':a': `${n}#late` },
    false,
  ],
  ['REMOVE held', 'held > :n OR available < :n', { ':n': n }, false],
];
