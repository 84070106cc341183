import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { planRepair } from '../../../../functions/api/repairs.ts';
import { metrics } from '../../../../functions/runtime/metrics.ts';
import { getInvoice } from '../../../../store/invoices.ts';
import { toItem } from '../../../../store/items.ts';
import { getRun } from '../../../../store/runs.ts';
import { accountKey, bucketOf, invoiceSortKey, invoicesPartition, linesPartition } from '../../../../store/tables.ts';
import { type BillingWorld, MONTH, startBillingWorld } from '../../../support/billing-world.ts';
import { reconcileBy, reconcileInvoices } from '../../../support/invoice-reconciliation.ts';

const ACME = 'customer:acme';
const TEAM = 'customer:acme:team';
const INVOICE = `${MONTH}:${ACME}`;
let world: BillingWorld;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await startBillingWorld();
  await world.opened(ACME, 10_000n);
  await world.opened(TEAM, 500n);
  await world.charged(ACME, 'req-1', 80n);
  await world.charged(TEAM, 'req-2', 7n);
  restore = await world.remember();
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await restore();
});

afterAll(() => world.stop());

const generate = () => world.run({ id: 'october', kind: 'generate', month: MONTH });

async function editLine(key: string, amount: bigint): Promise<void> {
  const invoice = await getInvoice(world.tables, { month: MONTH, account: ACME, sequence: 0 });
  await world.tables.client.send(
    new UpdateItemCommand({
      TableName: world.tables.billingTable,
      Key: toItem({ pk: linesPartition(INVOICE, invoice?.digest ?? ''), sk: key }),
      UpdateExpression: 'SET amount = :amount',
      ExpressionAttributeValues: toItem({ ':amount': amount }),
    }),
  );
}

async function editInvoice(expression: string, amount: bigint): Promise<void> {
  await world.tables.client.send(
    new UpdateItemCommand({
      TableName: world.tables.billingTable,
      Key: toItem({ pk: invoicesPartition(MONTH, bucketOf(ACME)), sk: invoiceSortKey(ACME, 0) }),
      UpdateExpression: expression,
      ExpressionAttributeValues: toItem({ ':amount': amount }),
    }),
  );
}

test('what was invoiced as the ledger says is clean, and payments are compared and in no total', async () => {
  await generate();
  const { outcome, findings, run, file } = await reconcileInvoices(world, 'clean');
  expect(findings).toEqual([]);
  expect(outcome).toMatchObject({
    ...{ verdict: 'clean', sentence: 'Reconciliation complete: 0 discrepancies found' },
    ...{ pairsCompared: 4, evidenceRows: 4, ledgerRows: 4, accountsSeen: 1, balancesChecked: 2 },
    totals: [{ asset: 'TOKEN', expected: '87', actual: '87', discrepancy: '0' }],
  });
  expect(run.slices).toBe(16);
  expect(await file('report.html')).toContain('Ledger and invoices agree in every line that was compared.');
  const manifest = JSON.parse(await file('manifest.json')) as { files: { name: string }[] };
  expect(manifest.files.map(({ name }) => name).sort()).toEqual([
    ...['findings.ndjson', 'missing_lines.csv', 'report.html', 'summary.json'],
  ]);
});

test('empty against empty is inconclusive', async () => {
  const { outcome } = await reconcileInvoices(world, 'empty', ['customer:nobody']);
  expect(outcome).toMatchObject({ verdict: 'inconclusive', accountsSeen: 0 });
});

test('a customer with transfers and no invoice is one finding and not one for each line', async () => {
  const { outcome, findings, file } = await reconcileInvoices(world, 'none');
  expect(outcome.verdict).toBe('discrepancies');
  expect(findings).toMatchObject([
    { kind: 'missing', account: ACME, expected: '87', actual: '0', difference: '-87', invoice: { id: INVOICE } },
  ]);
  expect(findings[0]?.detail).toContain('reckoner invoices generate --month 2026-10 --account customer:acme');
  expect((await file('missing_lines.csv')).trim().split('\r\n')).toHaveLength(1);
});

