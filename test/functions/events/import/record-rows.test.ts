import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { chart } from '../../../../config/chart.ts';
import type { UsageEvent } from '../../../../domain/evidence.ts';
import { type EvidenceDeps, recordRows } from '../../../../functions/events/import/record-rows.ts';

const client = new DynamoDBClient({ region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
const table = mockClient(client);
const throttled = Object.assign(new Error('slow down'), { name: 'ThrottlingException' });

let clock = 0;
let deps: EvidenceDeps;
beforeEach(() => {
  table.reset();
  clock = 0;
  deps = {
    usage: {
      client,
      usageTable: 'usage',
      clock: {
        now: () => clock,
        random: () => 1,
        sleep: async (milliseconds) => {
          clock += milliseconds;
        },
      },
      seenAccounts: new Set(['customer:acme']),
    },
    chart,
    now: () => '2026-11-20T12:00:00.000Z',
  };
});

const events = (count: number): UsageEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    requestId: `r-${index}`,
    account: 'customer:acme',
    operation: 'chat',
    occurredAt: '2026-11-20T08:00:00.000Z',
    quantities: { requests: 1n },
  }));

describe('recordRows', () => {
  test('counts what was new and what was known', async () => {
    const known = new ConditionalCheckFailedException({ message: 'known', $metadata: {} });
    table.on(PutItemCommand).resolves({}).rejectsOnce(known).rejectsOnce(known);
    expect(await recordRows(deps, events(100), () => true)).toEqual({ recorded: 98, duplicates: 2 });
  });

  test('keeps only so many writes under way', async () => {
    let underWay = 0;
    let most = 0;
    table.on(PutItemCommand).callsFake(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return {};
    });
    await recordRows(deps, events(200), () => true);
    expect(most).toBe(32);
  });

  test('outlasts a table that throttles for longer than one write may take', async () => {
    table.on(PutItemCommand).callsFake(async () => {
      if (clock < 30_000) throw throttled;
      return {};
    });
    expect(await recordRows(deps, events(3), () => true)).toEqual({ recorded: 3, duplicates: 0 });
  });

  test('gives up on a table that throttles when time is over', async () => {
    table.on(PutItemCommand).rejects(throttled);
    const written = recordRows(deps, events(3), () => clock < 10_000);
    await expect(written).rejects.toMatchObject({ name: 'StoreUnavailableError' });
  });

  test('stops soon after a fault that will not pass', async () => {
    table.on(PutItemCommand).rejects(Object.assign(new Error('no such table'), { name: 'ResourceNotFoundException' }));
    await expect(recordRows(deps, events(10_000), () => true)).rejects.toThrow('no such table');
    expect(table.calls().length).toBeLessThan(100);
  });

  test('has nothing to do without events', async () => {
    expect(await recordRows(deps, [], () => true)).toEqual({ recorded: 0, duplicates: 0 });
  });
});
