import {
  type ConsumedCapacity,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';

/** What went through a client. */
export interface Meter {
  /** Requests sent, repetitions included. */
  requests: number;
  readUnits: number;
  /** By where they were used: `table`, or an index's name. */
  writeUnits: Record<string, number>;
}

/** Counts what a client sends and what the engine says it used. Refused writes do not say, here as on AWS. */
export function meter(client: DynamoDBClient): Meter {
  const counted: Meter = { requests: 0, readUnits: 0, writeUnits: {} };
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (call) => {
        Object.assign(call.input, { ReturnConsumedCapacity: 'INDEXES' });
        const answer = await next(call);
        const { ConsumedCapacity: consumed } = answer.output as { ConsumedCapacity?: Consumed };
        for (const one of consumed === undefined ? [] : [consumed].flat()) {
          if (READS.has(commandName)) counted.readUnits += one.CapacityUnits ?? 0;
          else addWriteUnits(counted, one);
        }
        return answer;
      },
    { step: 'initialize' },
  );
  client.middlewareStack.add(
    (next) => (call) => {
      counted.requests += 1;
      return next(call);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return counted;
}

type Consumed = ConsumedCapacity | ConsumedCapacity[];

const READS: ReadonlySet<string> = new Set([GetItemCommand.name, QueryCommand.name]);

function addWriteUnits({ writeUnits }: Meter, { Table, GlobalSecondaryIndexes = {} }: ConsumedCapacity): void {
  for (const [where, { CapacityUnits = 0 }] of Object.entries({ table: Table ?? {}, ...GlobalSecondaryIndexes })) {
    writeUnits[where] = (writeUnits[where] ?? 0) + CapacityUnits;
  }
}

export function resetMeter(counted: Meter): void {
  Object.assign(counted, { requests: 0, readUnits: 0, writeUnits: {} });
}

export type Write =
  | { readonly operation: 'PutItem'; readonly input: PutItemCommandInput }
  | { readonly operation: 'TransactWriteItems'; readonly input: TransactWriteItemsCommandInput };

/** Takes a client's writes instead of sending them, and answers that they are done. Reads pass. */
export function divertWrites(client: DynamoDBClient): Write[] {
  const writes: Write[] = [];
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (call) => {
        if (commandName === PutItemCommand.name) {
          writes.push({ operation: 'PutItem', input: call.input as PutItemCommandInput });
        } else if (commandName === TransactWriteItemsCommand.name) {
          writes.push({ operation: 'TransactWriteItems', input: call.input as TransactWriteItemsCommandInput });
        } else {
          return next(call);
        }
        return { response: undefined, output: { $metadata: {} } };
      },
    { step: 'initialize' },
  );
  return writes;
}

/** Notes each query that a client begins; further pages of one are not noted. */
export function recordQueries(client: DynamoDBClient): QueryCommandInput[] {
  const queries: QueryCommandInput[] = [];
  client.middlewareStack.add(
    (next, { commandName }) =>
      (call) => {
        const input = call.input as QueryCommandInput;
        if (commandName === QueryCommand.name && input.ExclusiveStartKey === undefined) queries.push({ ...input });
        return next(call);
      },
    { step: 'initialize' },
  );
  return queries;
}
