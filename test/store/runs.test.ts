import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomeOf } from '../../domain/reconciliation/outcome.ts';
import { createCounter } from '../../domain/reconciliation/summary.ts';
import { isSliceDone, noteSliceFailure, recordSlice, slicesDone } from '../../store/run-slices.ts';
import {
  claimRun,
  createRun,
  failRun,
  finishRun,
  getRun,
  listRuns,
  RunNotOursError,
  type RunRequest,
  requestAgain,
} from '../../store/runs.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

const NOW = '2026-11-20T02:00:05.000Z';
const THRESHOLD = { name: 'States.ExceedToleratedFailureThreshold', cause: 'exceeded' };
const outcome = outcomeOf(createCounter().result());

let store: TestBooks;

beforeAll(async () => {
  store = await startBooks();
});
afterAll(() => store.stop());

describe('a run', () => {
  it('that was requested is claimed by one execution, for good, and by that one again', async () => {
    const run = request('claimed');
    expect(await createRun(store, run)).toEqual({ kind: 'created' });
    expect((await claim(run, 'first')).kind).toBe('claimed');
    expect(await claim(run, 'second')).toMatchObject({ kind: 'taken', run: { execution: 'first', status: 'running' } });
    expect((await claim(run, 'first')).kind).toBe('claimed');
    await finishRun(store, { id: run.id, execution: 'first' }, outcome, NOW);
    expect((await claim(run, 'second')).kind).toBe('taken');
  });

  it('is claimed by one of many executions that start at once', async () => {
    const run = request('raced', { trigger: 'daily' });
    const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((execution) => claim(run, execution)));
    expect(results.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
  });

  it('is created once', async () => {
    const run = request('once', { requestedBy: 'key-1' });
    await createRun(store, run);
    const again = await createRun(store, { ...run, requestedBy: 'key-2' });
    expect(again).toEqual({ kind: 'exists', run: { ...run, status: 'requested' } });
  });

  it('keeps its outcome exactly', async () => {
    const run = request('finished');
    await claim(run, 'e');
    await finishRun(store, { id: run.id, execution: 'e' }, outcome, NOW);
    expect(await getRun(store, run.id)).toEqual({
      ...run,
      status: 'succeeded',
      execution: 'e',
      startedAt: NOW,
      slices: 32,
      outcome,
      finishedAt: NOW,
    });
  });

  it('is not finished by an execution that does not have it', async () => {
    const run = request('foreign');
    await claim(run, 'e');
    await expect(finishRun(store, { id: run.id, execution: 'other' }, outcome, NOW)).rejects.toThrow(RunNotOursError);
  });

  it('says why it failed, and forgets it when it is redriven to its end', async () => {
    const run = request('failed');
    await claim(run, 'e');
    const error = { name: 'States.Timeout', cause: 'x'.repeat(10_000) };
    expect(await failRun(store, { id: run.id, execution: 'e' }, error, NOW)).toBe('recorded');
    const failed = await getRun(store, run.id);
    expect(failed).toMatchObject({ status: 'failed', error: { name: 'States.Timeout' } });
    expect(failed?.error?.cause).toHaveLength(4_000);
    await finishRun(store, { id: run.id, execution: 'e' }, outcome, NOW);
    const redriven = await getRun(store, run.id);
    expect(redriven?.status).toBe('succeeded');
    expect(redriven?.error).toBeUndefined();
  });

  it('that failed is taken by whoever starts it again, once, and keeps its times', async () => {
    const run = request('again');
    await claim(run, 'first');
    await failRun(store, { id: run.id, execution: 'first' }, { name: 'E', cause: 'c' }, NOW);
    const later = { ...run, requestedAt: '2026-11-21T00:00:00.000Z' };
    const results = await Promise.all(
      ['a', 'b', 'c'].map((execution) =>
        claimRun(store, { ...later, execution, startedAt: '2026-11-20T02:03:00.000Z', slices: 32 }),
      ),
    );
    expect(results.filter(({ kind }) => kind === 'claimed')).toMatchObject([
      { run: { requestedAt: NOW, startedAt: NOW } },
    ]);
    const taken = await getRun(store, run.id);
    expect(taken).toMatchObject({ status: 'running', requestedAt: NOW, startedAt: NOW });
    expect(taken?.error).toBeUndefined();
    expect(await failRun(store, { id: run.id, execution: 'first' }, { name: 'E', cause: 'c' }, NOW)).toBe('not-ours');
  });

  it('that has succeeded is nobody’s any more, not even of the execution that brought it to its end', async () => {
    const run = request('done');
    await claim(run, 'first');
    await finishRun(store, { id: run.id, execution: 'first' }, outcomeOf(createCounter().result()), NOW);
    expect(await claim(run, 'first')).toMatchObject({ kind: 'taken', run: { status: 'succeeded' } });
    expect(await getRun(store, run.id)).toMatchObject({ status: 'succeeded' });
  });

  it('that failed is requested again as it was, and one that did not is left alone', async () => {
    const run = request('wanted-again');
    await claim(run, 'first');
    const running = await getRun(store, run.id);
    expect(running && (await requestAgain(store, running, 'key-1', NOW))).toEqual(running);
    await failRun(store, { id: run.id, execution: 'first' }, { name: 'E', cause: 'c' }, NOW);
    const failed = await getRun(store, run.id);
    const wanted = failed && (await requestAgain(store, failed, 'key-1', NOW));
    expect(wanted).toEqual({ ...run, status: 'requested', startedAt: NOW, slices: 32 });
    expect(await getRun(store, run.id)).toEqual(wanted);
    expect((await claim(run, 'second')).kind).toBe('claimed');
  });

  it('that failed because a slice did tells what the slice said, and not only that too many children failed', async () => {
    const run = request('sliced');
    await claim(run, 'e');
    const ours = { id: run.id, execution: 'e' };
    const said = { name: 'MalformedItemError', cause: 'Slice usage-2026-11-19-00: no text in "operation"' };
    await noteSliceFailure(store, ours, 'usage-2026-11-19-00', said);
    await failRun(store, ours, THRESHOLD, NOW);
    expect((await getRun(store, run.id))?.error).toEqual(said);
    await failRun(store, ours, { name: 'States.Timeout', cause: 'too long' }, NOW);
    expect((await getRun(store, run.id))?.error?.name).toBe('States.Timeout');
  });

  it('does not blame a slice that failed at first and was compared after all', async () => {
    const run = request('recovered');
    await claim(run, 'e');
    const ours = { id: run.id, execution: 'e' };
    const [recovered, broken] = ['usage-2026-11-19-00', 'usage-2026-11-19-04'];
    await noteSliceFailure(store, ours, recovered, { name: 'StoreUnavailableError', cause: 'throttled' });
    await recordSlice(store, ours, { id: recovered, findings: 0, doneAt: NOW });
    await failRun(store, ours, THRESHOLD, NOW);
    expect((await getRun(store, run.id))?.error).toEqual(THRESHOLD);
    await noteSliceFailure(store, ours, broken, { name: 'MalformedItemError', cause: 'broken' });
    expect((await getRun(store, run.id))?.error?.name).toBe('MalformedItemError');
  });

  it('is not failed by another execution, nor made by a failure', async () => {
    const run = request('untouched');
    await claim(run, 'e');
    const error = { name: 'E', cause: 'c' };
    expect(await failRun(store, { id: run.id, execution: 'other' }, error, NOW)).toBe('not-ours');
    expect(await failRun(store, { id: 'never-recorded', execution: 'e' }, error, NOW)).toBe('not-ours');
    expect(await getRun(store, 'never-recorded')).toBeUndefined();
  });

  it('fails before it is claimed when planning fails', async () => {
    const run = request('unplanned');
    await createRun(store, run);
    expect(await failRun(store, { id: run.id, execution: 'e' }, { name: 'E', cause: 'c' }, NOW)).toBe('recorded');
  });
});

