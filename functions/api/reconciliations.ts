import type { SFNClient } from '@aws-sdk/client-sfn';
import type * as z from 'zod';
import type { reconciliation } from '../../contract/schemas/reconciliations.ts';
import { billedAccountOf } from '../../domain/invoices/invoice.ts';
import { periodOf } from '../../domain/reconciliation/slices.ts';
import { dayOf, type Instant, monthOf, wholeMonths } from '../../domain/time.ts';
import { type Artifacts, linkTo, runKey } from '../../store/artifacts.ts';
import { slicesDone } from '../../store/run-slices.ts';
import {
  createRun,
  getRun,
  listRuns,
  type Run,
  type RunRequest,
  type RunsStore,
  requestAgain,
} from '../../store/runs.ts';
import { type Answer, type FieldError, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf, QueryOf } from '../runtime/pipeline.ts';
import { printable } from '../runtime/requests.ts';
import { startExecution } from './executions.ts';

export interface ReconciliationDeps {
  readonly runs: RunsStore;
  readonly artifacts: Artifacts;
  readonly workflows: SFNClient;
  readonly reconcileArn: string;
  readonly now: () => Instant;
  readonly newId: () => string;
}

/** Runs that the list shows: what an operator looks back on. */
const LISTED_RUNS = 50;

/** What a finished run leaves in the bucket. */
const ARTIFACTS = ['summary.json', 'findings.ndjson', 'missing_lines.csv', 'report.html', 'manifest.json'] as const;

/** Ids of runs that nobody asks for by hand are derived, so nobody else may take them. */
const RESERVED_ID = /^(daily|recheck|spot|invoices|verify)-/;

/** Asks for a run: the record first, then the workflow under the same name, so that asking twice starts one. */
export async function startReconciliation(
  deps: ReconciliationDeps,
  { body, caller }: ApiRequest<BodyOf<'startReconciliation'>>,
): Promise<Answer> {
  const now = deps.now();
  const id = body.id ?? `request-${deps.newId()}`;
  if (RESERVED_ID.test(id)) {
    const rule =
      'must not start with "daily-", "recheck-", "spot-", "invoices-" or "verify-", which name runs of schedules and repairs';
    return invalid([{ field: 'id', rule }]);
  }
  if (body.endDate > now.slice(0, 10)) return invalid([{ field: 'endDate', rule: 'must not be in the future' }]);
  const wrong = body.books === 'invoices' ? wrongOfInvoices(body, now) : [];
  if (wrong.length > 0) return invalid(wrong);
  const { startDate, endDate, accounts } = body;
  const books = body.books === 'invoices' ? body.books : undefined;
  const request: RunRequest = {
    id,
    trigger: 'request',
    ...(books !== undefined && { books }),
    startDate,
    endDate,
    ...(accounts !== undefined && { accounts }),
    requestedAt: now,
    requestedBy: caller.keyId,
  };
  const result = await createRun(deps.runs, request);
  if (result.kind === 'created') {
    await startWorkflow(deps, request);
    return ok(202, await render(deps, { ...request, status: 'requested' }));
  }
  const field = (['books', 'startDate', 'endDate', 'accounts'] as const).find(
    (name) => JSON.stringify(result.run[name]) !== JSON.stringify(request[name]),
  );
  if (field !== undefined) {
    const rule = 'differs from the run that has this id; choose another id';
    return problem('conflict', `The id "${id}" belongs to a run with another "${field}".`, [{ field, rule }]);
  }
  if (result.run.status === 'failed') {
    const again = await requestAgain(deps.runs, result.run, caller.keyId, now);
    await startWorkflow(deps, again);
    return ok(202, await render(deps, again));
  }
  // The first attempt may have ended between the record and the workflow; starting it again by name is harmless.
  if (result.run.status === 'requested') await startWorkflow(deps, result.run);
  return replayed(await render(deps, result.run));
}

/** What speaks against comparing invoices of these days and accounts. */
function wrongOfInvoices({ startDate, endDate, accounts = [] }: BodyOf<'startReconciliation'>, now: Instant) {
  const errors: FieldError[] = [];
  const months = wholeMonths(periodOf({ startDate, endDate }));
  if (months === undefined) {
    const rule = 'must end whole months that begin with startDate: invoices are of months';
    errors.push({ field: 'endDate', rule });
  } else if (endDate >= dayOf(now)) {
    errors.push({ field: 'endDate', rule: `must be over: ${monthOf(endDate)} has transfers to come` });
  }
  for (const [index, account] of accounts.entries()) {
    const billed = billedAccountOf(account);
    const rule = `must be an account that is billed: name "${billed}"`;
    if (billed !== account) errors.push({ field: `accounts.${index}`, rule });
  }
  return errors;
}

export async function getReconciliation(deps: ReconciliationDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.runId ?? '';
  const run = id.length > 0 && id.length <= 80 ? await getRun(deps.runs, id) : undefined;
  return run === undefined
    ? problem('not-found', `There is no run "${printable(id)}".`)
    : ok(200, await render(deps, run));
}

export async function listReconciliations(
  deps: ReconciliationDeps,
  { query }: Pick<ApiRequest<undefined, QueryOf<'listReconciliations'>>, 'query'>,
): Promise<Answer> {
  const runs = await listRuns(deps.runs, LISTED_RUNS, query.schedule);
  const records = runs.map(async (run) => renderRecord(run, await progressOf(deps, run)));
  return ok(200, { reconciliations: await Promise.all(records) });
}

function startWorkflow(deps: ReconciliationDeps, run: RunRequest): Promise<void> {
  const { id: runId, trigger, books, startDate, endDate, accounts, requestedAt, requestedBy } = run;
  const optional = {
    ...(books !== undefined && { books }),
    ...(accounts !== undefined && { accounts }),
    ...(requestedBy !== undefined && { requestedBy }),
  };
  return startExecution(deps, deps.reconcileArn, runId, {
    ...{ trigger, runId, startDate, endDate, requestedAt },
    ...optional,
  });
}

type Reconciliation = z.infer<typeof reconciliation>;

async function render(deps: ReconciliationDeps, run: Run): Promise<Reconciliation> {
  const record = renderRecord(run, await progressOf(deps, run));
  if (run.status !== 'succeeded') return record;
  const links = ARTIFACTS.map(async (name) => [name, await linkTo(deps.artifacts, runKey(run.id, name))] as const);
  return { ...record, artifacts: Object.fromEntries(await Promise.all(links)) };
}

/** How many slices are done: of a run that succeeded all of them, which needs no counting. */
async function progressOf(deps: ReconciliationDeps, run: Run): Promise<number> {
  return run.status === 'succeeded' ? (run.slices ?? 0) : slicesDone(deps.runs, run.id);
}

function renderRecord(run: Run, done: number): Reconciliation {
  const { id, status, books, startDate, endDate, accounts, trigger, requestedAt, finishedAt } = run;
  const { slices, outcome, error } = run;
  return {
    id,
    status,
    ...(books !== undefined && { books }),
    startDate,
    endDate,
    ...(accounts !== undefined && { accounts: [...accounts] }),
    trigger,
    requestedAt,
    ...(finishedAt !== undefined && { finishedAt }),
    progress: { slicesDone: done, ...(slices !== undefined && { slicesTotal: slices }) },
    ...(outcome !== undefined && { outcome: { ...outcome, totals: outcome.totals.map((line) => ({ ...line })) } }),
    ...(error !== undefined && { error: { ...error } }),
  };
}
