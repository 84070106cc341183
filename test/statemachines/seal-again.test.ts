import { readFileSync } from 'node:fs';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../local/states/clock.ts';
import { createStatesEngine, type StatesEngine } from '../../local/states/engine.ts';
import type { ServiceCall } from '../../local/states/runtime.ts';
import { getText, sealRunKey } from '../../store/artifacts.ts';
import { toItem } from '../../store/items.ts';
import { getSealRun } from '../../store/seal-runs.ts';
import { listSeals } from '../../store/seals.ts';
import { transferKey } from '../../store/tables.ts';
import { startBooks, type TestBooks } from '../support/books.ts';
import { statusWhenEnded } from '../support/executions.ts';
import { startSealBuckets, type TestSealBuckets } from '../support/seal-buckets.ts';
import { post, sealingOn } from '../support/sealing.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

const DAY = '2026-11-19';
const MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:seal';

type Mode = 'seal' | 'verify';
type Step = 'plan' | 'slice' | 'close';
type When = 'before' | 'after';

let tables: TestBooks;
let buckets: TestSealBuckets;
let sealing: ReturnType<typeof sealingOn>;
let engine: StatesEngine;
/** What breaks the execution off: called before and after each call of a function. */
let breakOff: (step: string, when: When) => Promise<void>;
let executions = 0;
let seals = 0;

beforeAll(async () => {
  [tables, buckets] = await Promise.all([startBooks(), startSealBuckets()]);
  sealing = sealingOn(tables, buckets, now);
  const sides = { debit: 'postpaid:acme', credit: 'platform:usage:revenue' };
  const moment = { effectiveAt: `${DAY}T08:00:00.000Z`, recordedAt: `${DAY}T08:00:01.000Z` };
  for (const id of ['kept', 'removed']) await post(tables, { id, ...sides, ...moment });
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await sealing.seal('first', DAY);
});
afterAll(() => Promise.all([tables.stop(), buckets.stop()]));
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  executions = 0;
  breakOff = async () => {};
  seals = (await sealing.chain()).length;
  engine = createStatesEngine({
    place: { accountId: '000000000000', region: 'us-east-1' },
    clock: systemClock,
    random: Math.random,
    callService,
  });
  engine.register({ name: 'seal', arn: MACHINE, roleArn: 'role', definition: definition() });
});
afterEach(() => engine.stop());

const steps: [Mode, Step, When][] = (['seal', 'verify'] as const).flatMap((mode) =>
  (['plan', 'slice', 'close'] as const).flatMap((step): [Mode, Step, When][] => [
    [mode, step, 'before'],
    [mode, step, 'after'],
  ]),
);

describe('broken off', () => {
  it.each(steps)(
    'a run to %s by a failure of %s, %s its work, ends the same when it is started again',
    async (mode, step, when) => {
      const id = `failed-${step}-${when}`;
      once(step, when, async () => {
        throw Object.assign(new Error('Killed.'), { name: 'KilledError' });
      });
      expect(await ended(await start(mode, id))).toBe('FAILED');
      expect(await ended(await start(mode, id))).toBe('SUCCEEDED');
      await expectOneEnd(mode, id);
    },
  );

  it.each(steps)(
    'a run to %s because it is stopped at %s, %s its work, ends the same when it is redriven',
    async (mode, step, when) => {
      const id = `stopped-${step}-${when}`;
      let executionArn = '';
      once(step, when, async () => {
        await engine.handle('StopExecution', { executionArn });
      });
      executionArn = await start(mode, id);
      expect(await ended(executionArn)).toBe('ABORTED');
      await engine.handle('RedriveExecution', { executionArn });
      expect(await ended(executionArn)).toBe('SUCCEEDED');
      await expectOneEnd(mode, id);
    },
  );
});

it('a run that has succeeded is left alone, however often it is started', async () => {
  expect(await ended(await start('seal', 'twice'))).toBe('SUCCEEDED');
  const before = await getSealRun(tables, { mode: 'seal', id: 'twice' });
  expect(await ended(await start('seal', 'twice'))).toBe('SUCCEEDED');
  expect(await getSealRun(tables, { mode: 'seal', id: 'twice' })).toEqual(before);
  expect(await sealing.chain()).toHaveLength(seals + 1);
});

it('a removed transfer is told once, though its slice was gone through twice', async () => {
  const Key = toItem({ pk: transferKey('removed') });
  await tables.client.send(new DeleteItemCommand({ TableName: tables.ledgerTable, Key }));
  once('slice', 'after', async () => {
    throw Object.assign(new Error('Killed.'), { name: 'StoreUnavailableError' });
  });
  expect(await ended(await start('verify', 'changed'))).toBe('SUCCEEDED');
  expect(await sealing.changesOf('verify', 'changed')).toEqual([`postpaid:acme ${DAY} removed removed`]);
});

/** One seal more and not two, chained and listed, with the same contents as the first; or one verification. */
async function expectOneEnd(mode: Mode, id: string): Promise<void> {
  expect(await getSealRun(tables, { mode, id })).toMatchObject({
    status: 'succeeded',
    outcome: { verdict: 'intact', faults: 0 },
  });
  const { days, verdict } = JSON.parse(await getText(buckets.artifacts, sealRunKey({ mode, id }, 'summary.json')));
  expect({ days, verdict }).toEqual({ days: [DAY], verdict: 'intact' });
  const chain = await sealing.chain();
  expect(chain).toHaveLength(mode === 'seal' ? seals + 1 : seals);
  if (mode === 'verify') return;
  const [listed] = (await listSeals(tables, 1)).seals;
  expect(listed).toEqual(chain.at(-1)?.link);
  expect(listed).toMatchObject({ id, contents: chain[0]?.link?.contents });
}

function once(step: Step, when: When, act: () => Promise<void>): void {
  let isDone = false;
  breakOff = async (...at) => {
    if (isDone || at[0] !== step || at[1] !== when) return;
    isDone = true;
    await act();
  };
}

async function start(mode: Mode, id: string): Promise<string> {
  executions += 1;
  const requestedAt = '2026-11-20T01:00:00.000Z';
  const input = JSON.stringify({ trigger: 'request', mode, id, days: [DAY], requestedAt });
  const started = await engine.handle('StartExecution', { stateMachineArn: MACHINE, input });
  return (started as { executionArn: string }).executionArn;
}

const ended = (executionArn: string) => statusWhenEnded(engine, executionArn);

/** Every execution has an hour of its own. */
function now(): string {
  return `2026-11-20T0${executions + 1}:00:00.000Z`;
}

async function callService({ service, input }: ServiceCall): Promise<unknown> {
  if (service === 's3') return { Body: await getText(buckets.artifacts, String(input.Key)) };
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
  const handlers: Readonly<Record<string, (event: never) => Promise<unknown>>> = sealing.functions;
  const handler = handlers[step];
  if (handler === undefined) throw new Error(`There is no function ${step}.`);
  return handler(payload as never);
}

function definition(): string {
  const names = { PlanFunctionArn: 'plan', SliceFunctionArn: 'slice', CloseFunctionArn: 'close' };
  const substitutions = { ...names, FailFunctionArn: 'fail', ArtifactsBucket: 'artifacts' };
  return Object.entries(substitutions).reduce(
    (text, [name, value]) => text.replaceAll(`\${${name}}`, value),
    readFileSync('statemachines/seal.asl.json', 'utf8'),
  );
}
