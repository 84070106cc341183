import { BatchGetItemCommand, DynamoDBClient, ProvisionedThroughputExceededException } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { getItems } from '../../store/batch-get.ts';
import { StoreUnavailableError } from '../../store/retry.ts';

const client = new DynamoDBClient({});
const table = mockClient(client);
let seconds = 0;
const clock = { now: () => ++seconds * 1_000, random: () => 0.5, sleep: async () => undefined };
const store = { client, ledgerTable: 'ledger', clock };
beforeEach(() => table.reset());

const item = (pk: string) => ({ pk: { S: pk } });
const keysOf = (call: number) =>
  table.commandCalls(BatchGetItemCommand)[call]?.args[0].input.RequestItems?.ledger?.Keys?.map(({ pk }) => pk?.S);

/** Gives the first `count` items of each call and leaves the others. */
function giving(count: number): void {
  table.on(BatchGetItemCommand).callsFake(({ RequestItems }) => {
    const keys = RequestItems.ledger.Keys;
    const left = keys.slice(count);
    return {
      Responses: { ledger: keys.slice(0, count) },
      ...(left.length > 0 && { UnprocessedKeys: { ledger: { Keys: left } } }),
    };
  });
}

test('asks again for what a call left, and for nothing else', async () => {
  giving(1);
  const found = await getItems(store, ['a', 'b', 'c']);
  expect([...found.keys()]).toEqual(['a', 'b', 'c']);
  expect([0, 1, 2, 3].map(keysOf)).toEqual([['a', 'b', 'c'], ['b', 'c'], ['c'], undefined]);
});

test('asks for a hundred at once, as they are now', async () => {
  giving(100);
  const keys = Array.from({ length: 201 }, (_, index) => `k${index}`);
  expect((await getItems(store, keys)).size).toBe(201);
  const calls = table.commandCalls(BatchGetItemCommand).map(({ args: [{ input }] }) => input.RequestItems?.ledger);
  expect(calls.map((call) => [call?.Keys?.length, call?.ConsistentRead])).toEqual([
    [100, true],
    [100, true],
    [1, true],
  ]);
});

test('asks for nothing where nothing is wanted', async () => {
  expect((await getItems(store, [])).size).toBe(0);
  expect(table.calls()).toHaveLength(0);
});

test('waits out a throttled table', async () => {
  const throttled = new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} });
  table
    .on(BatchGetItemCommand)
    .rejectsOnce(throttled)
    .resolves({ Responses: { ledger: [item('a')] } });
  expect((await getItems(store, ['a'])).size).toBe(1);
});

test('gives up at the deadline, and answers with no part of what was asked for', async () => {
  giving(0);
  await expect(getItems(store, ['a'])).rejects.toThrow(StoreUnavailableError);
});
