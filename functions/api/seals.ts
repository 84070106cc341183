import type { SFNClient } from '@aws-sdk/client-sfn';
import type * as z from 'zod';
import { SEALS_LISTED } from '../../contract/limits.ts';
import type { sealing } from '../../contract/schemas/seals.ts';
import { describeSealFault } from '../../domain/seals/chain.ts';
import { type SealOutcome, sealSentence } from '../../domain/seals/outcome.ts';
import { addDays, dayOf, daysOf, type Instant } from '../../domain/time.ts';
import { type Artifacts, linkTo, sealRunKey } from '../../store/artifacts.ts';
import {
  createSealRun,
  getSealRun,
  requestSealRunAgain,
  type SealRun,
  type SealRunName,
  type SealRunRequest,
  type SealRunsStore,
  sealSlicesDone,
} from '../../store/seal-runs.ts';
import * as seals from '../../store/seals.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf, QueryOf } from '../runtime/pipeline.ts';
import { type Caller, printable } from '../runtime/requests.ts';
import { startExecution } from './executions.ts';

export interface SealDeps {
  readonly sealRuns: SealRunsStore;
  readonly artifacts: Artifacts;
  readonly workflows: SFNClient;
  readonly sealArn: string;
  readonly now: () => Instant;
  readonly newId: () => string;
}

/** What a finished run leaves in the bucket. */
const ARTIFACTS = ['summary.json', 'changes.ndjson'] as const;

/** Ids of what schedules start are derived from their day, so nobody else may take them. */
const RESERVED_ID = /^(daily|weekly)-/;

export async function listSeals(
  { sealRuns }: SealDeps,
  { query }: ApiRequest<undefined, QueryOf<'listSeals'>>,
): Promise<Answer> {
  const page = await seals.listSeals(sealRuns, query.limit ?? SEALS_LISTED, query.cursor);
  return ok(200, { seals: page.seals, ...(page.next !== undefined && { next: page.next.toString() }) });
}

/** Asks for a seal. In order: 400, 422 for an id of other days, 202, 200 for one that was asked for before. */
export async function startSeal(deps: SealDeps, { body, caller }: ApiRequest<BodyOf<'startSeal'>>): Promise<Answer> {
  // Of a day that goes on, a seal would hold no more than the one that is made when it is over.
  if (body.to >= dayOf(deps.now())) return invalid([{ field: 'to', rule: 'must be a day that is over (UTC)' }]);
  return start(deps, 'seal', body, caller);
}

export async function startSealVerification(
  deps: SealDeps,
  { body, caller }: ApiRequest<BodyOf<'startSealVerification'>>,
): Promise<Answer> {
  if (body.to > dayOf(deps.now())) return invalid([{ field: 'to', rule: 'must not be in the future' }]);
  return start(deps, 'verify', body, caller);
}

export async function getSeal(deps: SealDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  return get(deps, { mode: 'seal', id: params.sealId ?? '' });
}

export async function getSealVerification(deps: SealDeps, { params }: ApiRequest<undefined>): Promise<Answer> {
  return get(deps, { mode: 'verify', id: params.verificationId ?? '' });
}

async function get(deps: SealDeps, name: SealRunName): Promise<Answer> {
  const { id } = name;
  const run = id.length > 0 && id.length <= 80 ? await getSealRun(deps.sealRuns, name) : undefined;
  if (run !== undefined) return ok(200, await render(deps, run));
  return problem('not-found', `There is no ${name.mode === 'seal' ? 'seal' : 'verification'} "${printable(id)}".`);
}

/** The record first, then the workflow under the same name, so that asking twice starts one. */
async function start(
  deps: SealDeps,
  mode: SealRunName['mode'],
  body: BodyOf<'startSeal'>,
  caller: Caller,
): Promise<Answer> {
  const id = body.id ?? `request-${deps.newId()}`;
  if (RESERVED_ID.test(id)) {
    return invalid([{ field: 'id', rule: 'must not start with "daily-" or "weekly-", which name scheduled runs' }]);
  }
  const days = daysOf({ start: body.from, end: addDays(body.to, 1) });
  const requestedAt = deps.now();
  const request: SealRunRequest = { mode, id, trigger: 'request', days, requestedAt, requestedBy: caller.keyId };
  const existing = await createSealRun(deps.sealRuns, request);
  if (existing === undefined) {
    await startWorkflow(deps, request);
    return ok(202, await render(deps, { ...request, status: 'requested' }));
  }
  const field = body.from !== existing.days[0] ? 'from' : body.to !== existing.days.at(-1) ? 'to' : undefined;
  if (field !== undefined) {
    const rule = 'differs from the one that has this id; choose another id';
    return problem('conflict', `The id "${id}" belongs to one with another "${field}".`, [{ field, rule }]);
  }
  if (existing.status === 'failed') {
    const again = await requestSealRunAgain(deps.sealRuns, existing, caller.keyId, requestedAt);
    await startWorkflow(deps, again);
    return ok(202, await render(deps, again));
  }
  // The first attempt may have ended between the record and the workflow; starting it again by name is harmless.
  if (existing.status === 'requested') await startWorkflow(deps, existing);
  return replayed(await render(deps, existing));
}

function startWorkflow(deps: SealDeps, run: SealRunRequest): Promise<void> {
  const { mode, id, days, requestedAt, requestedBy } = run;
  // Names have at most 80 characters (AWS limit); an id has 64.
  return startExecution(deps, deps.sealArn, `${mode}-${id}`, {
    ...{ trigger: 'request', mode, id, days, requestedAt },
    ...(requestedBy !== undefined && { requestedBy }),
  });
}

type Sealing = z.infer<typeof sealing>;

async function render(deps: SealDeps, run: SealRun): Promise<Sealing> {
  const { id, status, days, trigger, requestedAt, finishedAt, slices, after, outcome, error } = run;
  const isDone = status === 'succeeded';
  const slicesDone = isDone ? (slices ?? 0) : after === undefined ? 0 : await sealSlicesDone(deps.sealRuns, run, after);
  const links = isDone
    ? ARTIFACTS.map(async (name) => [name, await linkTo(deps.artifacts, sealRunKey(run, name))] as const)
    : [];
  return {
    ...{ id, status, trigger, requestedAt },
    from: days[0] ?? '',
    to: days.at(-1) ?? '',
    days: days.length,
    ...(finishedAt !== undefined && { finishedAt }),
    progress: { slicesDone, ...(slices !== undefined && { slicesTotal: slices }) },
    ...(outcome !== undefined && { outcome: renderOutcome(outcome) }),
    ...(error !== undefined && { error: { ...error } }),
    ...(isDone && { artifacts: Object.fromEntries(await Promise.all(links)) }),
  };
}

function renderOutcome(outcome: SealOutcome): NonNullable<Sealing['outcome']> {
  const { verdict, changes, changesByKind, shownChanges, faults, shownFaults, daysNotSealed, unsealed, daysUnsealed } =
    outcome;
  return {
    ...{ verdict, sentence: sealSentence(outcome), changes, changesByKind: { ...changesByKind } },
    firstChanges: shownChanges.map((change) => ({ ...change })),
    faults,
    firstFaults: shownFaults.map((fault) => ({ ...fault, sentence: describeSealFault(fault) })),
    daysNotSealed: [...daysNotSealed],
    unsealed,
    daysUnsealed: [...daysUnsealed],
    entries: outcome.entries,
    ...(outcome.seal !== undefined && { seal: { ...outcome.seal } }),
  };
}
