import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { RateCard } from '../../domain/rating.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-reconciliation.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/reconcile-slice.ts';
import { makeHandler as makeSummarise } from '../../functions/workflow/summarise-reconciliation.ts';
import { getText, runKey } from '../../store/artifacts.ts';
import { postTransfer } from '../../store/ledger.ts';
import { systemClock as storeClock } from '../../store/retry.ts';
import { getRun } from '../../store/runs.ts';
import { recordEvidence } from '../../store/usage.ts';
import { startArtifacts, type TestArtifacts } from '../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../support/books.ts';
import { sweepCrashes } from '../support/crash-sweep.ts';
import { startMachines } from '../support/machines.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

const DAY = '2026-11-19';
const ACCOUNT = 'postpaid:acme';
const FILES = ['summary.json', 'findings.ndjson', 'missing_lines.csv', 'report.html'];
const CARD: RateCard = {
  name: 'postpaid',
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  asset: 'USD/6',
  revenueAccount: 'platform:usage:revenue',
  operations: { chat: { prices: { units: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
};

let tables: TestBooks;
let artifacts: TestArtifacts;

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([startBooks(), startArtifacts()]);
  await used('agrees', 5n);
  await charged('agrees', 5n, `${DAY}T08:00:00.000Z`);
  await used('missing', 7n);
  await used('late', 9n);
  await charged('late', 9n, `${DAY}T09:30:00.000Z`);
});
afterAll(() => Promise.all([tables.stop(), artifacts.stop()]));
beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

sweepCrashes('a run', {
  steps: ['plan', 'slice', 'summarise'],
  writesMin: 8,
  async begin(runId) {
    const { machines, run } = runOf(runId);
    return {
      machines,
      run,
      async broken(step, when) {
        const recorded = step === 'plan' && when === 'before' ? undefined : 'failed';
        expect((await getRun(tables, runId))?.status).toBe(recorded);
      },
      async end() {
        expect(await getRun(tables, runId)).toMatchObject({ status: 'succeeded', outcome: { findings: 2 } });
        return artifactsOf(runId);
      },
      stop: () => machines.stop(),
    };
  },
});

it('leaves a run alone that has succeeded, however often it is started', async () => {
  const { machines, run } = runOf('twice');
  expect(await run()).toBe('SUCCEEDED');
  const before = await getRun(tables, 'twice');
  expect(await run()).toBe('SUCCEEDED');
  expect(await getRun(tables, 'twice')).toEqual(before);
  await machines.stop();
});

/** The state machine, and what starts a run with it and says how its execution ended. Each has an hour of its own. */
function runOf(runId: string) {
  let executions = 0;
  const deps = {
    ...{ books: tables, runs: tables, invoices: tables, artifacts, chart },
    readRateCards: async () => [CARD],
    now: () => `2026-11-20T0${executions + 1}:00:00.000Z`,
    newId: randomUUID,
    wait: async () => {},
    sweptUntil: async () => undefined,
  };
  const machines = startMachines({
    functions: () => ({
      reconcile: { plan: makePlan(deps), slice: makeSlice(deps), summarise: makeSummarise(deps), fail: makeFail(deps) },
    }),
    watched: 'reconcile',
    artifacts,
  });
  return {
    machines,
    async run(): Promise<string> {
      executions += 1;
      const requestedAt = '2026-11-20T01:00:00.000Z';
      const input = { trigger: 'request', runId, startDate: DAY, endDate: DAY, accounts: [ACCOUNT], requestedAt };
      return machines.ended(await machines.start('reconcile', input));
    },
  };
}

/** The texts of a run's files without what names the run or its hour; the manifest must fit them. */
async function artifactsOf(runId: string): Promise<string[]> {
  const texts = await Promise.all(FILES.map((name) => getText(artifacts, runKey(runId, name))));
  const { files } = JSON.parse(await getText(artifacts, runKey(runId, 'manifest.json'))) as {
    files: { sha256: string }[];
  };
  expect(files.map(({ sha256 }) => sha256)).toEqual(
    texts.map((text) => createHash('sha256').update(text).digest('hex')),
  );
  const { startedAt = '' } = (await getRun(tables, runId)) ?? {};
  return texts.map((text) => text.replaceAll(runId, 'RUN').replaceAll(startedAt, 'STARTED'));
}

async function used(requestId: string, units: bigint): Promise<void> {
  const occurredAt = `${DAY}T08:00:00.000Z`;
  await recordEvidence(
    { ...tables, clock: storeClock, seenAccounts: new Set() },
    { requestId, account: ACCOUNT, operation: 'chat', quantities: { units }, occurredAt },
    entryOf(ACCOUNT),
    occurredAt,
  );
}

async function charged(id: string, amount: bigint, effectiveAt: string): Promise<void> {
  const sides = { debit: ACCOUNT, credit: CARD.revenueAccount };
  const charge = { kind: 'charge', requestId: id, asset: CARD.asset, amount } as const;
  const posted = await postTransfer(
    { ...tables, clock: storeClock, newId: randomUUID, listed: new Set() },
    {
      transfer: { id, ...charge, ...sides, effectiveAt, recordedAt: effectiveAt },
      claims: {},
      debitEntry: entryOf(sides.debit),
      creditEntry: entryOf(sides.credit),
    },
  );
  expect(posted.kind).toBe('created');
}

function entryOf(account: string) {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart has no entry for ${account}.`);
  return entry;
}
