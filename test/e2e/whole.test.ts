import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { createClient } from '../../contract/client.ts';
import { expectOk, play, prepare } from '../../demo/play.ts';
import { seededRandom } from '../../demo/random.ts';
import { generateDay } from '../../demo/traffic.ts';
import { reckoner } from '../cli/service.ts';
import { bootWithoutAll } from './boot-without.ts';
import { isOfBilling, scheduleNamed, unusedGrants } from './installed.ts';

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

/** Asks until the answer is there, and leaves the processor meanwhile to what it waits for: the cloud is in this process. */
async function until<T>(ask: () => Promise<T>, isThere: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isThere(answer)) return answer;
    await pause(50);
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

test('what is below a customer is an account of its own, and is told and summed with it', async () => {
  const { client } = installation;
  const [accountId, team] = ['customer:acme', 'customer:acme:team-1'];
  const before = expectOk(await client.getAccount({ params: { accountId } })).body;
  expectOk(await client.openAccount({ body: { id: team } }));
  const body = { id: 'team-1-budget', debit: accountId, credit: team, amount: '500', asset: 'TOKEN' };
  expectOk(await client.postTransfer({ body }));
  const answer = await until(
    () => client.getAccountTree({ params: { accountId } }),
    (tree) => tree.ok && tree.body.accounts.length === 2,
  );
  const { accounts, totals } = expectOk(answer).body;
  expect(accounts[1]).toMatchObject({ id: team, posted: '500', available: '500' });
  expect(totals).toMatchObject([{ asset: 'TOKEN', accounts: 2, available: before.available }]);
  const { out } = await operate('accounts', 'usage', accountId, '--under', '--from', DAY);
  expect(out).toContain('customer:acme (2 accounts)');
});

test('a grant is burned before paid money, and what is left when it expires goes to breakage', async () => {
  const { client, cloud } = installation;
  const account = 'customer:gifted';
  expectOk(await client.openAccount({ body: { id: account } }));
  const expiresAt = new Date(Date.now() + 2_000).toISOString();
  const body = { id: 'gift', account, source: 'platform:promotions', amount: '50', expiresAt };
  expectOk(await client.postGrant({ body }));
  const sink = { debit: account, credit: 'platform:sink', amount: '20', asset: 'TOKEN' };
  const spent = expectOk(await client.postTransfer({ body: { id: 'gift-spent', ...sink } })).body;
  expect(spent.burned).toEqual([{ grant: 'gift', amount: '20' }]);
  const grants = () => client.getGrants({ params: { accountId: account } });
  await until(grants, (answer) => answer.ok && answer.body.expired === '30');
  await cloud.fireSchedule(scheduleNamed(installation, 'Sweeps'));
  const swept = await until(grants, (answer) => answer.ok && answer.body.granted === '0');
  expect(expectOk(swept).body).toMatchObject({ grants: [], paid: '0', expired: '0' });
  const breakage = await client.getTransfer({ params: { transferId: 'breakage:gift:1.30' } });
  expect(expectOk(breakage).body).toMatchObject({ amount: '30', credit: 'platform:breakage', effectiveAt: expiresAt });
  expect((await operate('accounts', 'grants', account)).out).toContain('Granted  0 TOKEN');
});

test('a proposed rate card is held against the usage of that day before anybody publishes it', async () => {
  const { rateCards } = expectOk(await installation.client.listRateCards()).body;
  const proposal = rateCards.find(({ name }) => name === 'standard') ?? expect.fail('The standard card is missing.');
  const body = { proposal, startDate: DAY, endDate: DAY, accounts: ['customer:acme'] };
  const { total } = expectOk(await installation.client.rateCardEffect({ body })).body;
  expect(total).toMatchObject({ unpriced: 0, difference: '0', percent: '0.00' });
  expect(total.priced).toBeGreaterThan(0);
});

