import { QueryCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { invoiceContent } from '../../../../domain/invoices/invoice.ts';
import { inOrder } from '../../../../domain/reconciliation/in-order.ts';
import { sha256 } from '../../../../store/audit.ts';
import { type BillingRun, getBillingRun } from '../../../../store/billing-runs.ts';
import { getInvoice, readLines, readVersions, writeInvoice } from '../../../../store/invoices.ts';
import { toItem } from '../../../../store/items.ts';
import { linesPartition } from '../../../../store/tables.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';

const ACME = 'customer:acme';
const BETA = 'customer:beta';
const [ACME_ID, BETA_ID] = [`${MONTH}:${ACME}`, `${MONTH}:${BETA}`];
const HEADER = 'invoice_id,unit_id,line_type,description,quantity,amount,asset\n';

let world: BillingWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startBillingWorld();
  await world.opened(ACME, 10_000n);
  await world.opened(BETA, 500n);
  for (const [id, amount] of [
    ['a-1', 80n],
    ['a-2', 11n],
  ] as const)
    await world.charged(ACME, id, amount);
  await world.charged(BETA, 'b-1', 7n);
  await world.run({ id: 'october', kind: 'generate', month: MONTH });
  restore = await world.remember();
});
beforeEach(() => restore());

afterAll(() => world.stop());

const row = (...cells: readonly string[]) => `${cells.join(',')}\n`;

/** Announces a file, uploads it by its link and has it begun; gives the run as it ended. */
async function importLines(id: string, csv: string, more: Readonly<Record<string, unknown>> = {}): Promise<BillingRun> {
  const body = { id, kind: 'import', month: MONTH, sha256: sha256(csv), ...more };
  const announced = await world.send('POST /v1/billing-runs', { body });
  expect(announced).toMatchObject({ status: 202, body: { status: 'announced' } });
  const { url } = announced.body.upload as { url: string };
  expect((await fetch(url, { method: 'PUT', body: csv })).status).toBe(200);
  return begin(id, 202);
}

async function begin(id: string, status: number): Promise<BillingRun> {
  const begun = await world.send('POST /v1/billing-runs/{runId}/start', { params: { runId: id } });
  expect(begun.status).toBe(status);
  await world.settled();
  return ended(id);
}

async function ended(id: string): Promise<BillingRun> {
  const run = await getBillingRun(world.tables, id);
  if (run === undefined) throw new Error(`There is no run ${id}.`);
  return run;
}

const rollBack = (id: string, of: string) => world.run({ id, kind: 'rollback', of });

const nameOf = (account: string) => ({ month: MONTH, account, sequence: 0 });

async function stored(account: string) {
  const invoice = await getInvoice(world.tables, nameOf(account));
  if (invoice === undefined) throw new Error(`${account} has no invoice.`);
  return invoice;
}

/** The items of an invoice's lines as the table has them. */
async function itemsOf(account: string) {
  const { id, digest } = await stored(account);
  const { Items } = await world.tables.client.send(
    new QueryCommand({
      TableName: world.tables.billingTable,
      KeyConditionExpression: 'pk = :lines',
      ExpressionAttributeValues: toItem({ ':lines': linesPartition(id, digest) }),
      ConsistentRead: true,
    }),
  );
  return Items;
}

