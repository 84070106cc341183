import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { expectOk } from '../../demo/play.ts';
import { addDays, dayOf, monthOf } from '../../domain/time.ts';
import { reckoner } from '../cli/service.ts';

/** What leaves the house, through everything that is deployed: the API, the workflow, permissions, bucket and topic. */

const MONTH = monthOf(addDays(`${monthOf(dayOf(new Date().toISOString()))}-01`, -1));
const ACME = 'customer:acme';
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

function invoices(...argv: string[]) {
  const io = { now: Date.now, wait: async () => undefined };
  return reckoner(['--url', installation.apiUrl, '--key', installation.key, 'invoices', ...argv], io);
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

test('what the functions may do for that, they have done', () => {
  const unused = installation.cloud
    .unusedPermissions()
    .map(({ role, action, resource }) => `${role} ${action} ${resource}`);
  expect(
    unused.filter(
      (permission) =>
        /sns:|\/invoices\/|\/billing-runs\//.test(permission) && !/PutObject.*billing-runs/.test(permission),
    ),
  ).toEqual([]);
});
