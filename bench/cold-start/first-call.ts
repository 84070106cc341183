/** What a cold start does, timed: loads a bundle in a process that never did, and has it answer one event. */
import { pathToFileURL } from 'node:url';
import { call } from '../../test/support/api.ts';
import type { Charge } from '../charges.ts';

export interface FirstCall {
  readonly importMs: number;
  readonly callMs: number;
  readonly status: number;
}

const [, , bundle = '', charge = ''] = process.argv;
const body = JSON.parse(charge) as Charge;

const startedAt = performance.now();
const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: Parameters<typeof call>[0] };
const importedAt = performance.now();
const { status } = await call(handler, 'POST /v1/charges', { body });
const endedAt = performance.now();
process.send?.({ importMs: importedAt - startedAt, callMs: endedAt - importedAt, status } satisfies FirstCall);