async function ndjson(runId: string, name: string) {
  return (await world.file(runId, name))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const SETUP =
  HEADER +
  row(ACME_ID, ACME, 'setup-fee', '  Onboarding   Fee ', '1', '40', 'TOKEN') +
  row(ACME_ID, `${ACME}:team-1`, 'discount', 'Goodwill', '1', "'-5", '') +
  row(BETA_ID, BETA, 'setup-fee', 'Onboarding fee', '1', '3', '');

describe('an import of lines', () => {
  test('puts the lines onto the drafts, keeps the version of before, and counts every row', async () => {
    const before = await stored(ACME);
    const run = await importLines('fix-42', SETUP, { batchSize: 1 });
    expect(run.error).toBeUndefined();
    expect(run.outcome).toMatchObject({
      verdict: 'imported',
      counts: { read: 3, inserted: 3, updated: 0, unchanged: 0, refused: 0, duplicates: 0, invoices: 2, blocked: 0 },
      totals: [{ asset: 'TOKEN', before: '98', after: '136' }],
    });
    const invoice = await world.invoice(ACME);
    expect(invoice).toMatchObject({ version: 2, status: 'draft', due: '126', blocked: [], madeBy: 'fix-42' });
    expect(invoice.lines).toMatchObject([
      { type: 'credit' },
      { type: 'setup-fee', description: 'onboarding fee', amount: '40', due: true },
      { type: 'usage', amount: '91' },
      { unit: `${ACME}:team-1`, type: 'discount', amount: '-5' },
    ]);
    expect((await readVersions(world.tables, ACME_ID)).map(({ digest }) => digest)).toContain(before.digest);
    expect(await ndjson('fix-42', 'errors.ndjson')).toEqual([]);
    const manifest = JSON.parse(await world.file('fix-42', 'manifest.json'));
    for (const { name, sha256: digest } of manifest.files)
      expect(sha256(await world.file('fix-42', name))).toBe(digest);
    expect(manifest.files.map(({ name }: { name: string }) => name)).toEqual([
      'errors.ndjson',
      'invoices.ndjson',
      'summary.json',
    ]);
  });

  test('tells inserted, updated and unchanged lines apart, and leaves alone an invoice that says it all', async () => {
    await importLines('first', SETUP);
    const beta = await stored(BETA);
    const run = await importLines(
      'second',
      HEADER +
        row(ACME_ID, ACME, 'setup-fee', 'ONBOARDING FEE', '1', '41', '') +
        row(ACME_ID, ACME, 'setup-fee', 'more', '1', '1', '') +
        row(BETA_ID, BETA, 'setup-fee', 'onboarding fee', '1', '3', ''),
    );
    expect(run.outcome?.counts).toMatchObject({ read: 3, inserted: 1, updated: 1, unchanged: 1, invoices: 1 });
    expect(await stored(BETA)).toEqual(beta);
    const audited = await world.send('GET /v1/billing-runs/{runId}', { params: { runId: 'second' } });
    expect(audited.body).toMatchObject({ kind: 'import', month: MONTH, dryRun: false, status: 'succeeded' });
  });

  test('as a dry run tells the same counts and writes nothing', async () => {
    const [acme, beta] = [await stored(ACME), await stored(BETA)];
    const dry = await importLines('dry', SETUP, { dryRun: true });
    expect([await stored(ACME), await stored(BETA)]).toEqual([acme, beta]);
    expect(dry.outcome?.verdict).toBe('dry-run');
    const run = await importLines('wet', SETUP);
    expect(run.outcome?.counts).toEqual(dry.outcome?.counts);
    expect(run.outcome?.totals).toEqual(dry.outcome?.totals);
  });

  test('blocks an invoice whose lines do not tie any more, and says which transfers are behind the line', async () => {
    const csv = HEADER + row(ACME_ID, ACME, 'usage', 'Chat', '2', '90', '');
    expect((await importLines('wrong', csv)).outcome?.counts).toMatchObject({ updated: 1, blocked: 1 });
    const invoice = await world.invoice(ACME);
    expect(invoice.blocked).toEqual([
      'The line "chat" (usage) of customer:acme says 90 TOKEN where its transfers come to 91 TOKEN (a-1, a-2): regenerate, or roll the import back.',
    ]);
    expect((await world.run({ id: 'review', kind: 'review', month: MONTH })).outcome?.counts).toEqual({
      ...{ blocked: 1, submitted: 1 },
    });
  });

  test('brings a line of a late transfer that the draft is missing, and the invoice ties out', async () => {
    await world.charged(ACME, 'late', 9n, { operation: 'search' });
    const csv = HEADER + row(ACME_ID, ACME, 'usage', 'search', '1', '9', 'TOKEN');
    expect((await importLines('missing', csv)).outcome?.counts).toMatchObject({ inserted: 1, blocked: 0 });
    expect(await world.invoice(ACME)).toMatchObject({ due: '100', closing: '9900', blocked: [] });
    await rollBack('back', 'missing');
    expect(await world.invoice(ACME)).toMatchObject({ due: '91', closing: '9909' });
    expect((await world.invoice(ACME)).blocked).toEqual([
      'The line "search" (usage) of customer:acme says 0 TOKEN where its transfers come to 9 TOKEN (late): regenerate, or roll the import back.',
    ]);
  });

  test('keeps lines from elsewhere when the invoice is regenerated', async () => {
    await importLines('fix-42', SETUP);
    await world.charged(ACME, 'late', 9n);
    await world.run({ id: 'again', kind: 'regenerate', month: MONTH });
    expect(await world.invoice(ACME)).toMatchObject({ due: '135', blocked: [] });
  });
});

describe('an import that is refused', () => {
  const good = row(BETA_ID, BETA, 'setup-fee', 'fine', '1', '1', '');

  const bad = [
    [
      'an invoice of another month',
      ['2026-09:customer:acme', ACME, 'fee-x', 'd', '1', '1', ''],
      'invoice_id',
      /must be an invoice of 2026-10/,
    ],
    [
      'an invoice that is not there',
      [`${MONTH}:customer:none`, 'customer:none', 'fee-x', 'd', '1', '1', ''],
      'invoice_id',
      /generate 2026-10 first/,
    ],
    ['what is no invoice id', ['acme', ACME, 'fee-x', 'd', '1', '1', ''], 'invoice_id', /must be the id of an invoice/],
    ['a correction', [`${ACME_ID}~1`, ACME, 'fee-x', 'd', '1', '1', ''], 'invoice_id', /regeneration/],
    [
      'a unit of somebody else',
      [ACME_ID, 'customer:acmecorp', 'fee-x', 'd', '1', '1', ''],
      'unit_id',
      /customer:acme or an account below it/,
    ],
    ['what is no account', [ACME_ID, 'acme', 'fee-x', 'd', '1', '1', ''], 'unit_id', /account path/],
    ['another asset', [ACME_ID, ACME, 'fee-x', 'd', '1', '1', 'USD/2'], 'asset', /an invoice has one asset/],
    [
      'a fraction that the asset does not have',
      [ACME_ID, ACME, 'fee-x', 'd', '1', '1.5', ''],
      'amount',
      /no digits behind the point/,
    ],
    ['an exponent', [ACME_ID, ACME, 'fee-x', 'd', '1', '1e3', ''], 'amount', /plain decimal/],
    ['separators of thousands', [ACME_ID, ACME, 'fee-x', 'd', '1', '"1,000"', ''], 'amount', /plain decimal/],
    ['an amount that is missing', [ACME_ID, ACME, 'fee-x', 'd', '1', '', ''], 'amount', /is missing/],
    ['a quantity that is none', [ACME_ID, ACME, 'fee-x', 'd', '1.5', '1', ''], 'quantity', /whole number/],
    ['a type that is none', [ACME_ID, ACME, 'Fee X', 'd', '1', '1', ''], 'line_type', /lower-case/],
    ['a type of configuration', [ACME_ID, ACME, 'tax', 'd', '1', '1', ''], 'line_type', /configuration/],
    ['an empty description', [ACME_ID, ACME, 'fee-x', '  ', '1', '1', ''], 'description', /is missing/],
    [
      'a description that is too long',
      [ACME_ID, ACME, 'fee-x', 'd'.repeat(201), '1', '1', ''],
      'description',
      /at most 200/,
    ],
    ['too few cells', [ACME_ID, ACME], 'line', /must have 7 fields/],
  ] as const;

  test('for one bad row among good ones writes nothing at all', async () => {
    const [acme, beta] = [await stored(ACME), await stored(BETA)];
    const run = await importLines('bad', HEADER + good + row(...(bad[0]?.[1] ?? [])));
    expect(run.outcome).toMatchObject({
      verdict: 'refused',
      counts: { read: 2, inserted: 0, updated: 0, unchanged: 0, refused: 1, duplicates: 0 },
    });
    expect(run.outcome?.sentence).toMatch(/^Nothing was written: 1 of 2 rows are refused/);
    expect([await stored(ACME), await stored(BETA)]).toEqual([acme, beta]);
  });

  /** Rows that are refused for one reason alone are no lines of the others. */
  const rowOf = (cells: readonly string[], index: number) =>
    row(...cells.map((cell) => (cell === 'd' ? `d${index}` : cell)));

  test('says of every bad row where it is, which field it is about, and what to do', async () => {
    const run = await importLines('bad', HEADER + bad.map(([, cells], index) => rowOf(cells, index)).join(''));
    expect(run.outcome).toMatchObject({ verdict: 'refused', counts: { read: bad.length, refused: bad.length } });
    const errors = await ndjson('bad', 'errors.ndjson');
    const wanted = bad.map(([, , field, rule], index) => ({
      line: index + 2,
      field,
      rule: expect.stringMatching(rule),
    }));
    expect(errors).toMatchObject(wanted);
    expect(errors.filter(({ more }) => more !== undefined)).toEqual([]);
  });

  test('because two rows normalize to one line names both, and counts the second', async () => {
    const csv =
      HEADER +
      row(ACME_ID, ACME, 'setup-fee', 'Onboarding  fee', '1', '1', '') +
      good +
      row(ACME_ID, ACME, 'setup-fee', ' onboarding Fee ', '1', '1', '');
    const run = await importLines('twice', csv);
    expect(run.outcome).toMatchObject({ verdict: 'refused', counts: { read: 3, refused: 2, duplicates: 1 } });
    const rule = expect.stringContaining('lines 2, 4 come to one line');
    expect(await ndjson('twice', 'errors.ndjson')).toMatchObject([
      { line: 2, field: 'description', rule },
      { line: 4, field: 'description', rule },
    ]);
  });

  test('because invoices are final, void, in review or to be rebuilt says so of each', async () => {
    const states = { '1': 'in the review "review"', '2': 'is void', '3': 'final as INV-2026-000001' };
    for (const name of Object.keys(states)) {
      await world.opened(`customer:c${name}`, 100n);
      await world.charged(`customer:c${name}`, `c${name}`, 1n);
    }
    const accounts = (...names: string[]) => ({ month: MONTH, accounts: names.map((name) => `customer:c${name}`) });
    await world.run({ id: 'more', kind: 'generate', month: MONTH });
    const { outcome } = await world.run({ id: 'review-3', kind: 'review', ...accounts('3') });
    await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
    await world.run({ id: 'final-3', kind: 'finalize', review: 'review-3', hash: outcome?.hash });
    await world.run({ id: 'review', kind: 'review', ...accounts('1') });
    await world.send('POST /v1/invoices/{invoiceId}/void', { params: { invoiceId: `${MONTH}:customer:c2` } });
    const rows = Object.keys(states).map((name) => {
      return row(`${MONTH}:customer:c${name}`, `customer:c${name}`, 'fee-x', 'd', '1', '1', '');
    });
    const run = await importLines('states', HEADER + rows.join(''));
    expect(run.outcome).toMatchObject({ verdict: 'refused', counts: { refused: 3 } });
    expect(await ndjson('states', 'errors.ndjson')).toMatchObject(
      Object.values(states).map((state) => ({ field: 'invoice_id', rule: expect.stringContaining(state) })),
    );
  });

  test('because a regeneration has marked the invoice and not built it yet', async () => {
    world.breakOff = async (step, when) => {
      const { version, status } = await stored(ACME);
      if (step !== 'work' || when !== 'before' || status !== 'pending_regeneration' || version !== 1) return;
      throw Object.assign(new Error('broken'), { name: 'Broken' });
    };
    expect((await world.run({ id: 'half', kind: 'regenerate', month: MONTH })).status).toBe('failed');
    world.breakOff = async () => {};
    const run = await importLines('early', HEADER + row(ACME_ID, ACME, 'fee-x', 'd', '1', '1', ''));
    expect(run.outcome?.verdict).toBe('refused');
    expect(await ndjson('early', 'errors.ndjson')).toMatchObject([
      { rule: expect.stringContaining('waits to be rebuilt by "half"') },
    ]);
  });

  test('because an invoice would have more lines than it can', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => row(ACME_ID, ACME, 'fee-x', `d${index}`, '1', '1', ''));
    const run = await importLines('many', HEADER + many.join(''));
    expect(run.outcome).toMatchObject({ verdict: 'refused', counts: { read: 10_000, refused: 10_000 } });
    const [first] = await ndjson('many', 'errors.ndjson');
    expect(first).toMatchObject({ line: 2, rule: expect.stringContaining('at most 10000 lines and would have 10002') });
  });

  test('whole when it is no file of lines, has none, or too many, which ends as a failure with a sentence', async () => {
    const files = [
      ['invoice_id,units\na,b\n', 'The column "units" is not known; columns are invoice_id, unit_id'],
      ['invoice_id,unit_id\na,b\n', 'There is no column "line_type"; every line needs it.'],
      [HEADER, 'The file has a header and no rows; there is nothing to import.'],
      [HEADER + 'x\n'.repeat(200_001), 'The file has more than 200000 rows; send it in several'],
    ];
    for (const [index, [csv = '', cause]] of files.entries()) {
      const { status, error } = await importLines(`whole-${index}`, csv);
      expect(status).toBe('failed');
      expect(JSON.parse(error?.cause ?? '{}').errorMessage).toContain(cause);
    }
  });

  test('whole when it comes to more parts than a run may have', async () => {
    const acme = await stored(ACME);
    const accounts = Array.from({ length: 1_001 }, (_, index) => `customer:n${index}`);
    const made = inOrder(accounts, 32, (account) => {
      return writeInvoice(world.tables, undefined, { ...acme, id: `${MONTH}:${account}`, account, lineCount: 0 });
    });
    for await (const result of made) expect(result).toBe('written');
    const rows = accounts.map((account) => row(`${MONTH}:${account}`, account, 'fee-x', 'd', '1', '1', ''));
    const { status, error } = await importLines('parts', HEADER + rows.join(''), { batchSize: 1, dryRun: true });
    expect(status).toBe('failed');
    expect(JSON.parse(error?.cause ?? '{}').errorMessage).toBe(
      'The file comes to 1001 batches of 1 rows, more than the 1000 that one run may have; make the batches larger.',
    );
  });

  test('because its file is missing or another one fails, and goes on once the right one is there', async () => {
    const body = { id: 'late-file', kind: 'import', month: MONTH, sha256: sha256(SETUP) };
    const { upload } = (await world.send('POST /v1/billing-runs', { body })).body;
    expect(await begin('late-file', 202)).toMatchObject({ status: 'failed', error: { name: 'LinesFileError' } });
    const { url } = upload as { url: string };
    await fetch(url, { method: 'PUT', body: SETUP.replace('40', '400') });
    expect((await begin('late-file', 202)).error?.cause).toContain('is not the one that was announced');
    expect(await stored(ACME)).toMatchObject({ version: 1 });
    await fetch(url, { method: 'PUT', body: SETUP });
    expect(await begin('late-file', 202)).toMatchObject({ status: 'succeeded', outcome: { verdict: 'imported' } });
    const again = await world.send('POST /v1/billing-runs/{runId}/start', { params: { runId: 'late-file' } });
    expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
    expect(again.body.upload).toBeUndefined();
  });

  test.each([
    ['a month that is not over', { month: '2026-11' }, 400, 'month'],
    ['a digest that is none', { sha256: 'abc' }, 400, 'sha256'],
    ['a batch size that is none', { batchSize: 0 }, 400, 'batchSize'],
  ])('by the API for %s', async (_, more, status, field) => {
    const body = { id: 'x', kind: 'import', month: MONTH, sha256: sha256(''), ...more };
    const answer = await world.send('POST /v1/billing-runs', { body });
    expect(answer).toMatchObject({ status, body: { errors: [{ field }] } });
  });

  test('under an id that is another file’s, or begun where there is none to begin', async () => {
    await importLines('mine', SETUP);
    const body = { id: 'mine', kind: 'import', month: MONTH, sha256: sha256('other') };
    expect((await world.send('POST /v1/billing-runs', { body })).status).toBe(422);
    const start = (runId: string) => world.send('POST /v1/billing-runs/{runId}/start', { params: { runId } });
    expect((await start('october')).status).toBe(409);
    expect((await start('nobody')).status).toBe(404);
  });
});