test('a hold is captured, another expires and is swept, and the balance check knows of both', async () => {
  const { client, cloud } = installation;
  const account = 'customer:holding';
  expectOk(await client.openAccount({ body: { id: account, creditLimit: '100' } }));
  const made = { account, amount: '10', credit: 'platform:sink' };
  expectOk(await client.createHold({ body: { id: 'held-1', ...made } }));
  expectOk(await client.createHold({ body: { id: 'held-2', ...made, expiresInSeconds: 1 } }));
  expectOk(await client.createHold({ body: { id: 'held-3', ...made } }));
  expectOk(await client.captureHold({ params: { holdId: 'held-1' }, body: { id: 'captured-1', amount: '4' } }));
  const second = () => client.getHold({ params: { holdId: 'held-2' } });
  await until(second, (answer) => answer.ok && answer.body.status === 'expired');
  await cloud.fireSchedule(scheduleNamed(installation, 'Sweeps'));
  const swept = await until(second, (answer) => answer.ok && answer.body.resolution !== undefined);
  expect(expectOk(swept).body).toMatchObject({ status: 'expired', resolution: { kind: 'expired', freed: '10' } });
  const { body } = expectOk(await client.getAccount({ params: { accountId: account } }));
  expect(body).toMatchObject({ held: '10', available: '86' });
  expect((await operate('accounts', 'holds', account)).out).toContain('held-3');
  expect((await operate('holds', 'report')).out).toContain('held-2');
});

describe('charges, many at a time', () => {
  // On a day of their own: nobody witnesses them.
  const effectiveAt = '2026-11-19T12:00:00.000Z';
  const charges = (count: number, name: string, more: object = {}) =>
    Array.from({ length: count }, (_, index) => ({
      ...{ type: 'charge' as const, id: `${name}-${index}`, account: 'customer:many', operation: 'search' },
      ...{ quantities: {}, effectiveAt, ...more },
    }));

  test('are answered one by one in a batch, which posts nothing twice', async () => {
    expectOk(await installation.client.openAccount({ body: { id: 'customer:many', openedOn: DAY } }));
    const funding = {
      id: 'fund-many',
      debit: 'platform:funding',
      credit: 'customer:many',
      amount: 650,
      asset: 'TOKEN',
    };
    expectOk(await installation.client.postTransfer({ body: { ...funding, effectiveAt } }));
    const elements = [...charges(20, 'batched'), ...charges(1, 'unheard', { operation: 'unheard-of' })];
    const first = expectOk(await installation.client.postBatch({ body: { elements } })).body;
    expect(first.counts).toEqual({ created: 20, unpriced: 1 });
    const again = expectOk(await installation.client.postBatch({ body: { elements } })).body;
    expect(again.counts).toEqual({ replayed: 20, unpriced: 1 });
  });

  test('go through the queue to their results, however hot the account, and stop at its funds', async () => {
    const lines = [...charges(400, 'bulk'), ...charges(1, 'unheard', { operation: 'unheard-of' }), { id: 'bad' }];
    const directory = await mkdtemp(join(tmpdir(), 'reckoner-bulk-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'charges.ndjson');
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    const { code, out } = await operate('bulk', 'post', file, '--id', 'november');
    expect(code).toBe(1);
    // A search is 2 tokens: 650 less the 40 of the batch are 305 of them.
    expect(out).toMatch(/created\s+305\n/);
    expect(out).toMatch(/insufficient-funds\s+95\n/);
    expect(out).toMatch(/unpriced\s+1\n/);
    expect((await operate('bulk', 'show', 'november')).out).toContain('402 of 402');
    const account = expectOk(await installation.client.getAccount({ params: { accountId: 'customer:many' } }));
    expect(account.body).toMatchObject({ available: '0', debits: '650' });
  });
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
      (await installation.cloud.fireSchedule(scheduleNamed(installation, 'SchedulesDaily'), at)) as {
        executionArn: string;
      };
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
    const { executionArn } = (await installation.cloud.fireSchedule(
      scheduleNamed(installation, 'SchedulesRecheck'),
      at,
    )) as {
      executionArn: string;
    };
    expect(await executionEnded(executionArn)).toBe('SUCCEEDED');
    const { reconciliations } = expectOk(await installation.client.listReconciliations()).body;
    expect(reconciliations.map(({ id }) => id)).toContain('recheck-2026-11-19');
  });

  test('look anew at a sample of accounts every week', async () => {
    const at = new Date('2026-11-23T04:00:00Z');
    const { executionArn } = (await installation.cloud.fireSchedule(
      scheduleNamed(installation, 'SchedulesSpotCheck'),
      at,
    )) as {
      executionArn: string;
    };
    expect(await executionEnded(executionArn)).toBe('SUCCEEDED');
    const { out } = await operate('runs', '--schedule', 'spot');
    expect(out).toContain('spot-2026-W47');
  });
});

