import './quiet.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { type Outcome, type RunOptions, simulate } from './run.ts';
import { SABOTEURS, type Saboteur } from './saboteurs.ts';

/** Lives through the seeds that it is given, one after the other, and tells what each came to. */

export interface Work extends Omit<RunOptions, 'sabotage'> {
  readonly saboteur?: Saboteur;
}

export interface Done {
  readonly work: Work;
  readonly outcome: Outcome;
}

/** Whoever looks for a fault has its stack; here, where none is looked at, it would only cost time. */
if (workerData === 'fast') Error.stackTraceLimit = 0;

parentPort?.on('message', async (work: Work) => {
  const { saboteur, ...options } = work;
  const outcome = await simulate({ ...options, ...(saboteur && { sabotage: SABOTEURS[saboteur] }) });
  parentPort?.postMessage({ work, outcome } satisfies Done);
});
