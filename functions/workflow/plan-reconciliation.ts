import { chart } from '../../config/chart.ts';
import { type Chart, chartEntryOf } from '../../domain/chart.ts';
import { inOrder } from '../../domain/reconciliation/in-order.ts';
import { type Sample, type Scope, sampleOf } from '../../domain/reconciliation/scope.ts';
import { periodOf, planInvoiceSlices, planSlices, type Slice } from '../../domain/reconciliation/slices.ts';
import { type Instant, weekOf, wholeMonths } from '../../domain/time.ts';
import { type Artifacts, putText, runKey } from '../../store/artifacts.ts';
import { accountsOfBucket, type Books } from '../../store/books.ts';
import { claimRun, type RunRequest, type RunsStore } from '../../store/runs.ts';
import { BUCKETS, bucketName, bucketOf } from '../../store/tables.ts';
import { dynamoDb, s3 } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { JSON_TYPE } from './reconciliation/parts.ts';
import { InvalidRunInputError, type RunPlan, runOf } from './reconciliation/run-plan.ts';

export interface PlanDeps {
  readonly runs: RunsStore;
  readonly artifacts: Artifacts;
  readonly books: Books;
  readonly chart: Chart;
  readonly now: () => Instant;
}

export interface PlanEvent {
  /** What the execution was started with. */
  readonly input: unknown;
  /** The execution's ARN. */
  readonly execution: string;
}

export type PlanAnswer =
  | { readonly claimed: true; readonly run: RunPlan }
  | { readonly claimed: false; readonly runId: string; readonly heldBy: string };

/** Takes the run for this execution and divides it into slices; says so when another execution has it. */
export const makeHandler =
  (deps: PlanDeps) =>
  async ({ input, execution }: PlanEvent): Promise<PlanAnswer> => {
    const { runs, artifacts, now } = deps;
    const asked = runOf(input);
    const request: RunRequest = asked.trigger === 'spot' ? { ...asked, sample: await drawSample(deps, asked) } : asked;
    const slices = slicesOf(request);
    const result = await claimRun(runs, { ...request, execution, startedAt: now(), slices: slices.length });
    if (result.kind === 'taken') {
      const heldBy = result.run.execution ?? 'nobody';
      logger.info('The run is another execution’s', { runId: request.id, heldBy });
      return { claimed: false, runId: request.id, heldBy };
    }
    const slicesKey = runKey(request.id, 'slices.json');
    await putText(artifacts, slicesKey, JSON_TYPE, JSON.stringify(slices));
    logger.info('Planned', { runId: request.id, slices: slices.length });
    return { claimed: true, run: { ...result.run, slicesKey } };
  };

/** @throws InvalidRunInputError when invoices are to be compared of parts of months. */
function slicesOf(request: RunRequest): Slice[] {
  const period = periodOf(request);
  if (request.books === undefined) return planSlices(period, bucketsOf(request));
  const months = wholeMonths(period);
  if (months !== undefined) return planInvoiceSlices(months, bucketsOf(request));
  const { startDate, endDate } = request;
  throw new InvalidRunInputError(`Invoices are of whole months; ${startDate} to ${endDate} are none. Name whole ones.`);
}

/** Buckets that must be looked through. A sample may reach into all. */
function bucketsOf({ accounts }: Scope): string[] {
  return accounts === undefined ? ALL_BUCKETS : [...new Set(accounts.map(bucketOf))].sort();
}

const ALL_BUCKETS = Array.from({ length: BUCKETS }, (_, index) => bucketName(index));

/** Accounts of a bucket are listed side by side, so many buckets at a time: a million accounts in a few seconds. */
const BUCKETS_AT_ONCE = 8;

/** A sample of all accounts that may have usage: those of the platform itself have none. */
async function drawSample({ books, chart }: PlanDeps, { endDate }: RunRequest): Promise<Sample> {
  const accounts: string[] = [];
  const lists = inOrder(ALL_BUCKETS, BUCKETS_AT_ONCE, (bucket) => accountsOfBucket(books, bucket));
  for await (const list of lists) {
    for (const { account } of list) if (chartEntryOf(chart, account)?.party !== 'platform') accounts.push(account);
  }
  return sampleOf(weekOf(endDate), accounts);
}

export const handler = lazily(() => {
  const names = environment('LEDGER_TABLE', 'USAGE_TABLE', 'OPERATIONS_TABLE', 'ARTIFACTS_BUCKET');
  const client = dynamoDb();
  return makeHandler({
    runs: { client, operationsTable: names.OPERATIONS_TABLE },
    artifacts: { client: s3(), bucket: names.ARTIFACTS_BUCKET },
    books: { client, ledgerTable: names.LEDGER_TABLE, usageTable: names.USAGE_TABLE },
    chart,
    now: () => new Date().toISOString(),
  });
});