test('missing entries come in by a file under a run id, and the incident can be told afterwards', async () => {
  const csv = join(await mkdtemp(join(tmpdir(), 'reckoner-entries-')), 'entries.csv');
  await writeFile(
    csv,
    `account,request_id,operation,occurred_at,amount\ncustomer:acme,entry-1,embedding,${DAY}T12:00:00Z,5\n`,
  );
  const importEntries = (...more: string[]) =>
    operate('import', 'entries', '--csv', csv, '--run-id', 'entries-1', ...more);
  expect(await importEntries()).toMatchObject({ code: 0, out: expect.stringMatching(/To insert +1\n/) });
  expect(await importEntries('--apply')).toMatchObject({ code: 0, out: expect.stringMatching(/Inserted +1\n/) });
  const unknown = join(dirname(csv), 'unknown.csv');
  await writeFile(unknown, 'account,request_id,operation,occurred_at,amount,colour\n');
  expect(await operate('import', 'entries', '--csv', unknown, '--run-id', 'entries-2')).toMatchObject({
    code: 2,
    err: expect.stringContaining('The column "colour" is not known'),
  });
  const { out } = await operate('incident', 'filed', '--repair', 'entries-1');
  expect(out).toContain('# Incident: filed');
  expect(out).toContain('| entries-1 | sha256:');
  const account = ['--account', 'customer:acme'];
  const acme = await operate('reconcile', '--id', 'acme', '--start-date', DAY, '--end-date', DAY, ...account);
  expect(acme.out).toContain('Reconciliation complete: 1 discrepancy found');
  await rm(dirname(csv), { recursive: true });
});

