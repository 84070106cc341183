import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { chart } from '../../config/chart.ts';
import type { ApprovalPolicy } from '../../domain/approvals.ts';
import type { RateCard } from '../../domain/rating.ts';
import type { Instant } from '../../domain/time.ts';
import { makeHandler as makePart } from '../../functions/workflow/apply-repair-part.ts';
import { makeHandler as makeBackup } from '../../functions/workflow/back-up-ledger.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-reconciliation.ts';
import { makeHandler as makeFailRepair } from '../../functions/workflow/fail-repair.ts';
import { makeHandler as makeFinish } from '../../functions/workflow/finish-repair.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-reconciliation.ts';
import { makeHandler as makePlanRepair } from '../../functions/workflow/plan-repair.ts';
import { makeHandler as makeSlice } from '../../functions/workflow/reconcile-slice.ts';
import { makeHandler as makeSummarise } from '../../functions/workflow/summarise-reconciliation.ts';
import { makeHandler as makeTake } from '../../functions/workflow/take-repair.ts';
import { makeHandler as makeVerify } from '../../functions/workflow/verify-repair.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import type { LedgerStore } from '../../store/posting.ts';
import { systemClock } from '../../store/retry.ts';
import type { TestBooks } from './books.ts';
import { arnOf, startMachines } from './machines.ts';

export const CARDS: readonly RateCard[] = ['standard', 'postpaid'].map((name) => ({
  name,
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  asset: name === 'standard' ? 'TOKEN' : 'USD/6',
  revenueAccount: name === 'standard' ? 'platform:revenue' : 'platform:usage:revenue',
  operations: { chat: { prices: { units: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
}));

/** The state machines that reconcile and repair, with what their functions and the API work on. */
export function startRepairMachines(on: {
  readonly tables: TestBooks;
  readonly artifacts: Artifacts;
  readonly ledger: LedgerStore;
  readonly now: () => Instant;
  readonly policy: () => ApprovalPolicy;
}) {
  const { tables, policy, ...given } = on;
  const arns = { reconcileArn: arnOf('reconcile'), repairArn: arnOf('repair') };
  const shared = {
    ...{
      books: tables,
      runs: tables,
      invoices: tables,
      repairs: tables,
      ledgerTable: tables.ledgerTable,
      chart,
      ...given,
      ...arns,
    },
    client: backupsClient(),
    readRateCards: async () => CARDS,
    newId: randomUUID,
    wait: async () => {},
    sweptUntil: async () => undefined,
    clock: { ...systemClock, sleep: async () => {} },
  };
  const machines = startMachines({
    functions: (workflows) => ({
      reconcile: {
        plan: makePlan(shared),
        slice: makeSlice(shared),
        summarise: makeSummarise(shared),
        fail: makeFail(shared),
      },
      repair: {
        plan: (event) => makePlanRepair({ ...shared, policy: policy() })(event),
        take: makeTake(shared),
        part: makePart(shared),
        backup: makeBackup(shared),
        verify: makeVerify({ ...shared, workflows }),
        finish: makeFinish(shared),
        fail: makeFailRepair(shared),
      },
    }),
    watched: 'repair',
    artifacts: on.artifacts,
    stepOf: (name, payload) => (name === 'part' ? (payload as { readonly do: string }).do : name),
  });
  return { machines, deps: { ...shared, workflows: machines.workflows } };
}

/** Backups are the endpoint's, which these tables are used without. */
function backupsClient(): DynamoDBClient {
  const client = new DynamoDBClient({ region: 'us-east-1' });
  let count = 0;
  client.middlewareStack.add(
    () => async () => {
      count += 1;
      const BackupDetails = { BackupArn: `arn:aws:dynamodb:us-east-1:0:table/ledger/backup/${count}` };
      return { response: {}, output: { $metadata: {}, BackupDetails } } as never;
    },
    { step: 'initialize' },
  );
  return client;
}
