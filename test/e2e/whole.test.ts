import { gzipSync } from 'node:zlib';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { createClient } from '../../contract/client.ts';
import { expectOk, play, prepare } from '../../demo/play.ts';
import { seededRandom } from '../../demo/random.ts';
import { generateDay } from '../../demo/traffic.ts';
import type { UnusedPermission } from '../../local/resources.ts';
import { reckoner } from '../cli/service.ts';
import { bootWithout } from './boot-without.ts';

/** One installation, used the way its users do: services, importers, schedules and operators, one after another. */

let installation: Installation;
let s3: S3Client;
let workflows: SFNClient;
let unusedWhereDenied: string[] = [];
const DAY = '2026-11-18';

beforeAll(async () => {
  installation = await boot({ assemblyDirectory: inject('assemblyDirectory'), log: () => undefined });
  s3 = new S3Client({ ...owner(), forcePathStyle: true });
  workflows = new SFNClient(owner());
  await prepare(installation.client, DAY);
});
afterAll(() => installation?.stop());

/** Settings of any AWS SDK client, as the owner of the account. */
function owner() {
  const { endpointUrl: endpoint, place, ownerCredentials: credentials } = installation.cloud;
  return { endpoint, region: place.region, credentials };
}

/** Asks until the answer is there; every ask is a request, so nothing is waited for blindly. */
async function until<T>(ask: () => Promise<T>, isThere: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isThere(answer)) return answer;
  }
}

const getImport = async (importId: string) => installation.client.getImport({ params: { importId } });

async function importEnded(importId: string) {
  const ended = await until(
    () => getImport(importId),
    (answer) => answer.ok && answer.body.status.startsWith('f'),
  );
  return expectOk(ended).body;
}

async function executionEnded(executionArn: string): Promise<string | undefined> {
  const ended = await until(
    () => workflows.send(new DescribeExecutionCommand({ executionArn })),
    ({ status }) => status !== 'RUNNING',
  );
  return ended.status;
}

describe('a day of usage', () => {
  test('begins with accounts that show what was paid in', async () => {
    const account = expectOk(await installation.client.getAccount({ params: { accountId: 'customer:acme' } }));
    expect(account.body.available).toBe('1000000000');
    const params = { accountId: 'customer:acme' };
    const statement = expectOk(await installation.client.getStatement({ params, query: { from: DAY, limit: '1' } }));
    expect(statement.body.transfers.map(({ amount }) => amount)).toEqual(['1000000000']);
  });

  test('is charged and recorded, and the books agree', async () => {
    const requests = generateDay(seededRandom(1), DAY, 60);
    await play(installation.client, requests, () => undefined);
    const { code, out } = await operate('reconcile', '--id', 'clean', '--start-date', DAY, '--end-date', DAY);
    expect(out).toContain('Reconciliation complete: 0 discrepancies found');
    expect(code).toBe(0);
  });
});

test('a proposed rate card is held against the usage of that day before anybody publishes it', async () => {
  const { rateCards } = expectOk(await installation.client.listRateCards()).body;
  const proposal = rateCards.find(({ name }) => name === 'standard') ?? expect.fail('The standard card is missing.');
  const body = { proposal, startDate: DAY, endDate: DAY, accounts: ['customer:acme'] };
  const { total } = expectOk(await installation.client.rateCardEffect({ body })).body;
  expect(total).toMatchObject({ unpriced: 0, difference: '0', percent: '0.00' });
  expect(total.priced).toBeGreaterThan(0);
});

describe('usage files', () => {
  const header = 'requestId,account,operation,occurredAt,quantities.input_tokens\n';
  const row = (id: string, tokens: string) => `${id},customer:filed,embedding,${DAY}T10:00:00Z,${tokens}\n`;

  test('are uploaded by the link that the API gives; good rows are kept and bad ones listed', async () => {
    const created = expectOk(await installation.client.createImport({ body: { id: 'file-1', format: 'csv' } }));
    const upload = await fetch(created.body.upload?.url ?? '', {
      method: 'PUT',
      body: header + row('f-1', '5') + row('f-2', '-1'),
    });
    expect(upload.status).toBe(200);
    const ended = await importEnded('file-1');
    expect(ended).toMatchObject({ status: 'finished-with-errors', recorded: 1, refused: 1 });
    const errors = await (await fetch(ended.errors ?? '')).text();
    expect(JSON.parse(errors)).toMatchObject({ line: 3, field: 'quantities.input_tokens', value: '-1' });
  });

  test('are read when they are dropped into the bucket, compressed or not', async () => {
    const Body = gzipSync(header + row('f-3', '5'));
    const Bucket = installation.cloud.outputs.ImportBucketName;
    await s3.send(new PutObjectCommand({ Bucket, Key: 'imports/dropped.csv.gz', Body }));
    expect(await importEnded('dropped')).toMatchObject({ status: 'finished', recorded: 1 });
  });

  test('of an account that nobody opened are found missing, and the operator is told by the exit code', async () => {
    const { code, out } = await operate(
      'reconcile',
      '--id',
      'filed',
      '--start-date',
      DAY,
      '--end-date',
      DAY,
      '--detailed',
    );
    expect(out).toContain('Reconciliation complete: 2 discrepancies found');
    expect(out).toContain('customer:filed');
    expect(code).toBe(1);
  });
});

