import type { QueryCommandOutput, TransactWriteItem, TransactWriteItemsCommandInput } from '@aws-sdk/client-dynamodb';
import type { Engine } from './dynamodb/engine.ts';
import { LEDGER } from './dynamodb/tables.ts';
import type { Item } from './dynamodb/values.ts';

/**
 * Bugs that are planted between the code and its tables. Each is one that ledgers have had, and a simulation that lives
 * with it is worth nothing.
 */
export const SABOTEURS = {
  'a retry without its condition': retryWithoutCondition,
  'a lost update of a balance': lostUpdate,
  'a reversal twice': (engine) => withoutCondition(engine, ({ Update }) => isOf(Update, 'reversed#')),
  'a hold that ends twice': (engine) => withoutCondition(engine, ({ Put }) => isOf(Put, 'resolution#')),
  'a skipped page': skippedPage,
  'an expiry that is passed over': expiryPassedOver,
  'an acknowledged write that never lands': writeThatNeverLands,
  'a condition on funds that is dropped': droppedFunds,
  'a fork of the audit chain': (engine) => withoutCondition(engine, ({ Put }) => Put?.Item?.pk?.S === 'audit'),
} as const satisfies Record<string, (engine: Engine) => Engine>;

export type Saboteur = keyof typeof SABOTEURS;

/** Where a bug does its work only now and then: at every so many chances of it. */
const NOW_AND_THEN = 25;

type Write = NonNullable<TransactWriteItem['Put'] & TransactWriteItem['Update']>;

function isOf(write: TransactWriteItem['Put'] | TransactWriteItem['Update'], prefix: string): boolean {
  const { Item: item, Key: key } = (write ?? {}) as Partial<Write>;
  return (item ?? key)?.pk?.S?.startsWith(prefix) === true;
}

/** Rewrites the actions of transactions on their way. */
function rewriting(engine: Engine, rewrite: (action: TransactWriteItem) => TransactWriteItem): Engine {
  return {
    ...engine,
    perform(command, input) {
      if (command !== 'TransactWriteItemsCommand') return engine.perform(command, input);
      const { TransactItems = [], ...rest } = input as TransactWriteItemsCommandInput;
      return engine.perform(command, { ...rest, TransactItems: TransactItems.map(rewrite) });
    },
  };
}

function withoutCondition(engine: Engine, isMeant: (action: TransactWriteItem) => boolean): Engine {
  return rewriting(engine, (action) => {
    if (!isMeant(action)) return action;
    const { Put, Update } = action;
    return Put === undefined ? { Update: unconditional(Update as Write) } : { Put: unconditional(Put as Write) };
  });
}

function unconditional(write: Write): Write {
  const { ConditionExpression: condition, ExpressionAttributeValues: values, ...rest } = write;
  const said = rest.UpdateExpression ?? '';
  // What only the condition used must go with it.
  const left = Object.entries(values ?? {}).filter(([name]) => new RegExp(`${name}\\b`).test(said));
  void condition;
  return { ...rest, ...(left.length > 0 && { ExpressionAttributeValues: Object.fromEntries(left) }) } as Write;
}

/** The second attempt of a put forgets that it is one. */
function retryWithoutCondition(engine: Engine): Engine {
  const seen = new WeakSet<object>();
  return {
    ...engine,
    perform(command, input) {
      const again = input as Write;
      if (command !== 'PutItemCommand' || !seen.has(again)) {
        seen.add(again);
        return engine.perform(command, input);
      }
      return engine.perform(command, unconditional(again));
    },
  };
}

const COUNTERS = ['credits', 'debits', 'available'] as const;

/** Balances are read, added to, and written, and whoever came between is forgotten. */
function lostUpdate(engine: Engine): Engine {
  const before = new Map<string, Item>();
  let chances = 0;
  return rewriting(engine, (action) => {
    const { Update: update } = action;
    const key = update?.Key?.pk?.S ?? '';
    const now = engine.tables.get(LEDGER)?.items.get(key);
    const remembered = before.get(key);
    if (now !== undefined) before.set(key, now);
    if (update === undefined || remembered === undefined || !key.startsWith('account#')) return action;
    chances += 1;
    if (chances % NOW_AND_THEN !== 0) return action;
    const written = COUNTERS.reduce(
      (text, name) => text.replace(`${name} = ${name}`, `${name} = :old${name}`),
      update.UpdateExpression ?? '',
    );
    const values = COUNTERS.flatMap((name) =>
      written.includes(`:old${name}`) ? [[`:old${name}`, remembered[name]]] : [],
    );
    const ExpressionAttributeValues = { ...update.ExpressionAttributeValues, ...Object.fromEntries(values) };
    return { Update: { ...update, UpdateExpression: written, ExpressionAttributeValues } };
  });
}

/** Whoever reads an index believes that its first page is all. */
function skippedPage(engine: Engine): Engine {
  return {
    ...engine,
    perform(command, input) {
      const answer = engine.perform(command, input) as QueryCommandOutput;
      if (command !== 'QueryCommand' || (input as { IndexName?: string }).IndexName === undefined) return answer;
      const { LastEvaluatedKey: _, ...first } = answer;
      return first;
    },
  };
}

/** The sweep does not see some of what expires. */
function expiryPassedOver(engine: Engine): Engine {
  return {
    ...engine,
    perform(command, input) {
      const answer = engine.perform(command, input) as QueryCommandOutput;
      const { ExpressionAttributeValues: values = {} } = input as { ExpressionAttributeValues?: Item };
      if (command !== 'QueryCommand' || !values[':partition']?.S?.startsWith('#expiry#')) return answer;
      return { ...answer, Items: answer.Items?.filter(({ pk }) => !/[13579]$/.test(pk?.S ?? '')) };
    },
  };
}

function writeThatNeverLands(engine: Engine): Engine {
  let chances = 0;
  return {
    ...engine,
    perform(command, input) {
      const isWrite = command === 'TransactWriteItemsCommand' || command === 'PutItemCommand';
      if (isWrite) chances += 1;
      return isWrite && chances % NOW_AND_THEN === 0 ? {} : engine.perform(command, input);
    },
  };
}

function droppedFunds(engine: Engine): Engine {
  return rewriting(engine, (action) => {
    const { Update: update } = action;
    if (!update?.ConditionExpression?.includes('available >= :needed')) return action;
    const ConditionExpression = update.ConditionExpression.replace(' AND available >= :needed', '');
    const { ':needed': _, ...ExpressionAttributeValues } = update.ExpressionAttributeValues ?? {};
    return { Update: { ...update, ConditionExpression, ExpressionAttributeValues } };
  });
}
