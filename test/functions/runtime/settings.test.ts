import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, expect, test } from 'vitest';
import { createSettingsCache } from '../../../functions/runtime/settings.ts';

const client = new DynamoDBClient({ region: 'us-east-1' });
const mock = mockClient(client);
afterEach(() => mock.reset());

const reads = () => mock.commandCalls(QueryCommand).length;
const page = (paused: boolean) => ({
  Items: [{ pk: { S: 'settings' }, sk: { S: 'control#ledger' }, paused: { BOOL: paused }, reason: { S: 'why' } }],
});

function cacheAt(time: { now: number }) {
  return createSettingsCache({ client, operationsTable: 'operations' }, () => time.now);
}

test('reads once for many requests, and again beside a request when what it knows has aged', async () => {
  mock.on(QueryCommand).resolves({ Items: [] });
  const time = { now: 0 };
  const cache = cacheAt(time);
  await Promise.all([cache.get(), cache.get(), cache.get()]);
  await cache.get();
  expect(reads()).toBe(1);
  time.now = 6_000;
  await cache.get();
  expect(reads()).toBe(2);
});

test('answers from what it knows while a read beside it fails, and not from what is older than fifteen seconds', async () => {
  mock.on(QueryCommand).resolvesOnce({ Items: [] }).rejects(new Error('down'));
  const time = { now: 0 };
  const cache = cacheAt(time);
  await cache.get();
  time.now = 14_000;
  expect(await cache.get()).toMatchObject({ rateCards: [] });
  time.now = 16_000;
  await expect(cache.get()).rejects.toThrow('down');
});

test('does not join a read that began long ago, such as one that a frozen instance left behind', async () => {
  const stuck = Promise.withResolvers<ReturnType<typeof page>>();
  mock
    .on(QueryCommand)
    .resolvesOnce(page(false))
    .callsFakeOnce(() => stuck.promise)
    .resolves(page(true));
  const time = { now: 0 };
  const cache = cacheAt(time);
  await cache.get();
  time.now = 6_000;
  await cache.get();
  time.now = 60_000;
  expect((await cache.get()).ledgerControl.paused).toBe(true);
  stuck.resolve(page(false));
  await stuck.promise;
  expect((await cache.get()).ledgerControl.paused).toBe(true);
});
