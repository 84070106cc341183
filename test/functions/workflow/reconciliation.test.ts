import { createHash, randomUUID } from 'node:crypto';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { chart } from '../../../config/chart.ts';
import { type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import type { RateCard } from '../../../domain/rating.ts';
import type { FindingLine } from '../../../domain/reconciliation/findings.ts';
import type { RunOutcome } from '../../../domain/reconciliation/outcome.ts';
import type { Slice } from '../../../domain/reconciliation/slices.ts';
import { addDays, addMilliseconds, weekOf } from '../../../domain/time.ts';
import type { Transfer } from '../../../domain/transfers.ts';
import { metrics } from '../../../functions/runtime/metrics.ts';
import { makeHandler as makeFail } from '../../../functions/workflow/fail-reconciliation.ts';
import { makeHandler as makePlan } from '../../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makeSlice } from '../../../functions/workflow/reconcile-slice.ts';
import type { RunPlan } from '../../../functions/workflow/reconciliation/run-plan.ts';
import { makeHandler as makeSummarise } from '../../../functions/workflow/summarise-reconciliation.ts';
import { openAccount } from '../../../store/accounts.ts';
import { getText, runKey } from '../../../store/artifacts.ts';
import { toItem } from '../../../store/items.ts';
import { postTransfer } from '../../../store/ledger.ts';
import { systemClock } from '../../../store/retry.ts';
import { slicesDone } from '../../../store/run-slices.ts';
import { getRun } from '../../../store/runs.ts';
import { accountKey } from '../../../store/tables.ts';
import { recordEvidence } from '../../../store/usage.ts';
import { startArtifacts, type TestArtifacts } from '../../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';

const CARDS: readonly RateCard[] = ['standard', 'postpaid'].map((name) => ({
  name,
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  asset: name === 'standard' ? 'TOKEN' : 'USD/6',
  revenueAccount: name === 'standard' ? 'platform:revenue' : 'platform:usage:revenue',
  operations: { chat: { prices: { units: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
}));

let tables: TestBooks;
let artifacts: TestArtifacts;
let day = '2026-01-01';

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([startBooks(), startArtifacts()]);
});
afterAll(() => Promise.all([tables.stop(), artifacts.stop()]));
// Each test has a day of its own, far from the others', and so books of its own.
beforeEach(() => {
  day = addDays(day, 20);
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

describe('a run over a day', () => {
  it('is clean when usage, charges and balances agree', async () => {
    await open('customer:agrees', 100n);
    await used('customer:agrees', 'agrees-1', 5n);
    await charged('customer:agrees', 'agrees-1', 5n);
    await used('postpaid:agrees', 'agrees-2', 7n);
    await charged('postpaid:agrees', 'agrees-2', 7n);
    const { summary, findings, csv, report } = await reconcile();
    expect(findings).toEqual([]);
    expect(summary).toMatchObject({ verdict: 'clean', sentence: 'Reconciliation complete: 0 discrepancies found' });
    expect(summary.pairsCompared).toBe(2);
    expect(summary.totals.map(({ asset, expected, actual }) => [asset, expected, actual])).toEqual([
      ['TOKEN', '5', '5'],
      ['USD/6', '7', '7'],
    ]);
    expect(csv.split('\r\n')).toHaveLength(2);
    expect(report).toContain('Reconciliation complete: 0 discrepancies found');
  });

  it('is inconclusive when both books are empty, and never says that nothing was found', async () => {
    const { summary, report } = await reconcile();
    expect(summary.verdict).toBe('inconclusive');
    expect(summary.sentence).not.toContain('complete');
    expect(report).not.toContain('0 discrepancies found');
  });

  it('finds exactly what is wrong, and writes it where it belongs', async () => {
    await open('customer:broken', 1_000n);
    await used('customer:broken', 'b-missing', 11n);
    await charged('customer:broken', 'b-unexpected', 3n);
    await used('customer:broken', 'b-amount', 5n);
    await charged('customer:broken', 'b-amount', 8n);
    await used('customer:broken', 'b-twice', 2n);
    await charged('customer:broken', 'b-twice', 2n);
    await charged('customer:broken', 'b-twice', 2n, { id: 'b-twice-again' });
    await used('customer:broken', 'b-late', 4n);
    await charged('customer:broken', 'b-late', 4n, { effectiveAt: `${addDays(day, 1)}T00:00:01.000Z` });
    await used('customer:broken', 'b-far', 6n);
    await charged('customer:broken', 'b-far', 6n, { effectiveAt: `${addDays(day, 5)}T00:00:01.000Z` });
    await used('customer:broken', 'b-shared', 3n);
    await used('customer:broken', 'b-shared', 3n, `${addDays(day, 6)}T00:00:01.000Z`);
    await charged('customer:broken', 'b-shared', 3n, { effectiveAt: `${addDays(day, 3)}T00:00:01.000Z` });
    await used('customer:broken', 'b-conflict', 1n);
    await used('customer:broken', 'b-conflict', 9n);
    await used('customer:nobody', 'b-nobody', 1n);
    await used('customer:broken', 'b-fixed', 5n);
    await charged('customer:broken', 'b-fixed', 8n);
    await charged('customer:broken', 'b-fixed', -3n, { id: 'b-fixed-correction', corrects: 'b-fixed' });

    const { summary, findings, csv, report } = await reconcile({ endDate: addDays(day, 6) });
    const names = findings.map((finding) => `${finding.kind} ${finding.requestId} ${finding.cause ?? ''}`.trim());
    expect(names.sort()).toEqual([
      'amount-mismatch b-amount',
      'conflicting-evidence b-conflict',
      'conflicting-evidence b-shared',
      'duplicate b-twice',
      'misdated b-far',
      'misdated b-late',
      'misdated b-shared',
      'missing b-missing',
      'missing b-nobody account-not-opened',
      'unexpected b-unexpected',
    ]);
    expect(summary).toMatchObject({
      verdict: 'discrepancies',
      sentence: 'Reconciliation complete: 10 discrepancies found',
      accountsAffected: 2,
      accountsTooBusy: 0,
      notPaired: 0,
    });
    expect(summary.totals).toEqual([
      expect.objectContaining({
        asset: 'TOKEN',
        discrepancy: '-4',
        overCharged: '8',
        underCharged: '12',
        undetermined: '0',
      }),
    ]);
    expect(findings.find(({ requestId }) => requestId === 'b-missing')).toMatchObject({
      account: 'customer:broken',
      expected: '11',
      actual: '0',
      difference: '-11',
      evidence: [{ operation: 'chat', quantities: { units: '11' } }],
    });
    const lines = csv.trimEnd().split('\r\n');
    expect(lines[0]).toBe('finding_id,account,request_id,occurred_at,operation,quantities,asset,expected_amount,cause');
    expect(
      lines
        .slice(1)
        .map((line) => line.split(',')[2])
        .sort(),
    ).toEqual(['b-missing', 'b-nobody']);
    expect(report).toContain('Reconciliation complete: 10 discrepancies found');
  });

  it('finds a balance that is not what its transfers come to', async () => {
    await open('customer:drifted', 50n);
    await used('customer:drifted', 'd-1', 5n);
    await charged('customer:drifted', 'd-1', 5n);
    await tables.client.send(
      new UpdateItemCommand({
        TableName: tables.ledgerTable,
        Key: toItem({ pk: accountKey('customer:drifted') }),
        UpdateExpression: 'SET debits = debits + :n, available = available - :n',
        ExpressionAttributeValues: toItem({ ':n': 3n }),
      }),
    );
    const { findings, summary } = await reconcile();
    expect(findings).toMatchObject([
      { kind: 'balance-drift', account: 'customer:drifted', expected: '45', actual: '42', difference: '-3' },
    ]);
    expect(findings[0]?.detail).toContain('debits 8 stored, 5 by transfers');
    expect(summary.totals).toMatchObject([{ discrepancy: '0' }]);
    // Made good by hand, so that the other tests find the balance in order.
    await tables.client.send(
      new UpdateItemCommand({
        TableName: tables.ledgerTable,
        Key: toItem({ pk: accountKey('customer:drifted') }),
        UpdateExpression: 'SET debits = debits - :n, available = available + :n',
        ExpressionAttributeValues: toItem({ ':n': 3n }),
      }),
    );
  });

  it('leaves a manifest by which every file can be checked', async () => {
    const { run, manifest } = await reconcile();
    expect(manifest.files.map(({ name }) => name)).toEqual([
      'summary.json',
      'findings.ndjson',
      'missing_lines.csv',
      'report.html',
    ]);
    for (const file of manifest.files) {
      const text = await getText(artifacts, runKey(run.id, file.name));
      expect(createHash('sha256').update(text).digest('hex')).toBe(file.sha256);
      expect(Buffer.byteLength(text)).toBe(file.bytes);
    }
  });

  it('records what it came to, and does nothing twice when it is done again', async () => {
    await used('postpaid:again', 'again-1', 7n);
    const { run, summary } = await reconcile();
    const slices = await slicesOf(run);
    expect(await slicesDone(tables, run.id)).toBe(slices.length);
    expect(await getRun(tables, run.id)).toMatchObject({
      status: 'succeeded',
      outcome: { findings: summary.findings },
    });

    // What came in meanwhile is the next run's: a slice that is done is not compared again.
    await used('postpaid:again', 'again-2', 7n);
    await compareSlices(run, slices);
    await summarise()({ run });
    expect(JSON.parse(await getText(artifacts, runKey(run.id, 'summary.json')))).toEqual(summary);
  });
});

describe('a run restricted to accounts', () => {
  it('compares these alone, in the buckets that they are in, and says so in its reports', async () => {
    for (const account of ['customer:in', 'customer:in:team', 'customer:out']) await used(account, `${account}-1`, 5n);
    const { run, findings, summary, report } = await reconcile({ accounts: ['customer:in'] });
    expect(findings.map(({ account }) => account)).toEqual(['customer:in']);
    expect(summary).toMatchObject({ accountsSeen: 1, accounts: ['customer:in'] });
    expect(run.slices).toBe(2);
    expect(report).toContain('these alone: customer:in');
    expect(await getRun(tables, run.id)).toMatchObject({ accounts: ['customer:in'] });
  });

  it('is inconclusive when no book knows them', async () => {
    const { summary } = await reconcile({ accounts: ['customer:mistyped'] });
    expect(summary).toMatchObject({ verdict: 'inconclusive', accountsSeen: 0 });
  });

  it('says nothing of the percentage that stands for the whole of the books', async () => {
    const { run } = await reconcile({ accounts: ['customer:in'] });
    const counted = vi.spyOn(metrics, 'addMetric');
    counted.mockClear();
    await summarise()({ run });
    const names = counted.mock.calls.map(([name]) => name);
    expect(names).toContain('reconciliation_findings');
    expect(names).not.toContain('reconciliation_discrepancy_percent');
  });
});

describe('a spot check', () => {
  const spot = () => runOf({ trigger: 'spot', scheduledTime: `${day}T04:00:00Z` });

  it('compares a sample over the seven days before, under the name of their week, and counts what it finds', async () => {
    await used('customer:spotted', 'spotted-1', 5n, `${addDays(day, -3)}T12:00:00.000Z`);
    const counted = vi.spyOn(metrics, 'addMetric');
    counted.mockClear();
    const { run, summary, findings, report } = await spot();
    expect(run).toMatchObject({ trigger: 'spot', startDate: addDays(day, -7), endDate: addDays(day, -1) });
    expect(run.id).toBe(`spot-${weekOf(addDays(day, -1))}`);
    // There are fewer accounts than the least number of a sample, so all are in it.
    expect(findings.map(({ requestId }) => requestId)).toEqual(['spotted-1']);
    expect(report).toContain(`a sample drawn for ${weekOf(addDays(day, -1))}`);
    expect(counted).toHaveBeenCalledWith('spot_check_findings', 'Count', 1);
    expect(counted).toHaveBeenCalledWith('accounts_spot_checked', 'Count', summary.accountsSeen);
  });

  it('keeps the sample that was drawn first, whoever is opened before it is planned again', async () => {
    const many = Array.from({ length: 60 }, (_, index) => `customer:drawn-${index}`);
    await Promise.all(many.slice(0, 30).map((account) => used(account, `${account}-${day}`, 1n)));
    const input = { trigger: 'spot', scheduledTime: `${day}T04:00:00Z` };
    const first = await plan()({ input, execution: 'e' });
    await Promise.all(many.slice(30).map((account) => used(account, `${account}-${day}`, 1n)));
    expect(await plan()({ input, execution: 'e' })).toEqual(first);
    expect(first).toMatchObject({ run: { sample: { below: expect.any(Number) } } });
  });
});

it('counts the balances that it could not check, so that somebody can be told', async () => {
  const { run } = await reconcile();
  const counted = vi.spyOn(metrics, 'addMetric');
  await summarise()({ run });
  expect(counted).toHaveBeenCalledWith('balances_not_checked', 'Count', 0);
});

describe('planning', () => {
  it('leaves a run to the execution that has it', async () => {
    const input = { trigger: 'daily', scheduledTime: `${addDays(day, 1)}T02:00:00Z` };
    expect(await plan()({ input, execution: 'first' })).toMatchObject({
      claimed: true,
      run: { id: `daily-${day}`, startDate: day, endDate: day, slices: 80 },
    });
    expect(await plan()({ input, execution: 'second' })).toEqual({
      claimed: false,
      runId: `daily-${day}`,
      heldBy: 'first',
    });
    expect(await plan()({ input, execution: 'first' })).toMatchObject({ claimed: true });
  });

  it('looks back on the seven days before the daily run’s in a re-check', async () => {
    const input = { trigger: 'recheck', scheduledTime: `${addDays(day, 1)}T03:00:00Z` };
    expect(await plan()({ input, execution: 'e' })).toMatchObject({
      run: { id: `recheck-${day}`, startDate: addDays(day, -7), endDate: addDays(day, -1) },
    });
  });

  it('refuses an input that says no run', async () => {
    await expect(plan()({ input: { trigger: 'daily' }, execution: 'e' })).rejects.toThrow(/scheduledTime/);
    const reversed = { trigger: 'request', runId: 'r', startDate: day, endDate: addDays(day, -1), requestedAt: NOW() };
    await expect(plan()({ input: reversed, execution: 'e' })).rejects.toMatchObject({ name: 'InvalidRunInputError' });
  });
});

it('records why a run failed, in the name of its execution only', async () => {
  const input = { trigger: 'daily', scheduledTime: `${addDays(day, 1)}T02:00:00Z` };
  await plan()({ input, execution: 'e' });
  const fail = makeFail({ runs: tables, now: NOW });
  const error = { Error: 'States.Timeout', Cause: 'too slow' };
  expect(await fail({ input, execution: 'other', error })).toEqual({ runId: `daily-${day}`, recorded: false });
  expect(await fail({ input, execution: 'e', error })).toEqual({ runId: `daily-${day}`, recorded: true });
  expect(await getRun(tables, `daily-${day}`)).toMatchObject({
    status: 'failed',
    error: { name: 'States.Timeout', cause: 'too slow' },
  });
});

/** After all that the tests post, which may count up to six days later. */
function NOW(): string {
  return `${addDays(day, 8)}T02:00:05.000Z`;
}

function plan() {
  return makePlan({ runs: tables, artifacts, books: tables, chart, now: NOW });
}

function summarise() {
  return makeSummarise({ runs: tables, artifacts, now: NOW });
}

async function compareSlices(run: RunPlan, slices: readonly Slice[]): Promise<void> {
  const compare = makeSlice({
    books: tables,
    runs: tables,
    invoices: tables,
    artifacts,
    chart,
    readRateCards: async () => CARDS,
    now: NOW,
    newId: randomUUID,
    wait: async () => {},
    sweptUntil: async () => undefined,
  });
  for (let start = 0; start < slices.length; start += 4) {
    await compare({ BatchInput: { run }, Items: slices.slice(start, start + 4) });
  }
}

async function slicesOf(run: RunPlan): Promise<Slice[]> {
  return JSON.parse(await getText(artifacts, run.slicesKey)) as Slice[];
}

/** Plans, compares and sums up as the state machine does. */
async function reconcile({ endDate = day, accounts }: { endDate?: string; accounts?: readonly string[] } = {}) {
  return runOf({ trigger: 'request', runId: `run-${day}`, startDate: day, endDate, accounts, requestedAt: NOW() });
}

async function runOf(input: object) {
  const planned = await plan()({ input, execution: 'execution' });
  if (!planned.claimed) throw new Error('The run is another execution’s.');
  const { run } = planned;
  await compareSlices(run, await slicesOf(run));
  await summarise()({ run });
  const file = (name: string) => getText(artifacts, runKey(run.id, name));
  const lines = (await file('findings.ndjson')).split('\n').filter((line) => line !== '');
  return {
    run,
    summary: JSON.parse(await file('summary.json')) as RunOutcome,
    findings: lines.map((line) => JSON.parse(line) as FindingLine),
    csv: await file('missing_lines.csv'),
    report: await file('report.html'),
    manifest: JSON.parse(await file('manifest.json')) as { files: { name: string; sha256: string; bytes: number }[] },
  };
}

async function open(id: string, deposit: bigint): Promise<void> {
  const account = { id, asset: 'TOKEN', status: 'open', openedOn: day, createdAt: NOW(), creditLimit: 0n } as const;
  const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
  await openAccount(tables, { ...account, balance: 'strict', figures }, {});
  await post({ id: `deposit-${id}`, kind: 'transfer', debit: 'platform:float', credit: id, amount: deposit });
}

/** Evidence at a moment of the day that follows from the request. */
async function used(
  account: string,
  requestId: string,
  units: bigint,
  occurredAt = momentOf(requestId),
): Promise<void> {
  await recordEvidence(
    { ...tables, clock: systemClock, seenAccounts: new Set() },
    { requestId, account, operation: 'chat', quantities: { units }, occurredAt },
    entryOf(account),
    NOW(),
  );
}

/** A charge at the same moment; a negative amount gives back. */
async function charged(
  account: string,
  requestId: string,
  amount: bigint,
  more: Partial<Transfer> = {},
): Promise<void> {
  const revenue = account.startsWith('customer:') ? 'platform:revenue' : 'platform:usage:revenue';
  const sides =
    amount < 0n ? { debit: revenue, credit: account, amount: -amount } : { debit: account, credit: revenue, amount };
  await post({
    id: requestId,
    kind: amount < 0n ? 'transfer' : 'charge',
    requestId,
    effectiveAt: momentOf(requestId),
    ...sides,
    ...more,
  });
}

async function post(transfer: Pick<Transfer, 'id' | 'kind' | 'debit' | 'credit' | 'amount'> & Partial<Transfer>) {
  const [debitEntry, creditEntry] = [entryOf(transfer.debit), entryOf(transfer.credit)];
  const result = await postTransfer(
    { ...tables, clock: systemClock, newId: randomUUID, listed: new Set() },
    {
      transfer: { asset: debitEntry.asset, effectiveAt: momentOf(transfer.id), recordedAt: NOW(), ...transfer },
      claims: {},
      debitEntry,
      creditEntry,
    },
  );
  expect(result.kind).toBe('created');
}

function momentOf(requestId: string): string {
  const spread = [...requestId].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 80_000, 7);
  return addMilliseconds(`${day}T00:00:00.000Z`, spread * 1_000);
}

function entryOf(account: string): ChartEntry {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart has no entry for ${account}.`);
  return entry;
}
