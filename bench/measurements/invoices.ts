import { randomUUID } from 'node:crypto';
import { paginateQuery, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { approvalPolicy } from '../../config/approvals.ts';
import { billingPolicy } from '../../config/billing.ts';
import { chart } from '../../config/chart.ts';
import { readNoticeTemplates } from '../../config/notices.ts';
import { addDays, monthOf, periodOfMonth } from '../../domain/time.ts';
import { makeHandler as makeClose } from '../../functions/workflow/close-invoices.ts';
import type { BillingDeps } from '../../functions/workflow/invoices/job.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-invoices.ts';
import { makeHandler as makeWork } from '../../functions/workflow/work-invoices.ts';
import { getText } from '../../store/artifacts.ts';
import { createBillingRun, getBillingRun } from '../../store/billing-runs.ts';
import { readSettings } from '../../store/settings.ts';
import { fillBooks } from '../books.ts';
import type { Figure } from '../figures.ts';
import { ratePerSecond } from '../load.ts';
import { dynamoDbClient, type Setting } from '../setting.ts';
import { recordQueries } from '../taps.ts';

/** Customers with invoices: ten thousand by `RECKONER_BENCH_INVOICES=10000`, for which there are some minutes to wait. */
const ACCOUNTS = Number(process.env.RECKONER_BENCH_INVOICES ?? 200);
const BILLED = 'customer:billed-';
/** Charges of each in the month. */
const CHARGES = 20;
/** Slices between two looks at the memory: a collection slows down what comes after it. */
const SLICES_PER_SAMPLE = 5;
/** Queries under way at once while draining: as many as the customers built side by side have. */
const QUERIES_AT_ONCE = 32;

/**
 * Regenerates a month of invoices, slice after slice, against reading the same partitions of the ledger with the same
 * queries and doing nothing with what comes.
 */
export async function measure(setting: Setting): Promise<Figure[]> {
  const month = monthOf(addDays(`${monthOf(setting.day)}-01`, -1));
  const lastDay = addDays(periodOfMonth(month).end, -1);
  const now = `${addDays(lastDay, 2)}T06:00:00.000Z`;
  // Two of them: notes are taken of the queries of making invoices, and time and memory of making them anew.
  const [noting, deps] = [depsOf(setting, now), depsOf(setting, now)];
  const shares = Array.from({ length: ACCOUNTS }, (_, index) => ({
    account: `${BILLED}${index}`,
    pairs: CHARGES,
  }));
  await fillBooks(setting, lastDay, shares, await pricesSince(deps, lastDay));

  const queries = recordQueries(noting.invoices.client);
  await runThrough(noting, 'generate', month, 'bench-generated');
  const ofLedger = queries.filter((query) => query.TableName === setting.tables.ledger && isOfBilled(query));
  const heap = { first: 0, peak: 0 };
  const seconds = await runThrough(deps, 'regenerate', month, 'bench-regenerated', heap);
  const client = dynamoDbClient(setting);
  const drained = await timed(() => ratePerSecond(ofLedger, QUERIES_AT_ONCE, drain));
  client.destroy();

  async function drain(query: QueryCommandInput): Promise<void> {
    for await (const _ of paginateQuery({ client }, { ...query }));
  }

  const outcome = (await getBillingRun(deps.runs, 'bench-regenerated'))?.outcome;
  if (outcome?.counts.unchanged !== ACCOUNTS) throw new Error(`Not all were rebuilt: ${outcome?.sentence}`);
  return [
    {
      name: 'regenerating invoices, against merely draining the same partitions of the ledger',
      measured: drained / seconds,
      note: `${ACCOUNTS} invoices of ${CHARGES} charges each; both passes, the slices' own code one after the other, the engine directly`,
      details: {
        'invoices per second': ACCOUNTS / seconds,
        'queries per invoice': ofLedger.length / ACCOUNTS,
        'live heap at its peak, against that after the first slice': heap.peak / heap.first,
      },
    },
  ];
}

/** Of the accounts that are billed here: other measurements have accounts too, which have nothing in this month. */
function isOfBilled({ ExpressionAttributeValues: values = {} }: QueryCommandInput): boolean {
  return Object.values(values).some(({ S = '' }) => S.startsWith(BILLED));
}

/** What a billing run works with, at a time that stands still. */
function depsOf(setting: Setting, now: string): BillingDeps {
  const client = dynamoDbClient(setting);
  const { operations: operationsTable, ledger: ledgerTable, billing: billingTable } = setting.tables;
  const runs = { client, operationsTable };
  const s3 = new S3Client({ ...setting, endpoint: setting.endpointUrl, forcePathStyle: true });
  return {
    runs,
    invoices: { client, billingTable },
    ledger: { client, ledgerTable },
    artifacts: { client: s3, bucket: setting.artifactsBucket },
    chart,
    policy: billingPolicy,
    approvals: approvalPolicy,
    readRateCards: async () => (await readSettings(runs)).rateCards,
    readNoticeTemplates,
    notifier: () => {
      throw new TypeError('Nobody is told anything of a benchmark.');
    },
    newId: randomUUID,
    now: () => now,
    wait: async () => {},
  };
}

/** The prices in force, as if they had been since that day: the month lies before the bench's own days. */
async function pricesSince({ readRateCards }: BillingDeps, day: string) {
  return (await readRateCards()).map((card) => ({ ...card, effectiveFrom: `${day}T00:00:00.000Z` }));
}

/** A run from its plan to its end, with progress on standard error. @returns the seconds that its work took. */
async function runThrough(
  deps: BillingDeps,
  kind: 'generate' | 'regenerate',
  month: string,
  id: string,
  heap = { first: 0, peak: 0 },
): Promise<number> {
  const request = { id, spec: { kind, month }, requestedBy: 'bench', requestedAt: deps.now() };
  await createBillingRun(deps.runs, request, 'requested');
  const planned = await makePlan(deps)({ input: { runId: id }, execution: id });
  if (!planned.claimed) throw new Error(`The run ${id} is there already.`);
  const { run } = planned;
  const slices = JSON.parse(await getText(deps.artifacts, run.slicesKey));
  const work = makeWork(deps);
  let seconds = 0;
  for (const pass of run.passes) {
    for (const [index, slice] of slices.entries()) {
      seconds += await timed(() => work({ BatchInput: { run, pass }, Items: [slice] }));
      if (index % SLICES_PER_SAMPLE === 0) sample(heap);
      console.error(`  ${kind} (${pass}): ${index + 1} of ${slices.length} slices`);
    }
  }
  return seconds + (await timed(() => makeClose(deps)({ run })));
}

/** Live memory can only be told from garbage right after a collection. */
function sample(heap: { first: number; peak: number }): void {
  globalThis.gc?.();
  const used = process.memoryUsage().heapUsed;
  heap.first ||= used;
  heap.peak = Math.max(heap.peak, used);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}
