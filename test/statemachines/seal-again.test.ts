import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { getText, sealRunKey } from '../../store/artifacts.ts';
import { toItem } from '../../store/items.ts';
import { getSealRun } from '../../store/seal-runs.ts';
import { listSeals } from '../../store/seals.ts';
import { transferKey } from '../../store/tables.ts';
import { startBooks, type TestBooks } from '../support/books.ts';
import { once, sweepCrashes } from '../support/crash-sweep.ts';
import { startMachines } from '../support/machines.ts';
import { startSealBuckets, type TestSealBuckets } from '../support/seal-buckets.ts';
import { post, sealingOn } from '../support/sealing.ts';

/** The real machine with the real functions, broken off wherever it can be and taken up again. */

const DAY = '2026-11-19';

type Mode = 'seal' | 'verify';

let tables: TestBooks;
let buckets: TestSealBuckets;
let executions = 0;
let sealing: ReturnType<typeof sealingOn>;

beforeAll(async () => {
  [tables, buckets] = await Promise.all([startBooks(), startSealBuckets()]);
  // Every execution has an hour of its own.
  sealing = sealingOn(tables, buckets, () => `2026-11-20T0${executions + 1}:00:00.000Z`);
  const sides = { debit: 'postpaid:acme', credit: 'platform:usage:revenue' };
  const moment = { effectiveAt: `${DAY}T08:00:00.000Z`, recordedAt: `${DAY}T08:00:01.000Z` };
  for (const id of ['kept', 'removed']) await post(tables, { id, ...sides, ...moment });
  vi.spyOn(console, 'log').mockImplementation(() => {});
  await sealing.seal('first', DAY);
});
afterAll(() => Promise.all([tables.stop(), buckets.stop()]));
beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

describe.each<Mode>(['seal', 'verify'])('to %s', (mode) => {
  sweepCrashes('a run', {
    steps: ['plan', 'slice', 'close'],
    writesMin: 5,
    async begin(id) {
      const seals = (await sealing.chain()).length;
      const { machines, run } = runOf(mode, id);
      const end = () => expectOneEnd(mode, id, mode === 'seal' ? seals + 1 : seals);
      return { machines, run, end, stop: () => machines.stop() };
    },
  });
});

it('a run that has succeeded is left alone, however often it is started', async () => {
  const seals = (await sealing.chain()).length;
  const { machines, run } = runOf('seal', 'twice');
  expect(await run()).toBe('SUCCEEDED');
  const before = await getSealRun(tables, { mode: 'seal', id: 'twice' });
  expect(await run()).toBe('SUCCEEDED');
  expect(await getSealRun(tables, { mode: 'seal', id: 'twice' })).toEqual(before);
  expect(await sealing.chain()).toHaveLength(seals + 1);
  await machines.stop();
});

it('a removed transfer is told once, though its slice was gone through twice', async () => {
  const Key = toItem({ pk: transferKey('removed') });
  await tables.client.send(new DeleteItemCommand({ TableName: tables.ledgerTable, Key }));
  const { machines, run } = runOf('verify', 'changed');
  once(machines, 'slice', 'after', async () => {
    throw Object.assign(new Error('Not now.'), { name: 'StoreUnavailableError' });
  });
  expect(await run()).toBe('SUCCEEDED');
  expect(await sealing.changesOf('verify', 'changed')).toEqual([`postpaid:acme ${DAY} removed removed`]);
  await machines.stop();
});

/** One seal more and not two, chained and listed, with the same contents as the first; or one verification. */
async function expectOneEnd(mode: Mode, id: string, seals: number): Promise<object> {
  const run = await getSealRun(tables, { mode, id });
  expect(run).toMatchObject({ status: 'succeeded', outcome: { verdict: 'intact', faults: 0 } });
  const { days, verdict } = JSON.parse(await getText(buckets.artifacts, sealRunKey({ mode, id }, 'summary.json')));
  expect({ days, verdict }).toEqual({ days: [DAY], verdict: 'intact' });
  const chain = await sealing.chain();
  expect(chain).toHaveLength(seals);
  if (mode === 'seal') {
    const [listed] = (await listSeals(tables, 1)).seals;
    expect(listed).toEqual(chain.at(-1)?.link);
    expect(listed).toMatchObject({ id, contents: chain[0]?.link?.contents });
  }
  return { days, verdict, contents: chain.at(-1)?.link?.contents };
}

/** The state machine, and what starts a run with it and says how its execution ended. */
function runOf(mode: Mode, id: string) {
  executions = 0;
  const machines = startMachines({
    functions: () => ({ seal: sealing.functions }),
    watched: 'seal',
    artifacts: buckets.artifacts,
  });
  return {
    machines,
    async run(): Promise<string> {
      executions += 1;
      const input = { trigger: 'request', mode, id, days: [DAY], requestedAt: '2026-11-20T01:00:00.000Z' };
      return machines.ended(await machines.start('seal', input));
    },
  };
}
