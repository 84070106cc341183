import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { boot, type Installation } from '../../bin/boot.ts';
import { agree, prepareModel } from '../model/agree.ts';
import { explain } from '../model/explain.ts';
import { EMPTY, type Operation, perform } from '../model/model.ts';

/** A few here, ten thousand by `npm run model`. */
const HISTORIES = 120;

let installation: Installation;
let at: string;

beforeAll(async () => {
  installation = await boot({ assemblyDirectory: inject('assemblyDirectory'), log: () => undefined });
  at = await prepareModel(installation.client, new Date().toISOString());
});
afterAll(() => installation?.stop());

test('the ledger over HTTP answers and ends as its model does, whatever is sent at once', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  await agree(installation.client, at, { histories: HISTORIES, atOnce: 6, seed, run: `seed${seed}` });
});

test('the comparison notices an answer that no order of the calls explains', () => {
  const steps: Operation[] = [
    { do: 'open', account: 'a', limit: 0n },
    { do: 'transfer', id: 'f', debit: 'platform', credit: 'a', amount: 5n },
  ];
  const ledger = steps.reduce((known, step) => perform(known, step)[0], EMPTY);
  const charge = (id: string) => ({ single: { do: 'charge', id, account: 'a', amount: 3n } as const });
  const both = (first: string, second: string) =>
    explain(
      [ledger],
      [
        { call: charge('t1'), answers: [first] },
        { call: charge('t2'), answers: [second] },
      ],
    );
  expect(both('created', 'insufficient-funds')).toHaveLength(1);
  expect(both('insufficient-funds', 'created')).toHaveLength(1);
  expect(both('created', 'created')).toHaveLength(0);
  expect(both('insufficient-funds', 'insufficient-funds')).toHaveLength(0);
});