describe('schedules', () => {
  test('run the day before once, however often they fire', async () => {
    const at = new Date('2026-11-19T02:00:00Z');
    const fire = async () =>
      (await installation.cloud.fireSchedule(scheduleNamed('SchedulesDaily'), at)) as { executionArn: string };
    const fired = [await fire(), await fire()];
    expect(await Promise.all(fired.map(({ executionArn }) => executionEnded(executionArn)))).toEqual([
      'SUCCEEDED',
      'SUCCEEDED',
    ]);
    const run = expectOk(await installation.client.getReconciliation({ params: { runId: 'daily-2026-11-18' } }));
    expect(run.body).toMatchObject({ status: 'succeeded', trigger: 'daily', outcome: { findings: 2 } });
  });

  test('look once more at the seven days before', async () => {
    const at = new Date('2026-11-20T03:00:00Z');
    const { executionArn } = (await installation.cloud.fireSchedule(scheduleNamed('SchedulesRecheck'), at)) as {
      executionArn: string;
    };
    expect(await executionEnded(executionArn)).toBe('SUCCEEDED');
    const { reconciliations } = expectOk(await installation.client.listReconciliations()).body;
    expect(reconciliations.map(({ id }) => id)).toContain('recheck-2026-11-19');
  });
});

test('an execution that cannot be planned fails by name, and leaves no run behind', async () => {
  const stateMachineArn = installation.cloud.outputs.ReconcileStateMachineArn;
  const input = JSON.stringify({ trigger: 'request', runId: 'broken', startDate: 'soon', endDate: 'later' });
  const { executionArn = '' } = await workflows.send(new StartExecutionCommand({ stateMachineArn, input }));
  expect(await executionEnded(executionArn)).toBe('FAILED');
  const { executions = [] } = await workflows.send(
    new ListExecutionsCommand({ stateMachineArn, statusFilter: 'FAILED' }),
  );
  expect(executions.map((execution) => execution.executionArn)).toContain(executionArn);
  expect((await installation.client.getReconciliation({ params: { runId: 'broken' } })).status).toBe(404);
});

test('a book with an item that cannot be read fails the run by name, and no report is written', async () => {
  const table = new DynamoDBClient(owner());
  const sk = `${DAY}T11:00:00.000Z#garbled#${'0'.repeat(16)}`;
  const Item = { pk: { S: `customer:acme#${DAY}` }, sk: { S: sk }, requestId: { S: 'garbled' } };
  await table.send(new PutItemCommand({ TableName: installation.cloud.outputs.UsageTableName, Item }));
  table.destroy();
  const { code, err } = await operate('reconcile', '--id', 'garbled', '--start-date', DAY, '--end-date', DAY);
  expect(code).toBe(2);
  expect(err).toContain('MalformedItemError');
  const run = expectOk(await installation.client.getReconciliation({ params: { runId: 'garbled' } }));
  expect(run.body).toMatchObject({ status: 'failed' });
  expect(run.body.artifacts).toBeUndefined();
});

test('an operator pauses the ledger and lets it go on', async () => {
  expect((await operate('controls', 'pause', '--reason', 'Trial balance broken.')).code).toBe(0);
  expect((await operate('controls', 'show')).out).toContain('Trial balance broken.');
  expect((await operate('controls', 'resume', '--reason', 'Repaired.')).code).toBe(0);
});

test('an API key is made, used, rotated and revoked', async () => {
  const { client } = installation;
  const readWith = (key: string) => createClient({ baseUrl: installation.apiUrl, key }).listRateCards();
  const worker = expectOk(await client.createKey({ body: { name: 'worker', scopes: ['ledger:read'] } })).body;
  expect((await readWith(worker.key)).status).toBe(200);
  const rotation = { params: { keyId: worker.id }, body: { overlapSeconds: 0 } };
  const successor = expectOk(await client.rotateKey(rotation)).body;
  expectOk(await client.revokeKey({ params: { keyId: successor.id } }));
  expect((await readWith(successor.key)).status).toBe(403);

  const { keys } = expectOk(await client.listKeys({ query: { limit: '200' } })).body;
  const known = new Map(keys.map((key) => [key.id, key]));
  expect(known.get(successor.id)).toMatchObject({ status: 'revoked', replaces: worker.id });
  expect(known.get(worker.id)).toMatchObject({ status: 'rotated', lastUsedOn: expect.any(String) });
  expectOk(await client.getKey({ params: { keyId: worker.id } }));
});

test('a schedule that may not start the workflow sets its start aside for people to see', async () => {
  const denied = await bootWithout('SchedulesRole', 'states:StartExecution');
  await expect(denied.cloud.fireSchedule(scheduleNamed('SchedulesDaily'))).rejects.toThrow('states:StartExecution');
  unusedWhereDenied = denied.cloud.unusedPermissions().map(nameOf);
});

test('every permission that the stacks grant has been used', () => {
  const unused = installation.cloud.unusedPermissions().map(nameOf);
  // Setting a failed start aside needs a start that fails, which the test before has seen to in a cloud of its own.
  expect(unused.filter((permission) => unusedWhereDenied.includes(permission))).toEqual([]);
});

function nameOf({ role, action, resource }: UnusedPermission): string {
  return `${role}: ${action} on ${resource}`;
}

function operate(...argv: string[]) {
  // Polls as fast as answers come, with the real clock's deadline.
  const io = { now: Date.now, wait: async () => undefined };
  return reckoner(['--url', installation.apiUrl, '--key', installation.key, ...argv], io);
}

function scheduleNamed(prefix: string): string {
  const schedule = installation.cloud.resources.find(
    ({ type, logicalId }) => type === 'AWS::Scheduler::Schedule' && logicalId.startsWith(prefix),
  );
  return schedule?.logicalId ?? '';
}
