import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Slice } from '../domain/reconciliation/slices.ts';
import type { Day } from '../domain/time.ts';
import type { Setting } from './setting.ts';
import type { BenchRun } from './slices.ts';

export interface WorkerStart {
  readonly setting: Setting;
  readonly day: Day;
}

export interface WorkerTask {
  readonly run: BenchRun;
  readonly slice: Slice;
}

export interface Workers {
  /** Has the first so many workers take the slices from one line, each one at a time, until all are done. */
  reconcile(runId: string, slices: readonly Slice[], count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Processes that compare slices, ready to begin. */
export async function startWorkers(setting: Setting, day: Day, count: number): Promise<Workers> {
  const children = Array.from({ length: count }, () => fork(join(import.meta.dirname, 'slice-worker.ts')));
  await Promise.all(children.map((child) => ask(child, { setting, day } satisfies WorkerStart)));
  return {
    async reconcile(id, slices, workers) {
      const line = slices.values();
      const work = async (child: ChildProcess) => {
        const run = { id, slices: slices.length };
        for (const slice of line) await ask(child, { run, slice } satisfies WorkerTask);
      };
      await Promise.all(children.slice(0, workers).map(work));
    },
    async stop() {
      const ended = children.map((child) => once(child, 'exit'));
      for (const child of children) child.disconnect();
      await Promise.all(ended);
    },
  };
}

/** @throws Error when the worker ends instead of answering; why stands on standard error. */
async function ask(child: ChildProcess, message: WorkerStart | WorkerTask): Promise<void> {
  const answered = new AbortController();
  child.send(message);
  const ended = once(child, 'exit', { signal: answered.signal }).then(() => {
    throw new Error('A process that compares slices has ended.');
  });
  try {
    await Promise.race([once(child, 'message'), ended]);
  } finally {
    ended.catch(() => undefined);
    answered.abort();
  }
}
