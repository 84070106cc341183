import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { chart } from '../../config/chart.ts';
import type { RateCard } from '../../domain/rating.ts';
import type { Finding } from '../../domain/reconciliation/findings.ts';
import { scopeFilter } from '../../domain/reconciliation/scope.ts';
import { periodOf, type Slice } from '../../domain/reconciliation/slices.ts';
import { type Counter, countFindings, createCounter } from '../../domain/reconciliation/summary.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import type { InvoicesStore } from '../../store/invoices.ts';
import { isSliceDone, noteSliceFailure, recordSlice } from '../../store/run-slices.ts';
import type { RunsStore } from '../../store/runs.ts';
import { readSettings } from '../../store/settings.ts';
import { sweptUntil } from '../../store/sweeps.ts';
import { dynamoDbForPages, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { type BalanceDeps, checkBalances } from './reconciliation/balance-slice.ts';
import { compareInvoices } from './reconciliation/invoice-slice.ts';
import { writePart } from './reconciliation/parts.ts';
import type { RunPlan } from './reconciliation/run-plan.ts';
import { compareUsage } from './reconciliation/usage-slice.ts';

export interface SliceDeps extends BalanceDeps {
  readonly runs: RunsStore;
  readonly invoices: InvoicesStore;
  readonly artifacts: Artifacts;
  readonly readRateCards: () => Promise<readonly RateCard[]>;
  readonly newId: () => string;
}

/** A batch of slices, as the Distributed Map hands it out. */
export interface SliceEvent {
  readonly BatchInput: { readonly run: RunPlan };
  readonly Items: readonly Slice[];
}

/**
 * Compares slices one after the other and leaves a part of the run for each. A slice that an earlier attempt has done
 * is passed over, so an attempt that ran out of time goes on where it was.
 */
export const makeHandler =
  (deps: SliceDeps) =>
  async ({ BatchInput: { run }, Items: slices }: SliceEvent): Promise<{ slices: number }> => {
    const rateCards = await deps.readRateCards();
    for (const slice of slices) {
      if (await isSliceDone(deps.runs, run.id, slice.id)) continue;
      try {
        await compareSlice({ ...deps, rateCards }, run, slice);
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const note = noteSliceFailure(deps.runs, run, slice.id, { name, cause: `Slice ${slice.id}: ${message}` });
        // What went wrong first is what the workflow must hear of, whether it could be noted or not.
        await note.catch((failure: Error) => logger.error('A failure could not be noted', { error: failure }));
        throw error;
      }
    }
    return { slices: slices.length };
  };

async function compareSlice(
  deps: SliceDeps & { readonly rateCards: readonly RateCard[] },
  run: RunPlan,
  slice: Slice,
): Promise<void> {
  const counter = createCounter();
  const found = compared(deps, run, slice, counter);
  const part = { runId: run.id, slice: slice.id, attempt: deps.newId() };
  const summary = await writePart(deps.artifacts, part, found, counter);
  const findings = countFindings(summary);
  await recordSlice(deps.runs, run, { id: slice.id, findings, doneAt: deps.now() });
  logger.info('Slice done', { runId: run.id, slice: slice.id, findings, pairs: summary.pairs });
}

function compared(
  deps: SliceDeps & { readonly rateCards: readonly RateCard[] },
  run: RunPlan,
  slice: Slice,
  counter: Counter,
): AsyncIterable<readonly Finding[]> {
  const isWanted = scopeFilter(run);
  switch (slice.kind) {
    case 'usage':
      return compareUsage(deps, slice, periodOf(run), counter, isWanted);
    case 'balances':
      return checkBalances(deps, slice, run.startedAt, counter, isWanted);
    case 'invoices':
      return compareInvoices({ ...deps, ledger: deps.books }, slice, counter, isWanted);
  }
}

export const handler = lazily(() => {
  const names = environment('LEDGER_TABLE', 'USAGE_TABLE', 'BILLING_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  const client = dynamoDbForPages();
  const operations = { client, operationsTable: names.OPERATIONS_TABLE };
  return makeHandler({
    books: { client, ledgerTable: names.LEDGER_TABLE, usageTable: names.USAGE_TABLE },
    runs: operations,
    invoices: { client, billingTable: names.BILLING_TABLE },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    chart,
    sweptUntil: () => sweptUntil(operations),
    readRateCards: async () => (await readSettings(operations)).rateCards,
    now: () => new Date().toISOString(),
    newId: randomUUID,
    wait: (milliseconds) => setTimeout(milliseconds),
  });
});
