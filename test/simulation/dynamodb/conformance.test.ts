import { DescribeTableCommand, type KeySchemaElement } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBooks, type TestBooks } from '../../support/books.ts';
import { createRandom } from '../random.ts';
import { answerOf, CASES, type Client } from './conformance.ts';
import { createEngine } from './engine.ts';
import { randomCommand } from './random-commands.ts';
import { TABLES } from './tables.ts';

/** The same cases against the model of DynamoDB and against the embedded engine. */

let books: TestBooks;
let embedded: Client;
let names: Readonly<Record<string, string>>;

beforeAll(async () => {
  books = await startBooks();
  names = { ledger: books.ledgerTable, usage: books.usageTable, operations: books.operationsTable };
  embedded = { send: (command) => books.client.send(renamed(command) as never) };
});
afterAll(() => books.stop());

const engine = createEngine({ now: () => 0, lag: () => 0, pageItems: 1_000 });
const model: Client = {
  send: async (command: { constructor: { name: string }; input: unknown }) =>
    engine.perform(command.constructor.name, command.input),
};

describe.each(CASES)('$name', ({ steps }) => {
  it('comes to the same in the model and in the embedded engine', async () => {
    for (const [command, expected] of steps) {
      const [modelled, real] = [await answerOf(model, command), await answerOf(embedded, command)];
      expect(real.short).toBe(expected);
      expect(modelled).toEqual(real);
    }
  });
});

it.each([1, 2, 3])('answers hundreds of random commands like the embedded engine, seed %i', async (seed) => {
  const random = createRandom(seed);
  for (let count = 0; count < 150; count += 1) {
    const command = randomCommand(random);
    const [modelled, real] = [await answerOf(model, command), await answerOf(embedded, command)];
    expect({ command: command.input, ...modelled }).toEqual({ command: command.input, ...real });
  }
});

it('has the keys and indexes of the tables that are deployed', async () => {
  for (const [name, shape] of Object.entries(TABLES)) {
    const { Table } = await books.client.send(new DescribeTableCommand({ TableName: names[name] }));
    const indexes = (Table?.GlobalSecondaryIndexes ?? []).map(({ IndexName, KeySchema, Projection }) => [
      IndexName,
      { ...keysOf(KeySchema), ...(Projection?.ProjectionType === 'KEYS_ONLY' && { keysOnly: true }) },
    ]);
    expect({ keys: keysOf(Table?.KeySchema), indexes: Object.fromEntries(indexes) }).toEqual(shape);
  }
});

function keysOf(schema: readonly KeySchemaElement[] = []): { partition?: string; sort?: string } {
  const [partition, sort] = ['HASH', 'RANGE'].map((type) => schema.find(({ KeyType }) => KeyType === type));
  return {
    ...(partition?.AttributeName !== undefined && { partition: partition.AttributeName }),
    ...(sort?.AttributeName !== undefined && { sort: sort.AttributeName }),
  };
}

/** A copy of a command in which tables have the names of the embedded engine. */
function renamed(command: { readonly constructor: unknown; readonly input: unknown }): object {
  const Command = command.constructor as new (input: unknown) => object;
  const input = JSON.parse(JSON.stringify(command.input), (name, value) => {
    if (name === 'TableName') return names[value] ?? value;
    if (name !== 'RequestItems') return value;
    return Object.fromEntries(Object.entries(value as object).map(([table, asked]) => [names[table], asked]));
  });
  return new Command(input);
}