describe('a rollback of an import', () => {
  test('restores the lines of before byte for byte, as a new version, and twice is the same', async () => {
    const [items, before] = [await itemsOf(ACME), await stored(ACME)];
    await importLines('fix-42', SETUP);
    expect(await itemsOf(ACME)).not.toEqual(items);
    const run = await rollBack('undo', 'fix-42');
    expect(run.outcome).toMatchObject({
      verdict: 'restored',
      counts: { restored: 2, 'restored-before': 0, left: 0, inserted: 3, updated: 0, blocked: 0 },
      totals: [{ asset: 'TOKEN', before: '136', after: '98' }],
    });
    expect(await itemsOf(ACME)).toEqual(items);
    const after = await stored(ACME);
    expect(after).toMatchObject({ version: 3, madeBy: 'undo', lastOutcome: 'restored', faults: [] });
    for (const name of ['digest', 'due', 'opening', 'closing', 'lineCount', 'ledgerTotal', 'status'] as const) {
      expect(after[name]).toEqual(before[name]);
    }
    const content = { ...after, lines: await readLines(world.tables, after) };
    expect(sha256(invoiceContent(content))).toBe(before.digest);
    const replay = await world.send('POST /v1/billing-runs', { body: { id: 'undo', kind: 'rollback', of: 'fix-42' } });
    expect(replay).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' }, body: { of: 'fix-42' } });
    const twice = await rollBack('undo-again', 'fix-42');
    expect(twice.outcome).toMatchObject({
      verdict: 'restored',
      counts: { restored: 0, 'restored-before': 2, left: 0 },
    });
    expect(await stored(ACME)).toEqual(after);
  });

  test('leaves what was changed since, says by whom, and restores the others', async () => {
    await importLines('fix-42', SETUP);
    await importLines('later', HEADER + row(ACME_ID, ACME, 'setup-fee', 'onboarding fee', '1', '50', ''));
    const before = await stored(ACME);
    const run = await rollBack('undo', 'fix-42');
    expect(run.outcome).toMatchObject({ verdict: 'partly-restored', counts: { restored: 1, left: 1 } });
    expect(await stored(ACME)).toEqual(before);
    const rows = await ndjson('undo', 'invoices.ndjson');
    expect(rows.find(({ invoice }) => invoice === ACME_ID).left).toEqual({
      rows: 2,
      reason: `It has version 3 since, by later: compare it (reckoner invoices diff ${ACME_ID}) and import what it should say.`,
    });
  });

  test('leaves what is in review since', async () => {
    await importLines('fix-42', SETUP);
    await world.run({ id: 'review', kind: 'review', month: MONTH, accounts: [ACME] });
    const run = await rollBack('undo', 'fix-42');
    expect(run.outcome?.counts).toMatchObject({ restored: 1, left: 1 });
    const rows = await ndjson('undo', 'invoices.ndjson');
    expect(rows.find(({ invoice }) => invoice === ACME_ID).left.reason).toContain('It is pending since, by review');
  });

  test('restores what a regeneration came to and found unchanged', async () => {
    const items = await itemsOf(ACME);
    await importLines('fix-42', SETUP);
    await world.run({ id: 'again', kind: 'regenerate', month: MONTH });
    expect((await rollBack('undo', 'fix-42')).outcome?.counts).toMatchObject({ restored: 2, left: 0 });
    expect(await itemsOf(ACME)).toEqual(items);
  });

  test('is refused while there is nothing to roll back, with what to do', async () => {
    const ask = async (of: string) => {
      const answer = await world.send('POST /v1/billing-runs', { body: { id: 'undo', kind: 'rollback', of } });
      return [answer.status, answer.body.detail];
    };
    await world.send('POST /v1/billing-runs', {
      body: { id: 'announced', kind: 'import', month: MONTH, sha256: sha256(SETUP) },
    });
    expect(await ask('announced')).toEqual([409, expect.stringContaining('not begun')]);
    await begin('announced', 202);
    expect(await ask('announced')).toEqual([409, expect.stringContaining('start it again')]);
    await importLines('dry', SETUP, { dryRun: true });
    expect(await ask('dry')).toEqual([409, expect.stringContaining('dry run')]);
    await importLines('bad', `${SETUP}x,y\n`);
    expect(await ask('bad')).toEqual([409, expect.stringContaining('wrote nothing')]);
    expect(await ask('october')).toEqual([404, expect.anything()]);
    expect(await ask('nobody')).toEqual([404, expect.anything()]);
  });

  test('is the inverse of the import, whatever the file says', async () => {
    const cell = fc.record({
      unit: fc.constantFrom(ACME, `${ACME}:team-1`),
      type: fc.constantFrom('usage', 'credit', 'setup-fee', 'discount'),
      description: fc.constantFrom('chat', 'top-up', 'search', 'größe', '\u{1F600} smile'),
      quantity: fc.integer({ min: 0, max: 99 }),
      amount: fc.integer({ min: -99, max: 99 }),
    });
    const files = fc.uniqueArray(cell, {
      ...{ minLength: 1, maxLength: 8 },
      selector: ({ unit, type, description }) => `${unit}#${type}#${description}`,
    });
    const [items, before] = [await itemsOf(ACME), await stored(ACME)];
    let count = 0;
    await fc.assert(
      fc.asyncProperty(files, async (lines) => {
        count += 1;
        const rows = lines.map(({ unit, type, description, quantity, amount }) => {
          return row(ACME_ID, unit, type, description, `${quantity}`, `${amount}`, '');
        });
        const { outcome } = await importLines(`file-${count}`, HEADER + rows.join(''));
        expect(outcome?.counts.refused).toBe(0);
        await rollBack(`undo-${count}`, `file-${count}`);
        expect(await itemsOf(ACME)).toEqual(items);
        expect(await stored(ACME)).toMatchObject({ digest: before.digest, due: before.due, faults: [] });
      }),
      { numRuns: 8 },
    );
  });
});