test('what a reconciliation found is repaired with a second person’s consent, and its rollback is planned', async () => {
  const { client } = installation;
  const used = (requestId: string, input_tokens: number) => {
    const event = { requestId, account: 'customer:acme', operation: 'embedding', occurredAt: `${DAY}T13:00:00Z` };
    return client.recordUsage({ body: { ...event, quantities: { input_tokens } } });
  };
  // Above a million tokens, which is what one person may move alone.
  for (const [id, tokens] of [
    ['forgotten', 5_000],
    ['contested', 2_000_000_000],
    ['contested', 1_000_000_000],
  ] as const) {
    expectOk(await used(id, tokens));
  }
  const table = new DynamoDBClient(owner());
  const update = new UpdateItemCommand({
    TableName: installation.cloud.outputs.LedgerTableName,
    Key: { pk: { S: 'account#customer:holding' } },
    UpdateExpression: 'SET credits = credits + :by',
    ExpressionAttributeValues: { ':by': { N: '3' } },
  });
  await table.send(update);
  table.destroy();
  const accounts = ['--account', 'customer:acme', '--account', 'customer:holding'];
  const days = ['--start-date', DAY, '--end-date', DAY, ...accounts];
  const found = await operate('reconcile', '--id', 'contested', ...days, '--detailed', '--json');
  const { findingList } = JSON.parse(found.out) as {
    findingList: {
      id: string;
      kind: string;
      evidence: { fingerprint: string; quantities: { input_tokens: string } }[];
    }[];
  };
  const decisions = findingList.flatMap(({ id, kind, evidence }) => {
    const right = evidence.find(({ quantities }) => quantities.input_tokens === '2000000000');
    if (kind === 'unexpected') return ['--decide', `${id}=reverse`];
    return right === undefined ? [] : ['--decide', `${id}=evidence:${right.fingerprint}`];
  });
  const repair = ['repair', 'contested', '--kinds', 'backfill,rebalance', ...decisions, '--run-id', 'fix'];
  expect(await operate(...repair)).toMatchObject({ code: 0, out: expect.stringContaining('2 charge') });
  expect(await operate(...repair, '--apply')).toMatchObject({
    code: 3,
    err: expect.stringContaining('reckoner approve'),
  });

  const { approval = '', plan } = expectOk(await client.getRepair({ params: { repairId: 'fix' } })).body;
  const key = await installation.createKey({ name: 'second', scopes: ['approve'] });
  const decided = { params: { approvalId: approval }, body: { hash: plan?.hash ?? '' } };
  expect((await client.approve(decided)).status).toBe(403);
  expectOk(await createClient({ baseUrl: installation.apiUrl, key }).approve(decided));
  const applied = await operate('repairs', 'fix', '--apply');
  expect(applied).toMatchObject({ code: 0, out: expect.stringContaining(':table/') });
  expect(applied.out).toContain('clean, 0 findings (run verify-fix)');

  const late = {
    id: 'forgotten',
    account: 'customer:acme',
    operation: 'embedding',
    quantities: { input_tokens: 5_000 },
  };
  expect((await client.postCharge({ body: late })).status).toBe(200);
  const rollback = await operate('rollback', 'fix', '--run-id', 'undo');
  expect(rollback).toMatchObject({ code: 0, out: expect.stringMatching(/Steps +5 /) });
  expect((await operate('repairs')).out).toContain('rollback of fix');
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

test('who did what can be proved: records are verified, anchored every day, and exported every month', async () => {
  const reason = 'Looks like fraud.';
  const params = { accountId: 'customer:acme' };
  expectOk(await installation.client.freezeAccount({ params, body: { reason } }));
  expectOk(await installation.client.unfreezeAccount({ params, body: { reason: 'It was not.' } }));
  const { out: listed } = await operate('audit', 'list', '--target', 'account:customer:acme', '--json');
  const actions = JSON.parse(listed).records.map(({ action }: { action: string }) => action);
  expect(actions).toEqual(['account.unfrozen', 'account.frozen']);

  const anchors = async () => expectOk(await installation.client.listAuditAnchors()).body.anchors;
  const fire = (name: string, at: string) =>
    installation.cloud.fireSchedule(scheduleNamed(installation, name), new Date(at));
  await fire('AuditSchedulesAnchor', '2026-11-20T03:15:00Z');
  await until(anchors, ({ length }) => length === 1);
  await fire('AuditSchedulesAnchor', '2026-11-20T03:15:00Z');
  await fire('AuditSchedulesAnchor', '2026-11-21T03:15:00Z');
  await until(anchors, ({ length }) => length === 2);
  expect(await operate('audit', 'verify')).toMatchObject({ code: 0, out: expect.stringContaining('holds'), err: '' });

  const Bucket = installation.cloud.outputs.ArtifactsBucketName;
  const exported = () =>
    s3.send(new GetObjectCommand({ Bucket, Key: 'audit/2026-10.manifest.json' })).catch(() => undefined);
  await fire('AuditSchedulesExport', '2026-11-01T03:30:00Z');
  const answer = await until(exported, (manifest) => manifest !== undefined);
  expect(JSON.parse((await answer?.Body?.transformToString()) ?? '')).toMatchObject({ month: '2026-10', records: 0 });
  // Again it reads what is there, and leaves it as it is.
  const exporter = installation.cloud.resources.find(({ logicalId }) =>
    logicalId.startsWith('FunctionsExportAuditFunc'),
  );
  const lambda = new LambdaClient(owner());
  const FunctionName = exporter?.physicalId;
  const { FunctionError } = await lambda.send(new InvokeCommand({ FunctionName, Payload: '{"month":"2026-10"}' }));
  lambda.destroy();
  expect(FunctionError).toBeUndefined();
});

test('a day is sealed, and what was changed in it since is named to the operator', async () => {
  const { outputs } = installation.cloud;
  const [day, Bucket] = ['2026-11-12', outputs.SealsBucketName];
  const table = new DynamoDBClient(owner());
  const charge = (amount: string) => {
    const [id, at] = ['sealed-1', `${day}T08:00:00.000Z`];
    const sides = { debit: { S: 'customer:acme' }, credit: { S: 'platform:revenue:usage' }, asset: { S: 'TOKEN' } };
    const place = {
      pk: { S: `transfer#${id}` },
      debitDay: { S: `customer:acme#${day}` },
      debitAt: { S: `${at}#${id}` },
    };
    const rest = {
      id: { S: id },
      kind: { S: 'charge' },
      effectiveAt: { S: at },
      recordedAt: { S: at },
      amount: { N: amount },
    };
    return table.send(
      new PutItemCommand({ TableName: outputs.LedgerTableName, Item: { ...place, ...sides, ...rest } }),
    );
  };
  await charge('5');
  const fired = await installation.cloud.fireSchedule(
    scheduleNamed(installation, 'SealSchedulesDaily'),
    new Date('2026-11-13T04:00Z'),
  );
  expect(await executionEnded((fired as { executionArn: string }).executionArn)).toBe('SUCCEEDED');
  expect((await operate('seal', 'now', '--day', day, '--id', 'anew')).code).toBe(0);
  expect((await operate('seal', 'now', '--day', day, '--id', 'once-more')).out).toContain('Seal 3, hash ');
  // Days that something was recorded late for are in it too, and which these are the clock of this run decides.
  expect((await operate('seal', 'list')).out).toMatch(/daily-2026-11-12 .* 2026-\d\d-\d\d to 2026-\d\d-\d\d/);

  // What the bucket is made to hide is read all the same.
  const pages = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'seals/pages/' }));
  const versions = (pages.Versions ?? []).map(({ Key, VersionId }) => ({ Bucket, Key, VersionId }));
  for (const { Key } of versions) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  const verify = (id: string, ...more: string[]) =>
    operate('seal', 'verify', '--from', day, '--to', day, '--id', id, ...more);
  expect(await verify('sound')).toMatchObject({ code: 0, out: 'Seals intact: everything is as it was sealed\n' });

  await charge('4');
  const file = join(await mkdtemp(join(tmpdir(), 'reckoner-changes-')), 'changes.ndjson');
  const { code, out } = await verify('changed', '--changes-output', file);
  expect([code, out]).toEqual([1, expect.stringMatching(/customer:acme +│ 2026-11-12 │ sealed-1 +│ edited/)]);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ transfer: 'sealed-1', what: 'edited' });
  await rm(dirname(file), { recursive: true });

  for (const version of versions)
    await s3.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true }));
  const lost = await verify('lost');
  expect([lost.code, lost.err]).toEqual([2, expect.stringContaining('SealedObjectLostError')]);
  await charge('5');
  table.destroy();
});

