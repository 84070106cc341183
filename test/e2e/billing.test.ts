import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { expectOk } from '../../demo/play.ts';
import { addDays, dayOf, monthOf } from '../../domain/time.ts';
import { toItem } from '../../store/items.ts';
import { bucketOf } from '../../store/tables.ts';
import { reckoner } from '../cli/service.ts';
import { bootWithout } from './boot-without.ts';
import { isOfBilling, scheduleNamed, unusedGrants } from './installed.ts';

/** Billing through everything that is deployed: the API, the workflow, schedules, permissions, bucket and topic. */

const MONTH = monthOf(addDays(`${monthOf(dayOf(new Date().toISOString()))}-01`, -1));
const ACME = 'customer:acme';
const SCHEDULES = ['BillingSchedulesMonthly', 'BillingSchedulesInvoices'];
let installation: Installation;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reckoner-exports-'));
  installation = await boot({ assemblyDirectory: inject('assemblyDirectory'), log: () => undefined });
  const { client } = installation;
  const effectiveFrom = `${MONTH}-01T00:00:00.000Z`;
  const operations = { search: { prices: { requests: { amount: 2 } } } };
  const card = {
    name: 'standard',
    effectiveFrom,
    asset: 'TOKEN',
    revenueAccount: 'platform:revenue:usage',
    operations,
  };
  expectOk(await client.publishRateCard({ body: card }));
  expectOk(await client.openAccount({ body: { id: ACME, openedOn: `${MONTH}-01` } }));
  const funding = { id: 'funding', debit: 'platform:funding', credit: ACME, amount: 1_000, asset: 'TOKEN' };
  expectOk(await client.postTransfer({ body: { ...funding, effectiveAt: effectiveFrom } }));
});
afterAll(async () => {
  await installation?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Settings of any AWS SDK client, as the owner of the account. */
function owner() {
  const { endpointUrl: endpoint, place, ownerCredentials: credentials } = installation.cloud;
  return { endpoint, region: place.region, credentials };
}

async function charge(id: string, requests: number) {
  const what = {
    account: ACME,
    operation: 'search',
    quantities: { requests },
    effectiveAt: `${MONTH}-15T12:00:00.000Z`,
  };
  expectOk(await installation.client.postCharge({ body: { id, requestId: id, ...what } }));
}

test('a month is written out, a page saved, and a customer told once of what changed', async () => {
  await charge('req-1', 50);
  expect(await invoices('generate', '--month', MONTH)).toMatchObject({ code: 0 });
  await charge('late', 5);
  expect(await invoices('regenerate', '--month', MONTH, '--run-id', 'anew')).toMatchObject({ code: 0 });

  const [output, lines, page] = ['invoices.csv', 'lines.csv', 'page.html'].map((name) => join(directory, name));
  const files = ['--output', output ?? '', '--lines', lines ?? ''];
  expect(await invoices('export', '--month', MONTH, ...files)).toMatchObject({ code: 0 });
  expect(await readFile(output ?? '', 'utf8')).toContain(`${MONTH}:${ACME},${ACME},${MONTH}-01T00:00:00Z,`);
  expect(await readFile(lines ?? '', 'utf8')).toContain(',TOKEN,Usage,,search,2,Transfers,110,');
  expect(await invoices('page', `${MONTH}:${ACME}`, '--output', page ?? '')).toMatchObject({ code: 0 });
  expect(await readFile(page ?? '', 'utf8')).toContain('<td class="number">110 TOKEN</td>');

  const tell = ['notices', '--of', 'anew', '--goodwill-percent', '50', '--print'];
  const told = await invoices(...tell);
  expect([told.code, told.out]).toEqual([0, expect.stringContaining('we bear 50 % of the difference (5 TOKEN)')]);
  const { cloud } = installation;
  const published = () => cloud.published(cloud.outputs.NoticesTopicArn ?? '');
  expect(published()).toMatchObject([{ attributes: { account: ACME, kind: 'under-charged', month: MONTH } }]);
  const again = await invoices(...tell, '--run-id', 'once-more');
  expect([again.code, again.out]).toEqual([
    0,
    expect.stringContaining('0 notices of anew were sent; 1 were sent before.'),
  ]);
  expect(published()).toHaveLength(1);
});

test('lines come in by a file, go back by run, and are compared with the ledger and with other prices', async () => {
  const file = join(directory, 'lines-to-import.csv');
  const columns = 'invoice_id,unit_id,line_type,description,quantity,amount,asset';
  await writeFile(file, `${columns}\n${MONTH}:${ACME},${ACME},adjustment,Courtesy,1,-3,TOKEN\n`);
  const imported = await invoices('lines', 'import', '--csv', file, '--run-id', 'courtesy', '--month', MONTH);
  expect(imported).toMatchObject({ code: 0, out: expect.stringContaining('1 inserted, 0 updated') });
  expect(await invoices('lines', 'rollback', 'courtesy', '--run-id', 'no-courtesy')).toMatchObject({ code: 0 });
  expect(await invoices('validate', 'courtesy')).toMatchObject({ code: 0 });

  const version = `standard@${MONTH}-01T00:00:00.000Z`;
  expect(await invoices('parity', '--month', MONTH, '--rate-card', version)).toMatchObject({ code: 0 });
  const external = await invoices('parity', '--month', MONTH, '--csv', file, '--run-id', 'other');
  expect(external).toMatchObject({ code: 1 });
  const compared = await operate('reconcile', '--books', 'invoices', '--month', MONTH);
  expect([compared.code, compared.out]).toEqual([0, expect.stringContaining('0 discrepancies found')]);
});

test('a month is reviewed, approved by somebody else, numbered, and corrected by documents of its own', async () => {
  const scopes = ['approve', 'operations'] as const;
  const second = await installation.createKey({ name: 'second', scopes });
  expect(await invoices('review', '--month', MONTH, '--run-id', 'review')).toMatchObject({ code: 3 });
  const review = expectOk(await installation.client.getBillingRun({ params: { runId: 'review' } })).body.outcome;
  expect(await invoices('finalize', '--review', 'review')).toMatchObject({ code: 3 });
  const approve = ['--key', second, 'approve', review?.approval ?? '', '--hash', review?.hash ?? ''];
  expect(await reckoner(['--url', installation.apiUrl, ...approve])).toMatchObject({ code: 0 });
  const final = await invoices('finalize', '--review', 'review');
  expect([final.code, final.out]).toEqual([0, expect.stringContaining('1 documents of')]);
  await charge('after-all', 1);
  expect(await invoices('regenerate', '--month', MONTH, '--run-id', 'late')).toMatchObject({ code: 0 });
  const { out } = await invoices('list', '--month', MONTH);
  expect(out).toMatch(/customer:acme~1 .*debit-adjustment .*2 TOKEN/);
  expect(await invoices('void', `${MONTH}:${ACME}~1`)).toMatchObject({ code: 0 });
});

test('every month is billed and compared by itself', async () => {
  const workflows = new SFNClient(owner());
  for (const name of SCHEDULES) {
    const fired = await installation.cloud.fireSchedule(scheduleNamed(installation, name));
    const { executionArn } = fired as { executionArn: string };
    let status: string | undefined = 'RUNNING';
    while (status === 'RUNNING') {
      await pause(50);
      status = (await workflows.send(new DescribeExecutionCommand({ executionArn }))).status;
    }
    expect(status).toBe('SUCCEEDED');
  }
  workflows.destroy();
});

test('a run that cannot be made fails by name, and a schedule that may not start sets its start aside', async () => {
  expectOk(await installation.client.openAccount({ body: { id: 'customer:idle', openedOn: `${MONTH}-01` } }));
  const idle = await invoices('generate', '--month', MONTH, '--account', 'customer:idle', '--run-id', 'idle');
  expect([idle.code, idle.err]).toEqual([2, expect.stringContaining('customer:idle has no transfers')]);
  // An account that cannot be read fails its slice, and the run with it: what else was under way is stopped.
  const table = new DynamoDBClient(owner());
  const broken = { pk: 'account#customer:broken', account: 'customer:broken', bucket: bucketOf('customer:broken') };
  await table.send(new PutItemCommand({ TableName: installation.cloud.outputs.LedgerTableName, Item: toItem(broken) }));
  table.destroy();
  const stopped = await invoices('regenerate', '--month', MONTH, '--run-id', 'unreadable');
  expect([stopped.code, stopped.err]).toEqual([2, expect.stringContaining('MalformedItemError')]);

  const denied = await bootWithout('BillingSchedulesRole', 'states:StartExecution');
  for (const name of SCHEDULES) {
    await expect(denied.cloud.fireSchedule(scheduleNamed(denied, name))).rejects.toThrow('states:StartExecution');
  }
  const unusedWhereDenied = unusedGrants(denied);
  const unused = unusedGrants(installation).filter((grant) => isOfBilling(grant) && unusedWhereDenied.includes(grant));
  expect(unused, 'every permission that billing has been given, it has used').toEqual([]);
});

function operate(...argv: string[]) {
  const io = { now: Date.now, wait: async () => undefined };
  return reckoner(['--url', installation.apiUrl, '--key', installation.key, ...argv], io);
}

function invoices(...argv: string[]) {
  return operate('invoices', ...argv);
}