async function postLate(): Promise<void> {
  await world.charged(TEAM, 'late-1', 5n, { operation: 'embed' });
  await world.charged(TEAM, 'late-2', 2n);
  await world.posted({
    ...{ id: 'late-3', debit: 'platform:funding', credit: ACME, amount: 30n, description: 'Top-up, second' },
    effectiveAt: `${MONTH}-20T00:00:00.000Z`,
  });
}

test('late transfers are found line by line, under their units, and listed as lines are imported', async () => {
  await generate();
  await postLate();
  const { outcome, findings, file } = await reconcileInvoices(world, 'late');
  const told = findings.map(({ kind, account, expected, actual, invoice }) => {
    return [kind, account, invoice?.line?.type, invoice?.line?.description, expected, actual];
  });
  expect(told).toEqual([
    ['missing', ACME, 'credit', 'top-up, second', '-30', '0'],
    ['amount-mismatch', TEAM, 'usage', 'chat', '9', '7'],
    ['missing', TEAM, 'usage', 'embed', '5', '0'],
  ]);
  expect(new Set(findings.map(({ id }) => id)).size).toBe(3);
  expect(outcome.totals).toMatchObject([{ expected: '94', actual: '87', underCharged: '7', overCharged: '0' }]);
  expect(findings[1]?.detail).toBe(
    '"chat" (usage) of customer:acme:team: the ledger has 9 TOKEN of 2 transfers, invoice 2026-10:customer:acme has 7 TOKEN of 1 transfers. Regenerate it: reckoner invoices regenerate --month 2026-10 --account customer:acme',
  );
  expect(await file('missing_lines.csv')).toBe(
    [
      'invoice_id,unit_id,line_type,description,quantity,amount,asset',
      '2026-10:customer:acme,customer:acme,credit,"top-up, second",1,-30,TOKEN',
      '2026-10:customer:acme,customer:acme:team,usage,embed,1,5,TOKEN',
      '',
    ].join('\r\n'),
  );
});

test('what came late is the same finding in every run, until the invoice is regenerated', async () => {
  await generate();
  await postLate();
  const [first, second] = [await reconcileInvoices(world, 'one'), await reconcileInvoices(world, 'two')];
  expect(second.findings.map(({ id }) => id)).toEqual(first.findings.map(({ id }) => id));
  await world.run({ id: 'again', kind: 'regenerate', month: MONTH });
  expect((await reconcileInvoices(world, 'settled')).outcome.verdict).toBe('clean');
});

test('what came late for a final invoice is settled by an open document, and by nothing before it', async () => {
  await generate();
  const { outcome } = await world.run({ id: 'review', kind: 'review', month: MONTH });
  await world.approve(outcome?.approval ?? '', outcome?.hash ?? '');
  await world.run({ id: 'final', kind: 'finalize', review: 'review', hash: outcome?.hash });
  await world.charged(ACME, 'late', 9n);
  const before = await reconcileInvoices(world, 'before');
  expect(before.findings).toMatchObject([{ kind: 'amount-mismatch', expected: '89', actual: '80' }]);
  expect(before.findings[0]?.detail).toContain('a credit note or a debit adjustment');
  await world.run({ id: 'late-one', kind: 'regenerate', month: MONTH });
  expect((await reconcileInvoices(world, 'after')).outcome.verdict).toBe('clean');
});

test('lines and figures that somebody edited are found, each where it is', async () => {
  await generate();
  await editLine(`${ACME}#usage#chat`, 81n);
  const { findings } = await reconcileInvoices(world, 'line');
  expect(findings.map(({ kind, account, expected, actual }) => [kind, account, expected, actual])).toEqual([
    ['amount-mismatch', ACME, '88', '87'],
    ['balance-drift', ACME, '10412', '10413'],
    ['amount-mismatch', ACME, '80', '81'],
  ]);
  await editLine(`${ACME}#usage#chat`, 80n);
  await editInvoice('SET due = :amount', 1n);
  const due = await reconcileInvoices(world, 'due');
  expect(due.findings).toMatchObject([{ kind: 'amount-mismatch', expected: '87', actual: '1', notDue: true }]);
  expect(due.findings[0]?.detail).toContain('asks for 1 TOKEN; its lines come to 87 TOKEN');
});

