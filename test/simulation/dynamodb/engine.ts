import { isDeepStrictEqual } from 'node:util';
import type {
  BatchGetItemCommandInput,
  GetItemCommandInput,
  PutItemCommandInput,
  QueryCommandInput,
  TransactWriteItem,
  TransactWriteItemsCommandInput,
  UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { cancelled, conditionFailed, invalid, serviceFault } from './faults.ts';
import { type QueryAnswer, readQueryPage } from './query.ts';
import { type Change, createTable, keyOf, TABLES, type Table } from './tables.ts';
import { InvalidRequestError, type Item } from './values.ts';
import { assertDistinct, checkPlaceholders, tryAll, tryWrite, type Write, writeIn } from './writes.ts';

/** The tables of DynamoDB in this process: every call happens at one moment, the way their order is the order of writes. */
export interface Engine {
  readonly tables: ReadonlyMap<string, Table>;
  /** Performs a command by the name of its class. */
  perform(command: string, input: unknown): object;
  /** Changes an item past every condition, as somebody with the console does. */
  edit(table: string, key: Item, change: (item: Item | undefined) => Item): void;
}

export interface EngineOptions {
  readonly now: () => number;
  /** Milliseconds by which an index or a read that is not consistent is behind its table. */
  readonly lag: () => number;
  /** Items of a page at most. */
  readonly pageItems: number;
  /** Told of all changes that one call makes, before they are seen. */
  readonly onCommit?: (changes: readonly Change[], isEdit: boolean) => void;
}

/** Actions of a transaction (AWS limit). */
const ACTIONS_MAX = 100;
/** Milliseconds for which a token stands for its transaction (AWS). */
const TOKEN_MS = 600_000;

export function createEngine({ now, lag, pageItems, onCommit }: EngineOptions): Engine {
  const tables = new Map(Object.entries(TABLES).map(([name, shape]) => [name, createTable(shape)]));
  const tokens = new Map<string, { readonly items: readonly TransactWriteItem[]; readonly at: number }>();

  const tableOf = (name: string | undefined): Table => {
    const table = tables.get(name ?? '');
    if (table === undefined) throw serviceFault('ResourceNotFoundException', `There is no table ${name}.`);
    return table;
  };

  function commit(changes: readonly Change[], isEdit = false): void {
    onCommit?.(changes, isEdit);
    for (const change of changes) tableOf(change.table).write(change, now(), lag);
  }

  function writeOne(write: Write): Change {
    const tried = tryWrite(write, tableOf);
    if ('old' in tried) throw conditionFailed(tried.old);
    commit([tried.change]);
    return tried.change;
  }

  function transact({ TransactItems = [], ClientRequestToken: token }: TransactWriteItemsCommandInput): object {
    if (TransactItems.length === 0 || TransactItems.length > ACTIONS_MAX) throw invalid('1 to 100 actions.');
    const before = token === undefined ? undefined : tokens.get(token);
    if (before !== undefined && now() - before.at < TOKEN_MS) {
      if (before.items === TransactItems || isDeepStrictEqual(before.items, TransactItems)) return {};
      throw serviceFault('IdempotentParameterMismatchException', 'The token is that of another transaction.');
    }
    const writes = TransactItems.map(writeIn);
    assertDistinct(writes, tableOf);
    const { changes, reasons } = tryAll(writes, tableOf);
    if (changes.length < writes.length) throw cancelled(reasons);
    commit(changes.filter(({ before, after }) => before !== after));
    if (token !== undefined) tokens.set(token, { items: TransactItems, at: now() });
    return {};
  }

  function get({ TableName, Key, ConsistentRead }: GetItemCommandInput): object {
    const table = tableOf(TableName);
    const key = keyOf(table.shape, Key ?? {});
    const item = ConsistentRead ? table.items.get(key) : table.behind.get(key, now());
    return item === undefined ? {} : { Item: item };
  }

  function getMany({ RequestItems = {} }: BatchGetItemCommandInput): object {
    const answers = Object.entries(RequestItems).map(([name, { Keys = [], ConsistentRead }]) => {
      const items = Keys.map((Key) => (get({ TableName: name, Key, ConsistentRead }) as { Item?: Item }).Item);
      // In no order that anybody may count on.
      return [name, items.filter((item) => item !== undefined).reverse()] as const;
    });
    return { Responses: Object.fromEntries(answers), UnprocessedKeys: {} };
  }

  function query(input: QueryCommandInput): QueryAnswer {
    const table = tableOf(input.TableName);
    checkPlaceholders(input);
    const { IndexName: name, ConsistentRead } = input;
    if (name !== undefined && ConsistentRead) throw invalid('No consistent read of a global index.');
    const index = name === undefined ? (ConsistentRead ? table.current : table.behind) : table.indexes.get(name);
    if (index === undefined) throw invalid(`The table does not have the specified index: ${name}`);
    return readQueryPage({ input, shape: table.shape, index, now: now(), pageItems });
  }

  const commands: Readonly<Record<string, (input: never) => object>> = {
    PutItemCommand: (input: PutItemCommandInput) => {
      writeOne(input);
      return {};
    },
    UpdateItemCommand: (input: UpdateItemCommandInput) => {
      const { before, after } = writeOne(input);
      const { ReturnValues } = input;
      if (ReturnValues === 'ALL_NEW') return { Attributes: after };
      return ReturnValues === 'ALL_OLD' && before !== undefined ? { Attributes: before } : {};
    },
    GetItemCommand: get,
    BatchGetItemCommand: getMany,
    QueryCommand: query,
    TransactWriteItemsCommand: transact,
  };

  return {
    tables,
    perform(command, input) {
      const perform = commands[command];
      if (perform === undefined) throw new TypeError(`The model has no ${command}.`);
      try {
        return perform(input as never);
      } catch (error) {
        throw error instanceof InvalidRequestError ? invalid(error.message) : error;
      }
    },
    edit(name, key, change) {
      const table = tableOf(name);
      const before = table.items.get(keyOf(table.shape, key));
      const after = change(before);
      commit([{ table: name, key: keyOf(table.shape, after), before, after }], true);
    },
  };
}