describe('the slices of a run', () => {
  it('are counted once each as they are done', async () => {
    expect(await slicesDone(store, 'counted')).toBe(0);
    for (const id of ['usage-2026-11-19-00', 'usage-2026-11-19-04', 'usage-2026-11-19-00']) {
      await recordSlice(store, { id: 'counted', execution: 'e' }, { id, findings: 3, doneAt: NOW });
    }
    expect(await slicesDone(store, 'counted')).toBe(2);
    expect(await isSliceDone(store, 'counted', 'usage-2026-11-19-04')).toBe(true);
    expect(await isSliceDone(store, 'counted', 'usage-2026-11-19-0')).toBe(false);
  });
});

it('lists runs by the time of their request, newest first and each once', async () => {
  for (const [id, requestedAt] of [
    ['newest', '2026-11-22T00:03:00.000Z'],
    ['oldest', '2026-11-22T00:01:00.000Z'],
    ['middle', '2026-11-22T00:02:00.000Z'],
  ] as const) {
    await createRun(store, request(id, { requestedAt }));
    await claimRun(store, { ...request(id, { requestedAt }), execution: 'e', startedAt: requestedAt, slices: 32 });
  }
  expect((await listRuns(store, 3)).map(({ id }) => id)).toEqual(['newest', 'middle', 'oldest']);
});

function request(id: string, more: Partial<RunRequest> = {}): RunRequest {
  return { id, trigger: 'request', startDate: '2026-11-19', endDate: '2026-11-19', requestedAt: NOW, ...more };
}

function claim(run: RunRequest, execution: string) {
  return claimRun(store, { ...run, execution, startedAt: NOW, slices: 32 });
}
