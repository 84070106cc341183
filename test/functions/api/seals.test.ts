import { randomUUID } from 'node:crypto';
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sealing as sealingSchema, sealList } from '../../../contract/schemas/seals.ts';
import {
  getSeal,
  getSealVerification,
  listSeals,
  type SealDeps,
  startSeal,
  startSealVerification,
} from '../../../functions/api/seals.ts';
import type { ApiEvent } from '../../../functions/runtime/requests.ts';
import { claimSealRun, failSealRun } from '../../../store/seal-runs.ts';
import { startBooks, type TestBooks } from '../../support/books.ts';
import { startSealBuckets, type TestSealBuckets } from '../../support/seal-buckets.ts';
import { post, sealingOn } from '../../support/sealing.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const DAY = '2026-11-19';

const workflows = mockClient(SFNClient);
let tables: TestBooks;
let buckets: TestSealBuckets;
let deps: SealDeps;
let sealing: ReturnType<typeof sealingOn>;

beforeAll(async () => {
  [tables, buckets] = await Promise.all([startBooks(), startSealBuckets()]);
  deps = {
    sealRuns: tables,
    artifacts: buckets.artifacts,
    workflows: new SFNClient({ region: 'us-east-1' }),
    sealArn: 'arn:seal',
    now: () => NOW,
    newId: randomUUID,
  };
  sealing = sealingOn(tables, buckets, () => NOW);
});
afterAll(() => Promise.all([tables.stop(), buckets.stop()]));
beforeEach(() => {
  workflows.reset();
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

const rest = { params: {}, event: {} as ApiEvent, caller: { keyId: 'key', scopes: [] } };
const ask = (id: string, from = DAY, to = DAY) =>
  startSealVerification(deps, { ...rest, query: undefined, body: { id, from, to } });
const askForSeal = (id: string, from = DAY, to = DAY) =>
  startSeal(deps, { ...rest, query: undefined, body: { id, from, to } });
const look = (verificationId: string) =>
  getSealVerification(deps, { ...rest, query: undefined, body: undefined, params: { verificationId } });
const list = (query: { limit?: number; cursor?: number }) => listSeals(deps, { ...rest, query, body: undefined });
const started = () =>
  workflows.commandCalls(StartExecutionCommand).map(({ args: [{ input }] }) => ({
    name: input.name,
    input: JSON.parse(input.input ?? ''),
  }));
const running = (id: string) => ({
  ...({ mode: 'verify', id, trigger: 'request', days: [DAY], requestedAt: NOW } as const),
  ...{ execution: 'e', startedAt: NOW, after: 0, slices: 16 },
});

describe('asking for a verification', () => {
  it('starts it once, however often it is asked for', async () => {
    expect(await ask('once')).toMatchObject({ status: 202, body: { id: 'once', status: 'requested', days: 1 } });
    await claimSealRun(tables, running('once'));
    expect(await ask('once')).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
    expect(started()).toEqual([
      {
        name: 'verify-once',
        input: { trigger: 'request', mode: 'verify', id: 'once', days: [DAY], requestedAt: NOW, requestedBy: 'key' },
      },
    ]);
  });

  it('starts its workflow again when the first attempt ended before it', async () => {
    await ask('lost');
    await ask('lost');
    expect(started().map(({ name }) => name)).toEqual(['verify-lost', 'verify-lost']);
  });

  it('starts one that failed again, under a name that is free', async () => {
    await ask('failed');
    await claimSealRun(tables, running('failed'));
    await failSealRun(tables, { mode: 'verify', id: 'failed', execution: 'e' }, { name: 'X', cause: 'y' }, NOW);
    expect((await look('failed')).body).toMatchObject({ status: 'failed', error: { name: 'X', cause: 'y' } });
    workflows
      .on(StartExecutionCommand, { name: 'verify-failed' })
      .rejects(new ExecutionAlreadyExists({ message: 'Execution Already Exists', $metadata: {} }));
    expect(await ask('failed')).toMatchObject({ status: 202, body: { status: 'requested' } });
    expect(started().at(-1)?.name).toMatch(/^verify-failed-[0-9a-f]{8}$/);
  });

  it('refuses an id that belongs to other days, a reserved one, and days to come', async () => {
    await ask('taken');
    expect(await ask('taken', '2026-11-18')).toMatchObject({ status: 422, body: { errors: [{ field: 'from' }] } });
    expect(await ask('weekly-2026-11-19')).toMatchObject({ status: 400, body: { errors: [{ field: 'id' }] } });
    expect(await ask('later', DAY, '2026-11-21')).toMatchObject({ status: 400, body: { errors: [{ field: 'to' }] } });
  });

  it('says what was found, with links to all of it', async () => {
    const moment = { effectiveAt: `${DAY}T08:00:00.000Z`, recordedAt: `${DAY}T08:00:01.000Z` };
    await post(tables, { id: 't-1', debit: 'postpaid:acme', credit: 'platform:usage:revenue', ...moment });
    await sealing.verify('told', DAY);
    const { status, body } = await look('told');
    expect(status).toBe(200);
    expect(sealingSchema.parse(body)).toMatchObject({
      status: 'succeeded',
      progress: { slicesDone: 16, slicesTotal: 16 },
      outcome: { verdict: 'not-sealed', sentence: expect.stringContaining('1 day was never sealed') },
    });
    expect(Object.keys((body as { artifacts: object }).artifacts)).toEqual(['summary.json', 'changes.ndjson']);
    expect(await look('unknown')).toMatchObject({ status: 404 });
  });
});

describe('asking for a seal', () => {
  it('takes only days that are over', async () => {
    expect(await askForSeal('today', DAY, '2026-11-20')).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'to' }] },
    });
    expect(await askForSeal('over')).toMatchObject({ status: 202 });
    expect(started()).toMatchObject([{ name: 'seal-over', input: { mode: 'seal', days: [DAY] } }]);
  });

  it('is told apart from a verification of the same id', async () => {
    await ask('both');
    expect(await askForSeal('both')).toMatchObject({ status: 202 });
  });

  it('tells the seal when it is made, and lists it', async () => {
    await sealing.seal('made-1', DAY);
    await sealing.seal('made-2', DAY);
    const made = await getSeal(deps, { ...rest, query: undefined, body: undefined, params: { sealId: 'made-2' } });
    expect(sealingSchema.parse(made.body)).toMatchObject({ outcome: { verdict: 'intact', seal: { sequence: 2 } } });
    const first = sealList.parse((await list({ limit: 1 })).body);
    expect(first).toMatchObject({ seals: [{ sequence: 2, id: 'made-2', days: [DAY] }], next: '2' });
    expect(sealList.parse((await list({ cursor: 2 })).body)).toMatchObject({ seals: [{ sequence: 1, id: 'made-1' }] });
  });
});
