import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { makeHandler, type OperationsDeps } from '../../functions/api/operations.ts';
import type { RepairDeps } from '../../functions/api/repairs.ts';
import { decideApproval, requestApproval } from '../../store/approvals.ts';
import { claimApplying, claimPlanning, finishRepair, recordPlan, requestApplying } from '../../store/repair-states.ts';
import { createRepair, type PlanSummary, type RepairSource } from '../../store/repairs.ts';
import { claimRun, createRun, finishRun } from '../../store/runs.ts';
import { call, type TestAnswer } from './api.ts';
import { NOW, type TestLedger } from './ledger.ts';

export const REPAIR = 'POST /v1/repairs';
export const APPLY = 'POST /v1/repairs/{repairId}/apply';
export const ROLLBACK = 'POST /v1/repairs/{repairId}/rollback';

const HASH = 'a'.repeat(64);
const DAYS = { startDate: '2026-11-19', endDate: '2026-11-19' };
const FINDINGS: RepairSource = { kind: 'findings', runId: 'repaired-run', kinds: ['backfill'], decisions: {} };
const EXECUTION = { execution: 'arn:execution', at: NOW };
const TOMORROW = '2026-11-21T08:00:00.000Z';
const PLAN: PlanSummary = {
  ...{ hash: HASH, plannedAt: NOW, goodUntil: TOMORROW, steps: 1, parts: 1, answered: 1, left: 0 },
  ...{ stepsByKind: { charge: 1 }, accounts: 1, totals: [], aboveThreshold: false },
};

/** How each row of the tables about repairs comes about. */
export function repairProvocations(
  ledger: () => TestLedger,
): Record<string, Record<string, () => Promise<TestAnswer>>> {
  let count = 0;
  const fresh = () => `repair-${count++}`;

  function send(route: string, request: { params?: Record<string, string>; body: unknown }) {
    const { books } = ledger();
    // Nothing is sent to AWS: what would be started is started, and links are only signed.
    const workflows = new SFNClient({ region: 'us-east-1' });
    workflows.middlewareStack.add(() => async () => ({ response: {}, output: { $metadata: {} } }) as never, {
      step: 'initialize',
    });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const artifacts = { client: new S3Client({ region: 'us-east-1', credentials }), bucket: 'artifacts' };
    const deps: RepairDeps = {
      ...{ repairs: books, runs: books, artifacts, workflows, repairArn: 'arn:repair' },
      ...{ now: () => NOW, newId: () => 'new' },
    };
    return call(makeHandler(deps as OperationsDeps), route, { ...request, caller: { scopes: ['operations'] } });
  }
  const ask = async (id: string, kinds = ['backfill'], runId = 'repaired-run') => {
    await reconciled();
    return send(REPAIR, { body: { id, runId, kinds } });
  };
  const apply = (repairId: string, hash = HASH) => send(APPLY, { params: { repairId }, body: { hash } });
  const rollBack = (repairId: string, id = fresh()) => send(ROLLBACK, { params: { repairId }, body: { id } });

  /** A run that has succeeded. */
  async function reconciled(): Promise<void> {
    const { books } = ledger();
    const run = { id: 'repaired-run', trigger: 'request', ...DAYS, requestedAt: NOW } as const;
    await createRun(books, run);
    await claimRun(books, { ...run, execution: 'arn:run', startedAt: NOW, slices: 1 });
    const outcome = { verdict: 'clean', sentence: '', findings: 0 } as Parameters<typeof finishRun>[2];
    await finishRun(books, { id: run.id, execution: 'arn:run' }, outcome, NOW);
  }
  async function planned(plan: Partial<PlanSummary> = {}, approval?: string): Promise<string> {
    const { books } = ledger();
    const id = fresh();
    await createRepair(books, { id, source: FINDINGS, ...DAYS, requestedBy: 'asker', requestedAt: NOW });
    await claimPlanning(books, id, EXECUTION);
    await recordPlan(books, id, EXECUTION, { ...PLAN, ...plan }, approval);
    return id;
  }
  async function applied(): Promise<string> {
    const { books } = ledger();
    const id = await planned();
    await requestApplying(books, id, { hash: HASH, by: 'asker', at: NOW, use: undefined });
    await claimApplying(books, id, EXECUTION);
    const verification = { runId: 'verify', verdict: 'clean', findings: 0 } as const;
    await finishRepair(books, { id, source: FINDINGS }, EXECUTION, {
      status: 'applied',
      counts: { posted: 1 },
      verification,
    });
    return id;
  }
  /** Above the threshold. */
  async function approvable(decision?: 'rejected', expiresAt = TOMORROW): Promise<string> {
    const { books } = ledger();
    const approval = `approval-${count}`;
    const id = await planned({}, approval);
    const what = { action: 'repair.apply', target: `repair:${id}`, hash: HASH, summary: [] };
    await requestApproval(books, { ...what, id: approval, requestedBy: 'asker', requestedAt: NOW, expiresAt });
    const verdict = { verdict: decision ?? 'rejected', reason: 'No.', by: 'second', at: NOW } as const;
    if (decision !== undefined) await decideApproval(books, approval, verdict, async () => false);
    return id;
  }

  return {
    [REPAIR]: {
      'not-found': () => ask(fresh(), ['backfill'], 'never-run'),
      'repair-state': async () => {
        const id = fresh();
        await createRun(ledger().books, { id, trigger: 'request', ...DAYS, requestedAt: NOW });
        return ask(fresh(), ['backfill'], id);
      },
      replayed: async () => {
        const id = fresh();
        await ask(id);
        return ask(id);
      },
      conflict: async () => {
        const id = fresh();
        await ask(id);
        return ask(id, ['dedupe']);
      },
      accepted: () => ask(fresh()),
    },
    [APPLY]: {
      'not-found': () => apply(fresh()),
      'repair-state': async () => apply(await planned({ steps: 0 })),
      'hash-differs': async () => apply(await planned(), 'b'.repeat(64)),
      'plan-stale': async () => apply(await planned({ goodUntil: NOW })),
      replayed: async () => apply(await applied()),
      'approval-expired': async () => apply(await approvable(undefined, NOW)),
      'approval-decided': async () => apply(await approvable('rejected')),
      'approval-needed': async () => apply(await approvable()),
      accepted: async () => apply(await planned()),
    },
    [ROLLBACK]: {
      'not-found': () => rollBack(fresh()),
      'repair-state': async () => rollBack(await planned()),
      replayed: async () => {
        const [of, id] = [await applied(), fresh()];
        await rollBack(of, id);
        return rollBack(of, id);
      },
      conflict: async () => rollBack(await applied(), await planned()),
      accepted: async () => rollBack(await applied()),
    },
  };
}