test('a schedule that may not start what it is for sets its start aside for people to see', async () => {
  const denied = await bootWithoutAll([
    ['SchedulesRole', 'states:StartExecution'],
    ['AuditSchedulesRole', 'lambda:InvokeFunction'],
    ['SealSchedulesRole', 'states:StartExecution'],
    ['SweepsRole', 'lambda:InvokeFunction'],
  ]);
  await expect(denied.cloud.fireSchedule(scheduleNamed(installation, 'SchedulesDaily'))).rejects.toThrow(
    'states:StartExecution',
  );
  await expect(denied.cloud.fireSchedule(scheduleNamed(installation, 'SealSchedulesDaily'))).rejects.toThrow(
    'states:StartExecution',
  );
  await expect(denied.cloud.fireSchedule(scheduleNamed(installation, 'AuditSchedulesAnchor'))).rejects.toThrow(
    'InvokeFunction',
  );
  await expect(denied.cloud.fireSchedule(scheduleNamed(installation, 'Sweeps'))).rejects.toThrow('InvokeFunction');
  unusedWhereDenied = unusedGrants(denied);
});

test('a daily run looks whether the month before was billed, once there is one that the system has lived through', async () => {
  const year = new Date().getUTCFullYear() + 1;
  const at = new Date(`${year}-06-05T02:00:00Z`);
  const fired = await installation.cloud.fireSchedule(scheduleNamed(installation, 'SchedulesDaily'), at);
  expect(await executionEnded((fired as { executionArn: string }).executionArn)).toBe('SUCCEEDED');
});

test('every permission that the stacks grant has been used', () => {
  // Those of billing are looked at where everything is billed: billing.test.ts.
  const unused = unusedGrants(installation).filter((grant) => !isOfBilling(grant));
  // Setting a failed start aside needs a start that fails, which the test before has seen to in a cloud of its own.
  expect(unused.filter((permission) => unusedWhereDenied.includes(permission))).toEqual([]);
});

function operate(...argv: string[]) {
  // Polls as fast as answers come, with the real clock's deadline.
  const io = { now: Date.now, wait: async () => undefined };
  return reckoner(['--url', installation.apiUrl, '--key', installation.key, ...argv], io);
}
