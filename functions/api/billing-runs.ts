import type { SFNClient } from '@aws-sdk/client-sfn';
import type * as z from 'zod';
import type { billingRun as billingRunSchema } from '../../contract/schemas/billing-runs.ts';
import type { ApprovalUse } from '../../domain/approvals.ts';
import type { Chart } from '../../domain/chart.ts';
import { billedAccountOf, billedAssetOf, FINALIZE_ACTION } from '../../domain/invoices/invoice.ts';
import { versionName } from '../../domain/rating.ts';
import { dayOf, type Instant, periodOfMonth } from '../../domain/time.ts';
import { useApproval } from '../../store/approvals.ts';
import { type Artifacts, billingRunKey, linkTo, uploadLinkTo } from '../../store/artifacts.ts';
import {
  type BillingOutcome,
  type BillingRun,
  type BillingRunsStore,
  type BillingSpec,
  createBillingRun,
  getBillingRun as readBillingRun,
  listBillingRuns as readBillingRuns,
  requestBillingRun,
} from '../../store/billing-runs.ts';
import { progressOfBillingRun } from '../../store/billing-slices.ts';
import { readSettings } from '../../store/settings.ts';
import { type Answer, type FieldError, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { printable } from '../runtime/requests.ts';
import { answerOfApproval } from './approval-answers.ts';
import { startExecution } from './executions.ts';

export interface BillingRunDeps {
  readonly runs: BillingRunsStore;
  readonly artifacts: Artifacts;
  readonly workflows: SFNClient;
  readonly invoicesArn: string;
  readonly chart: Chart;
  readonly now: () => Instant;
  readonly newId: () => string;
}

/** Runs that the list shows: what an operator looks back on. */
const LISTED_RUNS = 50;

/** Ids of runs that nobody asks for by hand are derived, so nobody else may take them. */
const RESERVED_ID = /^monthly-/;

type Body = BodyOf<'startBillingRun'>;

/** Asks for a run: the record first, then the workflow under the same name, so that asking twice starts one. */
export async function startBillingRun(deps: BillingRunDeps, { body, caller }: ApiRequest<Body>): Promise<Answer> {
  if (RESERVED_ID.test(body.id)) {
    return invalid([{ field: 'id', rule: 'must not start with "monthly-", which names runs of the schedule' }]);
  }
  const wrong = [...wrongFields(deps, body), ...(body.kind === 'parity' ? await wrongRateCard(deps, body) : [])];
  if (wrong.length > 0) return invalid(wrong);
  const request = { id: body.id, requestedBy: caller.keyId, requestedAt: deps.now() };
  if (body.kind === 'finalize') return startFinalizing(deps, body, request);
  if (body.kind === 'rollback') return startRollback(deps, body, request);
  if (body.kind === 'notices') return startNotices(deps, body, request);
  return start(deps, { ...request, spec: specOf(body) });
}

/** What is wrong with the months and accounts of a request, told without reading anything. */
function wrongFields({ now, chart }: BillingRunDeps, body: Body): FieldError[] {
  const errors: FieldError[] = [];
  if ('month' in body && periodOfMonth(body.month).end > dayOf(now())) {
    errors.push({ field: 'month', rule: `must be over: ${body.month} has transfers to come` });
  }
  const accounts = 'accounts' in body ? (body.accounts ?? []) : [];
  for (const [index, account] of accounts.entries()) {
    const field = `accounts.${index}`;
    const billed = billedAccountOf(account);
    if (billed !== account) errors.push({ field, rule: `must be an account that is billed: name "${billed}"` });
    else if (billedAssetOf(chart, account) === undefined) {
      errors.push({
        field,
        rule: 'must be an account whose usage is priced: the chart of accounts gives it no rate card',
      });
    }
  }
  return errors;
}

/** A version that is not published prices nothing. */
async function wrongRateCard({ runs }: BillingRunDeps, { rateCard }: Extract<Body, { kind: 'parity' }>) {
  if (rateCard === undefined) return [];
  const known = (await readSettings(runs)).rateCards.map(versionName);
  if (known.includes(rateCard)) return [];
  return [{ field: 'rateCard', rule: `must be a published version, of which there are ${known.length}` }];
}

function specOf(body: Exclude<Body, { kind: 'finalize' | 'rollback' | 'notices' }>): BillingSpec {
  if (body.kind === 'import') {
    const { id: _id, ...spec } = body;
    return spec;
  }
  if (body.kind === 'export') return { kind: body.kind, month: body.month };
  const { kind, month, accounts } = body;
  const of = { month, ...(accounts !== undefined && { accounts }) };
  if (kind !== 'parity') return { kind, ...of };
  const { rateCard, sha256 } = body;
  return { kind, ...of, ...(rateCard !== undefined && { rateCard }), ...(sha256 !== undefined && { sha256 }) };
}

type Requested = Pick<BillingRun, 'id' | 'requestedBy' | 'requestedAt'>;

/** In order: 404 no such review, 409 it has not succeeded, 422 another hash, 200 said before, what its approval says, 202. */
async function startFinalizing(
  deps: BillingRunDeps,
  { review: reviewId, hash }: Extract<Body, { kind: 'finalize' }>,
  request: Requested,
): Promise<Answer> {
  const review = await readBillingRun(deps.runs, reviewId);
  if (review?.spec.kind !== 'review') return problem('not-found', `There is no review "${printable(reviewId)}".`);
  const { outcome, spec } = review;
  if (review.status !== 'succeeded' || outcome?.hash === undefined) {
    const why = review.status === 'succeeded' ? 'has nothing in it' : `is ${review.status}`;
    return problem('billing-state', `The review "${review.id}" ${why}; only a complete one can be finalized.`);
  }
  if (outcome.hash !== hash) {
    const rule = `is not the hash of the review "${review.id}"; read it again`;
    return problem('hash-differs', `"hash" ${rule}.`, [{ field: 'hash', rule }]);
  }
  const use: ApprovalUse = {
    id: outcome.approval ?? '',
    action: FINALIZE_ACTION,
    target: `billing-run:${review.id}`,
    hash,
    by: `billing-run:${request.id}`,
    at: request.requestedAt,
  };
  return start(deps, { ...request, spec: { kind: 'finalize', month: spec.month, review: review.id, hash } }, use);
}

/** In order: 404 no such import, 409 it has not ended, or wrote nothing, 200 said before, 202. */
async function startRollback(
  deps: BillingRunDeps,
  { of }: Extract<Body, { kind: 'rollback' }>,
  request: Requested,
): Promise<Answer> {
  const run = await readBillingRun(deps.runs, of);
  if (run?.spec.kind !== 'import') return problem('not-found', `There is no import of lines "${printable(of)}".`);
  const objection = objectionToRollback(run);
  if (objection !== undefined) return problem('billing-state', `The import "${run.id}" ${objection}`);
  return start(deps, { ...request, spec: { kind: 'rollback', of: run.id } });
}

function objectionToRollback({ spec, status, outcome }: BillingRun): string | undefined {
  if (spec.kind === 'import' && spec.dryRun) return 'was a dry run and wrote nothing; there is nothing to roll back.';
  switch (status) {
    case 'announced':
      return 'was announced and not begun; there is nothing to roll back.';
    case 'requested':
    case 'running':
      return 'has not ended; roll it back when it has.';
    case 'failed':
      return 'broke off and may have written some invoices; start it again, and roll it back when it has ended.';
    case 'succeeded':
      return outcome?.verdict === 'refused'
        ? 'was refused and wrote nothing; there is nothing to roll back.'
        : undefined;
  }
}

/**
 * Begins a run whose file was announced, now that it is there; or again, when it broke off. In order: 404 no such run, 409
 * it waits for no file, 200 it has begun, 202.
 */
export async function beginBillingRun(
  deps: BillingRunDeps,
  { params, caller }: Pick<ApiRequest<undefined>, 'params' | 'caller'>,
): Promise<Answer> {
  const run = await named(deps, params.runId);
  if (run === undefined) return unknown(params.runId);
  if (!isOfFile(run.spec)) {
    return problem('billing-state', `The run "${run.id}" waits for no file; it began when it was asked for.`);
  }
  const isBegun = !awaitsFile(run);
  if (!isBegun) await requestBillingRun(deps.runs, run.id, caller.keyId, deps.now());
  // The first attempt may have ended between the record and the workflow; starting it again by name is harmless.
  if (!isBegun || run.status === 'requested') await startWorkflow(deps, run.id);
  const rendered = await render(deps, (await readBillingRun(deps.runs, run.id)) ?? run);
  return isBegun ? replayed(rendered) : ok(202, rendered);
}

/** Whether a run reads a file that somebody uploads. */
function isOfFile(spec: BillingSpec): boolean {
  return 'sha256' in spec && spec.sha256 !== undefined;
}

/** Whether its file may still come: it was announced, or the run failed, perhaps for want of the right one. */
function awaitsFile({ spec, status }: BillingRun): boolean {
  return isOfFile(spec) && (status === 'announced' || status === 'failed');
}

/** In order: 404 no such regeneration, 409 it has not succeeded, 200 said before, 202. */
async function startNotices(
  deps: BillingRunDeps,
  { of, goodwillPercent }: Extract<Body, { kind: 'notices' }>,
  request: Requested,
): Promise<Answer> {
  const run = await readBillingRun(deps.runs, of);
  if (run?.spec.kind !== 'regenerate') return problem('not-found', `There is no regeneration "${printable(of)}".`);
  if (run.status !== 'succeeded') {
    return problem('billing-state', `The run "${run.id}" is ${run.status}; customers are told when it is complete.`);
  }
  const goodwill = goodwillPercent !== undefined && { goodwillPercent: goodwillPercent.toString() };
  return start(deps, { ...request, spec: { kind: 'notices', of: run.id, ...goodwill } });
}

async function start(
  deps: BillingRunDeps,
  request: Requested & { readonly spec: BillingSpec },
  use?: ApprovalUse,
): Promise<Answer> {
  const uses = use === undefined ? [] : [useApproval(deps.runs, use)];
  const isAnnounced = isOfFile(request.spec);
  const result = await createBillingRun(deps.runs, request, isAnnounced ? 'announced' : 'requested', uses);
  if (result.kind === 'conflict') {
    const rule = 'belongs to a run of something else; choose another id';
    return problem('conflict', `The id "${request.id}" ${rule}.`, [{ field: 'id', rule }]);
  }
  if (result.kind === 'refused') {
    if (use === undefined) throw new TypeError(`The run ${request.id} was refused by a write that it does not have.`);
    const advice = { again: 'Put the month into review again.', shown: 'the hash of the review' };
    return answerOfApproval(deps.runs, result.item, use, deps.now(), advice);
  }
  if (isAnnounced) {
    // It begins when its file is there, which whoever uploads it says.
    const announced = await render(deps, result.run);
    return result.kind === 'created' ? ok(202, announced) : replayed(announced);
  }
  const isAgain = result.kind === 'exists' && result.run.status === 'failed';
  if (isAgain) await requestBillingRun(deps.runs, request.id, request.requestedBy, deps.now());
  // The first attempt may have ended between the record and the workflow; starting it again by name is harmless.
  if (isAgain || result.run.status === 'requested') await startWorkflow(deps, request.id);
  const run = isAgain ? ((await readBillingRun(deps.runs, request.id)) ?? result.run) : result.run;
  const rendered = await render(deps, run);
  return result.kind === 'created' || isAgain ? ok(202, rendered) : replayed(rendered);
}

function startWorkflow(deps: BillingRunDeps, runId: string): Promise<void> {
  return startExecution(deps, deps.invoicesArn, runId, { runId });
}

export async function getBillingRun(deps: BillingRunDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  const run = await named(deps, params.runId);
  return run === undefined ? unknown(params.runId) : ok(200, await render(deps, run));
}

async function named(deps: BillingRunDeps, id = ''): Promise<BillingRun | undefined> {
  return /^[A-Za-z0-9_-]{1,80}$/.test(id) ? readBillingRun(deps.runs, id) : undefined;
}

function unknown(id = ''): Answer {
  return problem('not-found', `There is no billing run "${printable(id)}".`);
}

export async function listBillingRuns(deps: BillingRunDeps): Promise<Answer> {
  const runs = await readBillingRuns(deps.runs, LISTED_RUNS);
  return ok(200, { billingRuns: await Promise.all(runs.map((run) => renderRecord(deps, run))) });
}

type Rendered = z.infer<typeof billingRunSchema>;

async function render(deps: BillingRunDeps, run: BillingRun): Promise<Rendered> {
  const { artifacts: names = [], folder = billingRunKey(run.id, '') } = run.outcome ?? {};
  const links = names.map(async (name) => [name, await linkTo(deps.artifacts, `${folder}${name}`)] as const);
  return {
    ...(await renderRecord(deps, run)),
    ...(awaitsFile(run) && {
      upload: await uploadLinkTo(deps.artifacts, billingRunKey(run.id, 'input.csv'), deps.now()),
    }),
    ...(names.length > 0 && { artifacts: Object.fromEntries(await Promise.all(links)) }),
  };
}

async function renderRecord({ runs }: BillingRunDeps, run: BillingRun): Promise<Rendered> {
  const { id, spec, status, requestedBy, requestedAt, startedAt, finishedAt, outcome, error } = run;
  const { done, of } = await progressOfBillingRun(runs, id);
  const none: BillingOutcome = { artifacts: [], counts: {}, sentence: '' };
  const { artifacts: _artifacts, folder: _folder, totals, counts, ...said } = outcome ?? none;
  return {
    ...{ id, kind: spec.kind, status, requestedBy, requestedAt },
    ...('month' in spec && { month: spec.month }),
    ...('accounts' in spec && spec.accounts !== undefined && { accounts: [...spec.accounts] }),
    ...('rateCard' in spec && spec.rateCard !== undefined && { rateCard: spec.rateCard }),
    ...('of' in spec && { of: spec.of }),
    ...('dryRun' in spec && { dryRun: spec.dryRun }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    progress: { slicesDone: done, ...(of !== undefined && { slicesTotal: of }) },
    ...(outcome !== undefined && {
      outcome: {
        ...said,
        counts: { ...counts },
        ...(totals !== undefined && { totals: totals.map((each) => ({ ...each })) }),
      },
    }),
    ...(error !== undefined && { error: { ...error } }),
  };
}
