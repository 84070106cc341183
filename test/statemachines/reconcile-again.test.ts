import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { RateCard } from '../../domain/rating.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-reconciliation.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/reconcile-slice.ts';
import { makeHandler as makeSummarise } from '../../functions/workflow/summarise-reconciliation.ts';
import { systemClock } from '../../local/states/clock.ts';
import { createStatesEngine, type StatesEngine } from '../../local/states/engine.ts';
import type { ServiceCall } from '../../local/states/runtime.ts';
import { getText, runKey } from '../../store/artifacts.ts';
import { postTransfer } from '../../store/ledger.ts';
import { systemClock as storeClock } from '../../store/retry.ts';
import { getRun } from '../../store/runs.ts';
import { recordEvidence } from '../../store/usage.ts';
import { startArtifacts, type TestArtifacts } from '../support/artifacts-bucket.ts';
import { startBooks, type TestBooks } from '../support/books.ts';
import { statusWhenEnded } from '../support/executions.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

const DAY = '2026-11-19';
const MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:reconcile';
const ACCOUNT = 'postpaid:acme';
const FILES = ['summary.json', 'findings.ndjson', 'missing_lines.csv', 'report.html'];
const CARD: RateCard = {
  name: 'postpaid',
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  asset: 'USD/6',
  revenueAccount: 'platform:usage:revenue',
  operations: { chat: { prices: { units: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
};

type Step = 'plan' | 'slice' | 'summarise';
type When = 'before' | 'after';

let tables: TestBooks;
let artifacts: TestArtifacts;
let engine: StatesEngine;
/** What breaks the execution off: called before and after each call of a function. */
let breakOff: (step: string, when: When) => Promise<void>;
let executions = 0;

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
  executions = 0;
  breakOff = async () => {};
  engine = createStatesEngine({
    place: { accountId: '000000000000', region: 'us-east-1' },
    clock: systemClock,
    random: Math.random,
    callService,
  });
  engine.register({ name: 'reconcile', arn: MACHINE, roleArn: 'role', definition: definition() });
});
afterEach(() => engine.stop());

const steps: [Step, When][] = (['plan', 'slice', 'summarise'] as const).flatMap((step) => [
  [step, 'before'],
  [step, 'after'],
]);

describe('a run that is broken off', () => {
  it.each(steps)('by a failure of %s, %s its work, ends the same when it is started again', async (step, when) => {
    const runId = `failed-${step}-${when}`;
    once(step, when, async () => {
      throw Object.assign(new Error('Killed.'), { name: 'KilledError' });
    });
    expect(await ended(await start(runId))).toBe('FAILED');
    expect((await getRun(tables, runId))?.status).toBe(step === 'plan' && when === 'before' ? undefined : 'failed');
    expect(await ended(await start(runId))).toBe('SUCCEEDED');
    await expectTheSame(runId);
  });

  it.each(steps)('because it is stopped at %s, %s its work, ends the same when it is redriven', async (step, when) => {
    const runId = `stopped-${step}-${when}`;
    let executionArn = '';
    once(step, when, async () => {
      await engine.handle('StopExecution', { executionArn });
    });
    executionArn = await start(runId);
    expect(await ended(executionArn)).toBe('ABORTED');
    await engine.handle('RedriveExecution', { executionArn });
    expect(await ended(executionArn)).toBe('SUCCEEDED');
    await expectTheSame(runId);
  });
});

it('leaves a run alone that has succeeded, however often it is started', async () => {
  expect(await ended(await start('twice'))).toBe('SUCCEEDED');
  const before = await getRun(tables, 'twice');
  expect(await ended(await start('twice'))).toBe('SUCCEEDED');
  expect(await getRun(tables, 'twice')).toEqual(before);
});

/** The artifacts of a run that nothing disturbed, made once. */
let undisturbed: Promise<string[]> | undefined;

async function expectTheSame(runId: string): Promise<void> {
  breakOff = async () => {};
  undisturbed ??= start('undisturbed').then(async (executionArn) => {
    expect(await ended(executionArn)).toBe('SUCCEEDED');
    return artifactsOf('undisturbed');
  });
  expect(await artifactsOf(runId)).toEqual(await undisturbed);
  expect(await getRun(tables, runId)).toMatchObject({ status: 'succeeded', outcome: { findings: 2 } });
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

function once(step: Step, when: When, act: () => Promise<void>): void {
  let isDone = false;
  breakOff = async (...at) => {
    if (isDone || at[0] !== step || at[1] !== when) return;
    isDone = true;
    await act();
  };
}

async function start(runId: string): Promise<string> {
  executions += 1;
  const requestedAt = '2026-11-20T01:00:00.000Z';
  const input = JSON.stringify({ trigger: 'request', runId, startDate: DAY, endDate: DAY, requestedAt });
  const started = await engine.handle('StartExecution', { stateMachineArn: MACHINE, input });
  return (started as { executionArn: string }).executionArn;
}

const ended = (executionArn: string) => statusWhenEnded(engine, executionArn);

/** Every execution has an hour of its own. */
function now(): string {
  return `2026-11-20T0${executions + 1}:00:00.000Z`;
}

async function callService({ service, input }: ServiceCall): Promise<unknown> {
  if (service === 's3') return { Body: await getText(artifacts, String(input.Key)) };
  if (service !== 'lambda') return {};
  const step = String(input.FunctionName);
  try {
    await breakOff(step, 'before');
    const answer = await invoke(step, input.Payload);
    await breakOff(step, 'after');
    return { StatusCode: 200, Payload: JSON.stringify(answer) };
  } catch (error) {
    const { name, message } = error as Error;
    const Payload = JSON.stringify({ errorType: name, errorMessage: message });
    return { StatusCode: 200, FunctionError: 'Unhandled', Payload };
  }
}

function invoke(step: string, payload: unknown): Promise<unknown> {
  const deps = {
    books: tables,
    runs: tables,
    artifacts,
    chart,
    readRateCards: async () => [CARD],
    now,
    newId: randomUUID,
    wait: async () => {},
    sweptUntil: async () => undefined,
  };
  const handlers: Record<string, (event: never) => Promise<unknown>> = {
    plan: makePlan(deps),
    slice: makeSlice(deps),
    summarise: makeSummarise(deps),
    fail: makeFail(deps),
  };
  const handler = handlers[step];
  if (handler === undefined) throw new Error(`There is no function ${step}.`);
  return handler(payload as never);
}

function definition(): string {
  const names = { PlanFunctionArn: 'plan', SliceFunctionArn: 'slice', SummariseFunctionArn: 'summarise' };
  const substitutions = { ...names, FailFunctionArn: 'fail', ArtifactsBucket: 'artifacts' };
  return Object.entries(substitutions).reduce(
    (text, [name, value]) => text.replaceAll(`\${${name}}`, value),
    readFileSync('statemachines/reconcile.asl.json', 'utf8'),
  );
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
