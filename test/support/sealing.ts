import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { chart } from '../../config/chart.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import type { SealContents } from '../../domain/seals/chain.ts';
import type { SealChange } from '../../domain/seals/compare.ts';
import type { SealOutcome } from '../../domain/seals/outcome.ts';
import type { SealSlice } from '../../domain/seals/slices.ts';
import type { Day, Instant } from '../../domain/time.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { makeHandler as makeClose } from '../../functions/workflow/close-seal.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-seal.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-seal.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/seal-slice.ts';
import { getText, sealRunKey } from '../../store/artifacts.ts';
import { postTransfer } from '../../store/ledger.ts';
import { systemClock } from '../../store/retry.ts';
import { readContents, readSealChain } from '../../store/seal-bucket.ts';
import { getSealRun } from '../../store/seal-runs.ts';
import type { TestBooks } from './books.ts';
import type { TestSealBuckets } from './seal-buckets.ts';

/** The functions of the workflow that seals, as the state machine calls them, at a time that the test sets. */
export function sealingOn(tables: TestBooks, buckets: TestSealBuckets, now: () => Instant) {
  const { artifacts, seals } = buckets;
  const deps = { books: tables, runs: tables, artifacts, seals, chart, now, newId: randomUUID };
  const functions = { plan: makePlan(deps), slice: makeSlice(deps), close: makeClose(deps), fail: makeFail(deps) };

  /** Plans, goes through all slices and closes. */
  async function run(mode: 'seal' | 'verify', id: string, days: readonly Day[]): Promise<SealOutcome> {
    const input = { trigger: 'request', mode, id, days, requestedAt: now() };
    const planned = await functions.plan({ input, execution: `execution-${id}` });
    if (!planned.claimed) throw new Error(`"${id}" is another execution’s.`);
    const slices = JSON.parse(await getText(artifacts, planned.run.slicesKey)) as SealSlice[];
    await functions.slice({ BatchInput: { run: planned.run }, Items: slices });
    await functions.close({ run: planned.run });
    const { outcome } = (await getSealRun(tables, { mode, id })) ?? {};
    return outcome ?? expect.fail(`"${id}" has no outcome.`);
  }

  /** Each change as one line, sorted. */
  async function changesOf(mode: 'seal' | 'verify', id: string): Promise<string[]> {
    const lines = (await getText(artifacts, sealRunKey({ mode, id }, 'changes.ndjson'))).split('\n').filter(Boolean);
    return lines
      .map((line) => JSON.parse(line) as SealChange)
      .map(({ account, day, transfer, what }) => `${account} ${day} ${transfer} ${what}`)
      .sort();
  }

  return {
    functions,
    seal: (id: string, ...days: Day[]) => run('seal', id, days),
    verify: (id: string, ...days: Day[]) => run('verify', id, days),
    changesOf,
    chain: () => readSealChain(seals),
    async contentsOf(sequence: number): Promise<SealContents> {
      const found = (await readSealChain(seals)).find((kept) => kept.sequence === sequence);
      return readContents(seals, found?.link?.contents ?? '');
    },
  };
}

export type Posted = Pick<Transfer, 'id' | 'debit' | 'credit' | 'effectiveAt' | 'recordedAt'> & Partial<Transfer>;

/** Posts a transfer of 5 as the ledger does. */
export async function post(tables: TestBooks, transfer: Posted): Promise<void> {
  const [debitEntry, creditEntry] = [entryOf(transfer.debit), entryOf(transfer.credit)];
  const result = await postTransfer(
    { ...tables, clock: systemClock, newId: randomUUID, listed: new Set() },
    {
      transfer: { kind: 'transfer', asset: debitEntry.asset, amount: 5n, ...transfer },
      claims: {},
      debitEntry,
      creditEntry,
    },
  );
  expect(result.kind).toBe('created');
}

export function entryOf(account: string): ChartEntry {
  return chartEntryOf(chart, account) ?? expect.fail(`The chart has no entry for ${account}.`);
}
