import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { sha256 } from '../../../../store/audit.ts';
import { type BillingRun, getBillingRun } from '../../../../store/billing-runs.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';
import { reconcileInvoices } from '../../../support/invoice-reconciliation.ts';

const ACME = 'customer:acme';
const BOLT = 'customer:bolt';
const HEADER = 'invoice_id,unit_id,line_type,description,quantity,amount,asset\n';
let world: BillingWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startBillingWorld();
  await world.opened(ACME, 1_000n);
  await world.opened(`${ACME}:team`);
  await world.charged(ACME, 'a-1', 80n);
  await world.opened(BOLT, 100n);
  await world.charged(BOLT, 'b-1', 7n);
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});

afterAll(() => world.stop());

/** Announces a file, uploads it by its link and has it begun; gives the run as it ended. */
async function sendFile(id: string, csv: string, body: object): Promise<BillingRun | undefined> {
  const request = { id, month: MONTH, sha256: sha256(csv), ...body };
  const announced = await world.send('POST /v1/billing-runs', { body: request });
  expect(announced).toMatchObject({ status: 202, body: { status: 'announced' } });
  const { url } = announced.body.upload as { url: string };
  expect((await fetch(url, { method: 'PUT', body: csv })).status).toBe(200);
  await world.send('POST /v1/billing-runs/{runId}/start', { params: { runId: id } });
  await world.settled();
  return getBillingRun(world.tables, id);
}

const compare = (id: string, lines: readonly string[], more: object = {}) =>
  sendFile(id, `${HEADER}${lines.join('\n')}\n`, { kind: 'parity', ...more });
const rowsOf = async (id: string) => (await world.file(id, 'parity.csv')).trim().split('\r\n').slice(1);

const OURS = [
  `${MONTH}:${ACME},${ACME},credit,Top-up,1,-1000,TOKEN`,
  `${MONTH}:${ACME},${ACME},usage,  CHAT ,1,80,`,
  `${MONTH}:${BOLT},${BOLT},credit,top-up,1,-100,`,
  `${MONTH}:${BOLT},${BOLT},usage,chat,1,7,TOKEN`,
];

test('a file that says the same is the same, however its descriptions are written', async () => {
  const run = await compare('same', OURS);
  expect(run?.error).toBeUndefined();
  expect(run?.outcome?.counts).toEqual({ same: 2, differs: 0, 'lines-that-differ': 0, 'charges-not-priced': 0 });
  expect(run?.outcome?.totals).toEqual([{ asset: 'TOKEN', before: '87', after: '87' }]);
});

test('every line that differs is told, those that only one side has too, and no invoice is changed', async () => {
  const before = [await world.invoice(ACME), await world.invoice(BOLT)];
  const run = await compare('differs', [
    OURS[0] ?? '',
    `${MONTH}:${ACME},${ACME},usage,chat,2,81,`,
    `${MONTH}:${ACME},${ACME}:team,fee,Seat,1,5,`,
    `${MONTH}:customer:new,customer:new,usage,chat,1,3,`,
  ]);
  expect(await rowsOf('differs')).toEqual(
    [
      `${MONTH}:${ACME},${ACME}:team,fee,seat,TOKEN,0,1,0,5,5,100.00`,
      `${MONTH}:${ACME},${ACME},usage,chat,TOKEN,1,2,80,81,1,1.25`,
      `${MONTH}:${BOLT},${BOLT},credit,top-up,TOKEN,1,0,-100,0,100,-100.00`,
      `${MONTH}:${BOLT},${BOLT},usage,chat,TOKEN,1,0,7,0,-7,-100.00`,
      `${MONTH}:customer:new,customer:new,usage,chat,TOKEN,0,1,0,3,3,100.00`,
    ].sort(),
  );
  expect(run?.outcome?.counts).toMatchObject({ same: 0, differs: 3, 'lines-that-differ': 5 });
  expect([await world.invoice(ACME), await world.invoice(BOLT)]).toEqual(before);
  await compare('named', OURS, { accounts: [ACME] });
  expect(await rowsOf('named')).toEqual([]);
});

test('one row that cannot be compared, and nothing is', async () => {
  const run = await compare('refused', [
    OURS[0] ?? '',
    `${MONTH}:${ACME},${ACME},usage,chat,1,1.5,`,
    `2026-09:${ACME},${ACME},usage,chat,1,2,`,
    `${MONTH}:${BOLT},${BOLT},usage,chat,1,7,USD/2`,
    `${MONTH}:${ACME},${ACME},credit,TOP-UP,1,-1000,`,
  ]);
  expect(run).toMatchObject({ status: 'failed', error: { name: 'LinesFileError' } });
  expect(run?.error?.cause).toContain('5 of 5 rows cannot be compared, so nothing was');
  const errors = (await world.file('refused', 'errors.ndjson'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(errors.map(({ field }) => field)).toEqual(['description', 'amount', 'invoice_id', 'asset', 'description']);
});

test('a run compares with a version or a file, and not with both or neither', async () => {
  const body = { id: 'both', kind: 'parity', month: MONTH };
  const both = { rateCard: 'standard@2026-01-01T00:00:00.000Z', sha256: '0'.repeat(64) };
  for (const more of [both, {}]) {
    const answer = await world.send('POST /v1/billing-runs', { body: { ...body, ...more } });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'rateCard' }] } });
  }
});

test('missing lines that a comparison with the ledger lists are imported as they are listed', async () => {
  const counts = { effectiveAt: `${MONTH}-20T00:00:00.000Z` };
  await world.posted({
    id: 'late-1',
    debit: 'platform:funding',
    credit: ACME,
    amount: 30n,
    description: '=HYPER',
    ...counts,
  });
  await world.charged(ACME, 'late-2', 5n, { operation: 'embed' });
  const { findings, file } = await reconcileInvoices(world, 'late');
  expect(findings.map(({ kind }) => kind)).toEqual(['missing', 'missing']);
  const run = await sendFile('import', await file('missing_lines.csv'), { kind: 'import' });
  expect(run?.outcome?.counts).toMatchObject({ inserted: 2, refused: 0, blocked: 0 });
  expect((await reconcileInvoices(world, 'settled')).outcome.verdict).toBe('clean');
});
