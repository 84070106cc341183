import type { SFNClient } from '@aws-sdk/client-sfn';
import type * as z from 'zod';
import { IMPORT_BATCH_SIZE } from '../../contract/limits.ts';
import type { repair as repairSchema } from '../../contract/schemas/repairs.ts';
import { ID_PATTERN } from '../../domain/ids.ts';
import { dayOf, type Instant } from '../../domain/time.ts';
import { type Artifacts, linkTo, repairKey, uploadLinkTo } from '../../store/artifacts.ts';
import { partsDone } from '../../store/repair-parts.ts';
import { requestApplying, requestPlanning } from '../../store/repair-states.ts';
import * as repairs from '../../store/repairs.ts';
import { getRun, type RunsStore } from '../../store/runs.ts';
import { type Answer, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { printable } from '../runtime/requests.ts';
import { answerOfApproval } from './approval-answers.ts';
import { startExecution } from './executions.ts';

export interface RepairDeps {
  readonly repairs: repairs.RepairsStore;
  readonly runs: RunsStore;
  readonly artifacts: Artifacts;
  readonly workflows: SFNClient;
  readonly repairArn: string;
  readonly now: () => Instant;
  readonly newId: () => string;
}

/** Repairs that the list shows: what an operator looks back on. */
const LISTED_REPAIRS = 50;

/** What a planned repair leaves in the bucket, and what an applied one adds. */
const PLAN_ARTIFACTS = ['plan.json', 'steps.csv', 'left.ndjson', 'report.html', 'manifest.json'] as const;
const OUTCOME_ARTIFACTS = ['outcome.json', 'results.csv'] as const;

/** A file is announced; else in order: 404 no such run, 409 the run has not succeeded, 422 the id is another repair's, 200 said before, 202. */
export async function planRepair(
  deps: RepairDeps,
  { body, caller }: ApiRequest<BodyOf<'planRepair'>>,
): Promise<Answer> {
  const { runId = '' } = body;
  if (body.import !== undefined) {
    const { sha256, batchSize = IMPORT_BATCH_SIZE } = body.import;
    const requestedAt = deps.now();
    const day = dayOf(requestedAt);
    const source: repairs.RepairSource = { kind: 'import', sha256, batchSize };
    return plan(deps, { id: body.id, source, startDate: day, endDate: day, requestedBy: caller.keyId, requestedAt });
  }
  const run = await getRun(deps.runs, runId);
  if (run === undefined) return problem('not-found', `There is no run "${printable(runId)}".`);
  if (run.status !== 'succeeded') {
    return problem(
      'repair-state',
      `The run "${run.id}" is ${run.status}; only what a complete run found can be repaired.`,
    );
  }
  if (run.books === 'invoices') {
    const detail = `The run "${run.id}" compared invoices with the ledger, which is right: regenerate the invoices of ${run.startDate.slice(0, 7)} instead of repairing.`;
    return problem('repair-state', detail);
  }
  const kinds = [...new Set(body.kinds)].sort();
  const source: repairs.RepairSource = { kind: 'findings', runId: run.id, kinds, decisions: body.decisions ?? {} };
  const { startDate, endDate, accounts } = run;
  const days = { startDate, endDate, ...(accounts !== undefined && { accounts }) };
  return plan(deps, { id: body.id, source, ...days, requestedBy: caller.keyId, requestedAt: deps.now() });
}

/** In order: 404 no such repair, 409 it is not applied, 422 the id is another repair's, 200 said before, 202. */
export async function rollBackRepair(
  deps: RepairDeps,
  { body, params, caller }: ApiRequest<BodyOf<'rollBackRepair'>>,
): Promise<Answer> {
  const of = await named(deps, params.repairId);
  if (of === undefined) return unknown(params.repairId);
  if (of.status !== 'applied') {
    const what =
      of.status === 'failed' && of.plan !== undefined
        ? 'apply it again first, and then roll it back'
        : 'only an applied one can be rolled back';
    return problem('repair-state', `The repair "${of.id}" is ${of.status}; ${what}.`);
  }
  const source: repairs.RepairSource = { kind: 'rollback', repairId: of.id };
  const { startDate, endDate, accounts } = of;
  const days = { startDate, endDate, ...(accounts !== undefined && { accounts }) };
  return plan(deps, { id: body.id, source, ...days, requestedBy: caller.keyId, requestedAt: deps.now() });
}

async function plan(deps: RepairDeps, request: repairs.RepairRequest): Promise<Answer> {
  const result = await repairs.createRepair(deps.repairs, request);
  if (result.kind === 'conflict') {
    const rule = 'belongs to a repair of something else; choose another id';
    return problem('conflict', `The id "${request.id}" ${rule}.`, [{ field: 'id', rule }]);
  }
  const { repair } = result;
  // A file is planned when it is there, which whoever uploads it says.
  if (repair.source.kind === 'import') {
    const announced = await render(deps, repair);
    return result.kind === 'created' ? ok(202, announced) : replayed(announced);
  }
  const isAgain = repair.status === 'failed' && repair.plan === undefined;
  if (isAgain) await requestPlanning(deps.repairs, repair.id, request.requestedBy, deps.now());
  // The first attempt may have ended between the record and the workflow; starting it again by name is harmless.
  if (isAgain || repair.status === 'requested') await startWorkflow(deps, repair.id, 'plan');
  const now = isAgain ? ((await repairs.getRepair(deps.repairs, repair.id)) ?? repair) : repair;
  const rendered = await render(deps, now);
  return result.kind === 'created' || isAgain ? ok(202, rendered) : replayed(rendered);
}

/** In order: 404 no such repair, 409 it waits for no file, 200 it is planned or being planned, 202. */
export async function planImport(
  deps: RepairDeps,
  { params, caller }: Pick<ApiRequest<undefined>, 'params' | 'caller'>,
): Promise<Answer> {
  const repair = await named(deps, params.repairId);
  if (repair === undefined) return unknown(params.repairId);
  if (repair.source.kind !== 'import') {
    return problem(
      'repair-state',
      `The repair "${repair.id}" waits for no file; it was planned when it was asked for.`,
    );
  }
  if (!awaitsFile(repair)) return replayed(await render(deps, repair));
  if (repair.status === 'failed') await requestPlanning(deps.repairs, repair.id, caller.keyId, deps.now());
  await startWorkflow(deps, repair.id, 'plan');
  return ok(202, await render(deps, (await repairs.getRepair(deps.repairs, repair.id)) ?? repair));
}

/** Whether it is an import that is not planned yet, or whose planning failed: perhaps for want of the right file. */
function awaitsFile({ source, status, plan: planned }: repairs.Repair): boolean {
  return source.kind === 'import' && planned === undefined && (status === 'requested' || status === 'failed');
}

export async function getRepair(deps: RepairDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  const repair = await named(deps, params.repairId);
  return repair === undefined ? unknown(params.repairId) : ok(200, await render(deps, repair));
}

export async function listRepairs(deps: RepairDeps): Promise<Answer> {
  const listed = await repairs.listRepairs(deps.repairs, LISTED_REPAIRS);
  return ok(200, { repairs: listed.map((repair) => renderRecord(repair)) });
}

/**
 * Asks for a plan to be applied. In order: 404, 409 there is no plan, 422 another hash, 409 stale, 200 said before, then
 * what its approval says, then 202. The approval is used up in the write that asks.
 */
export async function applyRepair(
  deps: RepairDeps,
  { body, params, caller }: ApiRequest<BodyOf<'applyRepair'>>,
): Promise<Answer> {
  const repair = await named(deps, params.repairId);
  if (repair === undefined) return unknown(params.repairId);
  const now = deps.now();
  const early = answerBefore(repair, body.hash, now);
  if (early !== undefined) return early;
  if (repair.status === 'applied') return replayed(await render(deps, repair));
  const takeOver = body.takeOver === true;
  if (repair.status === 'applying' && !takeOver) {
    // The first attempt may have ended between the record and the workflow.
    if (repair.execution === undefined) await startWorkflow(deps, repair.id, 'apply');
    return replayed(await render(deps, repair));
  }
  // An approval that was used for this repair was used for exactly this plan, which goes on.
  const isApproved = repair.applyRequestedAt !== undefined || repair.approval === undefined;
  const use = {
    id: repair.approval ?? '',
    action: 'repair.apply',
    target: `repair:${repair.id}`,
    hash: body.hash,
    by: `repair:${repair.id}`,
    at: now,
  };
  const refused = await requestApplying(deps.repairs, repair.id, {
    hash: body.hash,
    by: caller.keyId,
    at: now,
    use: isApproved ? undefined : use,
    takeOver,
  });
  if (refused?.approval !== undefined) {
    const advice = { again: 'Plan the repair again under another id.', shown: 'the hash of the plan' };
    return answerOfApproval(deps.repairs, refused.approval, use, now, advice);
  }
  // Somebody else asked between the reading and the writing: what is there now says the answer.
  if (refused !== undefined) return applyAnswerNow(deps, repair.id, body.hash, now);
  await startWorkflow(deps, repair.id, 'apply');
  const applying = (await repairs.getRepair(deps.repairs, repair.id)) ?? repair;
  return ok(202, await render(deps, applying));
}

/** What is wrong with applying a repair, told from it alone. */
function answerBefore(repair: repairs.Repair, hash: string, now: Instant): Answer | undefined {
  const { id, status, plan: planned } = repair;
  if (planned === undefined || status === 'nothing-to-do') {
    const why = status === 'nothing-to-do' ? 'has nothing to do' : `is ${status} and has no plan yet`;
    return problem('repair-state', `The repair "${id}" ${why}.`);
  }
  if (planned.hash !== hash) {
    const rule = `is not the hash of the plan of "${id}"; read the plan again`;
    return problem('hash-differs', `"hash" ${rule}.`, [{ field: 'hash', rule }]);
  }
  const isBegun = repair.applyRequestedAt !== undefined;
  if (status === 'stale' || (!isBegun && planned.goodUntil <= now)) {
    const why = status === 'stale' ? 'The books have moved under it' : `It was good until ${planned.goodUntil}`;
    return problem('plan-stale', `The plan of "${id}" cannot be applied. ${why}; plan again under another id.`);
  }
  return undefined;
}

async function applyAnswerNow(deps: RepairDeps, id: string, hash: string, now: Instant): Promise<Answer> {
  const repair = await repairs.getRepair(deps.repairs, id);
  if (repair === undefined) return unknown(id);
  return answerBefore(repair, hash, now) ?? replayed(await render(deps, repair));
}

function startWorkflow(deps: RepairDeps, repairId: string, what: 'plan' | 'apply'): Promise<void> {
  return startExecution(deps, deps.repairArn, `${what}-${repairId}`, { repairId, do: what });
}

async function named(deps: RepairDeps, id = ''): Promise<repairs.Repair | undefined> {
  return ID_PATTERN.test(id) ? repairs.getRepair(deps.repairs, id) : undefined;
}

function unknown(id = ''): Answer {
  return problem('not-found', `There is no repair "${printable(id)}".`);
}

type Rendered = z.infer<typeof repairSchema>;

async function render(deps: RepairDeps, repair: repairs.Repair): Promise<Rendered> {
  const { id, status, plan: planned } = repair;
  const isImported = repair.source.kind === 'import' && planned !== undefined;
  const names = [
    ...(planned === undefined ? [] : PLAN_ARTIFACTS),
    ...(isImported ? ['errors.ndjson'] : []),
    ...(status === 'applied' ? OUTCOME_ARTIFACTS : []),
  ];
  const links = names.map(async (name) => [name, await linkTo(deps.artifacts, repairKey(id, name))] as const);
  const isBegun = repair.applyRequestedAt !== undefined;
  return {
    ...renderRecord(repair),
    ...(awaitsFile(repair) && {
      upload: await uploadLinkTo(deps.artifacts, repairKey(id, 'input.csv'), deps.now()),
    }),
    ...(isBegun && { progress: { partsDone: (await partsDone(deps.repairs, id)).parts.size } }),
    ...(names.length > 0 && { artifacts: Object.fromEntries(await Promise.all(links)) }),
  };
}

function renderSource(source: repairs.RepairSource): Pick<Rendered, 'of' | 'kinds' | 'decisions'> {
  switch (source.kind) {
    case 'findings':
      return { of: source.runId, kinds: [...source.kinds], decisions: { ...source.decisions } };
    case 'rollback':
      return { of: source.repairId };
    case 'import':
      return { of: `sha256:${source.sha256}` };
  }
}

function renderRecord({ source, execution: _execution, plan: planned, ...fields }: repairs.Repair): Rendered {
  const { error, counts, verification, accounts, ...rest } = fields;
  return {
    ...rest,
    ...(accounts !== undefined && { accounts: [...accounts] }),
    kind: source.kind,
    ...renderSource(source),
    ...(planned !== undefined && {
      plan: {
        ...planned,
        stepsByKind: { ...planned.stepsByKind },
        totals: planned.totals.map((line) => ({ ...line })),
      },
    }),
    ...(counts !== undefined && { counts: { ...counts } }),
    ...(verification !== undefined && { verification: { ...verification } }),
    ...(error !== undefined && { error: { ...error } }),
  };
}