test('a balance that does not tie is drift, whatever the lines say', async () => {
  await generate();
  await world.tables.client.send(
    new UpdateItemCommand({
      TableName: world.tables.ledgerTable,
      Key: toItem({ pk: accountKey(TEAM) }),
      UpdateExpression: 'SET debits = debits + :by',
      ExpressionAttributeValues: toItem({ ':by': 3n }),
    }),
  );
  const { findings, outcome } = await reconcileInvoices(world, 'drift');
  expect(findings).toMatchObject([{ kind: 'balance-drift', account: TEAM, expected: '493', actual: '490' }]);
  expect(outcome.totals).toMatchObject([{ expected: '87', actual: '87' }]);
});

test('a line whose transfers the ledger does not have is unexpected, and a fee is not the ledger’s', async () => {
  world.policy = { ...world.policy, fees: [{ description: 'Platform fee', asset: 'TOKEN', amount: 49n }] };
  await generate();
  expect((await reconcileInvoices(world, 'fee')).outcome).toMatchObject({ verdict: 'clean', ledgerRows: 4 });
  await world.tables.client.send(
    new DeleteItemCommand({ TableName: world.tables.ledgerTable, Key: toItem({ pk: 'transfer#req-2' }) }),
  );
  const { findings } = await reconcileInvoices(world, 'gone');
  expect(findings).toMatchObject([
    { kind: 'balance-drift', account: TEAM },
    { kind: 'unexpected', account: TEAM, expected: '0', actual: '7' },
  ]);
});

test('a void invoice is compared with nothing', async () => {
  await generate();
  await world.charged(ACME, 'late', 9n);
  await world.send('POST /v1/invoices/{invoiceId}/void', { params: { invoiceId: INVOICE } });
  expect((await reconcileInvoices(world, 'void')).outcome).toMatchObject({ findings: 0, accountsSeen: 1 });
});

test('the run of the schedule covers the month before under its name, and counts what it found', async () => {
  const counted = vi.spyOn(metrics, 'addMetric');
  const { run, outcome } = await reconcileBy(world, { trigger: 'invoices', scheduledTime: '2026-11-02T08:00:00Z' });
  expect(run).toMatchObject({
    ...{ id: 'invoices-2026-10', trigger: 'invoices', books: 'invoices' },
    ...{ startDate: '2026-10-01', endDate: '2026-10-31' },
  });
  expect(await getRun(world.tables, 'invoices-2026-10')).toMatchObject({ books: 'invoices', status: 'succeeded' });
  expect(outcome.findings).toBe(1);
  expect(counted.mock.calls.map(([name, , value]) => [name, value])).toEqual([
    ['invoice_findings', 1],
    ['balances_not_checked', 0],
  ]);
});

test('parts of months are refused before anything is recorded', async () => {
  const days = { startDate: '2026-10-01', endDate: '2026-10-30' };
  const input = { trigger: 'request', runId: 'part', books: 'invoices', ...days, requestedAt: world.now };
  await expect(reconcileBy(world, input)).rejects.toThrow('Invoices are of whole months; 2026-10-01 to 2026-10-30');
  expect(await getRun(world.tables, 'part')).toBeUndefined();
});

test('what such a run found is not repaired but regenerated', async () => {
  await reconcileInvoices(world, 'found');
  const body = { id: 'repair', runId: 'found', kinds: ['backfill'] };
  const deps = { runs: world.tables, now: () => world.now } as unknown as Parameters<typeof planRepair>[0];
  const request = { body, params: {}, query: undefined, event: {}, caller: { keyId: 'key', scopes: [] } };
  const answer = await planRepair(deps, request as unknown as Parameters<typeof planRepair>[1]);
  expect(answer).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('regenerate the invoices of 2026-10 instead of repairing') },
  });
});
