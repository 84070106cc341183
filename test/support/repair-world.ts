import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DynamoDBClient, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { chart } from '../../config/chart.ts';
import type { ApprovalPolicy } from '../../domain/approvals.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { RateCard } from '../../domain/rating.ts';
import type { FindingLine } from '../../domain/reconciliation/findings.ts';
import type { RepairKind } from '../../domain/repairs/decisions.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { applyRepair, planRepair, type RepairDeps, rollBackRepair } from '../../functions/api/repairs.ts';
import type { Answer } from '../../functions/runtime/answers.ts';
import type { ApiEvent } from '../../functions/runtime/requests.ts';
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
import { type Clock, systemClock as realClock } from '../../local/states/clock.ts';
import { createStatesEngine } from '../../local/states/engine.ts';
import type { ServiceCall } from '../../local/states/runtime.ts';
import { openAccount } from '../../store/accounts.ts';
import { decideApproval } from '../../store/approvals.ts';
import { getText, repairKey, runKey } from '../../store/artifacts.ts';
import { toItem } from '../../store/items.ts';
import { postTransfer, transferFromItem } from '../../store/ledger.ts';
import type { LedgerStore } from '../../store/posting.ts';
import { getRepair, type Repair } from '../../store/repairs.ts';
import { systemClock } from '../../store/retry.ts';
import { createRun, getRun } from '../../store/runs.ts';
import { accountKey } from '../../store/tables.ts';
import { recordEvidence } from '../../store/usage.ts';
import { startArtifacts, type TestArtifacts } from './artifacts-bucket.ts';
import { startBooks, type TestBooks } from './books.ts';

export const DAY = '2026-11-19';
export const STRICT = 'customer:acme';
export const DERIVED = 'postpaid:acme';

const MACHINES = {
  reconcile: 'arn:aws:states:us-east-1:000000000000:stateMachine:reconcile',
  repair: 'arn:aws:states:us-east-1:000000000000:stateMachine:repair',
} as const;

export const CARDS: readonly RateCard[] = ['standard', 'postpaid'].map((name) => ({
  name,
  effectiveFrom: '2026-01-01T00:00:00.000Z',
  asset: name === 'standard' ? 'TOKEN' : 'USD/6',
  revenueAccount: name === 'standard' ? 'platform:revenue' : 'platform:usage:revenue',
  operations: { chat: { prices: { units: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
}));

/** One person may do it all alone. */
const FREE_HAND: ApprovalPolicy = { lifetimeHours: 72, thresholds: { TOKEN: 10n ** 20n, 'USD/6': 10n ** 20n } };

/** Waits of up to half a minute are over at once; what is longer is a timeout, and real. */
const IMPATIENT: Clock = {
  now: realClock.now,
  sleep: (milliseconds, signal) => realClock.sleep(milliseconds <= 30_000 ? 0 : milliseconds, signal),
};

export type When = 'before' | 'after';

/** Both books, broken on one day in every way that repairs answer, and both real state machines with their functions. */
export interface RepairWorld {
  readonly tables: TestBooks;
  readonly artifacts: TestArtifacts;
  readonly deps: RepairDeps;
  readonly ledger: LedgerStore;
  /** Called before and after each call of a function by a state machine; what it throws fails the call. */
  breakOff: (step: string, when: When) => Promise<void>;
  /** Runs a function for a state machine; what it does belongs to the step. */
  around: (step: string, run: () => Promise<unknown>) => Promise<unknown>;
  /** Milliseconds that are added to the time. */
  later: number;
  policy: ApprovalPolicy;
  used(account: string, requestId: string, units: bigint, at?: string): Promise<void>;
  charged(account: string, requestId: string, amount: bigint, fields?: Partial<Transfer>): Promise<void>;
  drift(account: string, by: bigint): Promise<void>;
  /** Breaks the day in every way. */
  breakEverything(): Promise<void>;
  reconcile(runId: string): Promise<FindingLine[]>;
  plan(id: string, runId: string, kinds: readonly RepairKind[], decisions?: Record<string, string>): Promise<Repair>;
  /** Has a second person approve the plan. */
  approve(id: string): Promise<void>;
  apply(id: string): Promise<Repair>;
  askToApply(id: string, hash?: string, takeOver?: true): Promise<Answer>;
  rollBack(id: string, of: string): Promise<Repair>;
  /** Waits until every execution has ended. */
  settled(): Promise<void>;
  stopRunning(): Promise<string>;
  redrive(executionArn: string): Promise<void>;
  repair(id: string): Promise<Repair>;
  file(id: string, name: string): Promise<string>;
  /** All transfers in order of ids, without when they were recorded. */
  transfers(): Promise<Omit<Transfer, 'recordedAt' | 'repair'>[]>;
  stop(): Promise<void>;
}

/** @param given a bucket that outlives the world; left out, it has one of its own. */
export async function startRepairWorld(given?: TestArtifacts): Promise<RepairWorld> {
  const [tables, artifacts] = await Promise.all([startBooks({ withStreams: true }), given ?? startArtifacts()]);
  const ledger: LedgerStore = { ...tables, clock: systemClock, newId: randomUUID, listed: new Set() };
  const executions = new Set<string>();
  let ticks = 0;
  /** Every look at the time is a millisecond later. */
  const now = () => new Date(Date.parse('2026-11-20T08:00:00.000Z') + world.later + ticks++).toISOString();
  const engine = createStatesEngine({
    place: { accountId: '000000000000', region: 'us-east-1' },
    clock: IMPATIENT,
    random: () => 0,
    callService,
  });
  for (const name of ['reconcile', 'repair'] as const) {
    engine.register({ name, arn: MACHINES[name], roleArn: 'role', definition: definition(name) });
  }
  const workflows = new SFNClient({ region: 'us-east-1' });
  workflows.middlewareStack.add(
    () => async (args) => {
      const started = engine.handle('StartExecution', args.input) as Promise<{ executionArn: string }>;
      const output = await started.catch((error: Error) => {
        if (error.name !== 'ExecutionAlreadyExists') throw error;
        throw new ExecutionAlreadyExists({ message: error.message, $metadata: {} });
      });
      executions.add(output.executionArn);
      return { response: {}, output: { $metadata: {}, ...output } } as never;
    },
    { step: 'initialize' },
  );
  // Backups are the endpoint's, which these tables are used without.
  const backups = new DynamoDBClient({ region: 'us-east-1' });
  let backupCount = 0;
  backups.middlewareStack.add(
    () => async () => {
      backupCount += 1;
      const BackupDetails = { BackupArn: `arn:aws:dynamodb:us-east-1:0:table/ledger/backup/${backupCount}` };
      return { response: {}, output: { $metadata: {}, BackupDetails } } as never;
    },
    { step: 'initialize' },
  );
  const shared = {
    ...{ books: tables, runs: tables, repairs: tables, artifacts, chart, now, ledger, workflows, client: backups },
    ...{ ledgerTable: tables.ledgerTable, reconcileArn: MACHINES.reconcile, repairArn: MACHINES.repair },
    readRateCards: async () => CARDS,
    newId: randomUUID,
    wait: async () => {},
    sweptUntil: async () => undefined,
    clock: { ...systemClock, sleep: async () => {} },
  };

  async function callService({ service, input }: ServiceCall): Promise<unknown> {
    if (service === 's3') return { Body: await getText(artifacts, String(input.Key)) };
    if (service !== 'lambda') return {};
    const part = input.Payload as { readonly do?: string };
    const step = String(input.FunctionName);
    const name = step === 'part' ? String(part.do) : step;
    try {
      await world.breakOff(name, 'before');
      const answer = await world.around(name, () => invoke(step, input.Payload));
      await world.breakOff(name, 'after');
      return { StatusCode: 200, Payload: JSON.stringify(answer ?? null) };
    } catch (error) {
      const { name, message } = error as Error;
      return {
        StatusCode: 200,
        FunctionError: 'Unhandled',
        Payload: JSON.stringify({ errorType: name, errorMessage: message }),
      };
    }
  }

  function invoke(step: string, payload: unknown): Promise<unknown> {
    const handlers: Record<string, (event: never) => Promise<unknown>> = {
      'reconcile-plan': makePlan(shared),
      'reconcile-slice': makeSlice(shared),
      'reconcile-summarise': makeSummarise(shared),
      'reconcile-fail': makeFail(shared),
      plan: makePlanRepair({ ...shared, policy: world.policy }),
      take: makeTake(shared),
      part: makePart(shared),
      backup: makeBackup(shared),
      verify: makeVerify(shared),
      finish: makeFinish(shared),
      fail: makeFailRepair(shared),
    };
    const handler = handlers[step];
    if (handler === undefined) throw new Error(`There is no function ${step}.`);
    // As it would arrive: by way of JSON.
    return handler(JSON.parse(JSON.stringify(payload)) as never);
  }

  const request = (by: string, params: Record<string, string>) => ({
    ...{ query: undefined, params, event: {} as ApiEvent },
    caller: { keyId: by, scopes: ['operations'] },
  });

  const world: RepairWorld = {
    tables,
    artifacts,
    deps: shared,
    ledger,
    breakOff: async () => {},
    around: (_step, run) => run(),
    later: 0,
    policy: FREE_HAND,
    async used(account, requestId, units, at = momentOf(requestId)) {
      const event = { requestId, account, operation: 'chat', quantities: { units }, occurredAt: at };
      const store = { ...tables, clock: systemClock, seenAccounts: new Set<string>() };
      await recordEvidence(store, event, entryOf(account), at);
    },
    async charged(account, requestId, amount, fields = {}) {
      const isStrict = account === STRICT;
      const transfer: Transfer = {
        ...{
          id: requestId,
          kind: 'charge',
          debit: account,
          credit: isStrict ? 'platform:revenue' : 'platform:usage:revenue',
        },
        ...{ asset: isStrict ? 'TOKEN' : 'USD/6', amount, effectiveAt: momentOf(requestId), recordedAt: now() },
        ...{ requestId, operation: 'chat', rateCard: `${isStrict ? 'standard' : 'postpaid'}@2026-01-01T00:00:00.000Z` },
        ...fields,
      };
      const [debitEntry, creditEntry] = [entryOf(transfer.debit), entryOf(transfer.credit)];
      const result = await postTransfer(ledger, { transfer, claims: {}, debitEntry, creditEntry });
      if (result.kind !== 'created') throw new Error(`${transfer.id} was not posted: ${result.kind}.`);
    },
    async drift(account, by) {
      const command = new UpdateItemCommand({
        TableName: tables.ledgerTable,
        Key: toItem({ pk: accountKey(account) }),
        UpdateExpression: 'SET debits = debits + :by, available = available - :by',
        ExpressionAttributeValues: toItem({ ':by': by }),
      });
      await tables.client.send(command);
    },
    async breakEverything() {
      await this.used(DERIVED, 'agrees', 5n);
      await this.charged(DERIVED, 'agrees', 5n);
      await this.used(DERIVED, 'missing', 7n);
      await this.used(STRICT, 'missing-strict', 8n);
      await this.used(STRICT, 'twice', 3n);
      await this.charged(STRICT, 'twice', 3n);
      await this.charged(STRICT, 'twice', 3n, { id: 'twice-again' });
      await this.used(STRICT, 'too-much', 4n);
      await this.charged(STRICT, 'too-much', 9n);
      await this.used(DERIVED, 'too-little', 9n);
      await this.charged(DERIVED, 'too-little', 2n);
      await this.used(DERIVED, 'late', 6n);
      await this.charged(DERIVED, 'late', 6n, { effectiveAt: `${DAY}T23:00:00.000Z` });
      await this.charged(DERIVED, 'unexpected', 11n);
      await this.used(DERIVED, 'conflict', 2n);
      await this.used(DERIVED, 'conflict', 5n);
      await this.drift(STRICT, 13n);
    },
    async reconcile(runId) {
      const run = { id: runId, trigger: 'request', startDate: DAY, endDate: DAY, requestedAt: now() } as const;
      await createRun(tables, run);
      const { id: _id, ...input } = { ...run, runId };
      await shared.workflows.send(
        new StartExecutionCommand({ stateMachineArn: MACHINES.reconcile, name: runId, input: JSON.stringify(input) }),
      );
      await this.settled();
      const ended = await getRun(tables, runId);
      if (ended?.status !== 'succeeded') throw new Error(`The run failed: ${JSON.stringify(ended?.error)}`);
      const lines = (await getText(artifacts, runKey(runId, 'findings.ndjson')))
        .split('\n')
        .filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as FindingLine);
    },
    async plan(id, runId, kinds, decisions) {
      const body = { id, runId, kinds: [...kinds], ...(decisions && { decisions }) };
      const answer = await planRepair(shared, { ...request('asker', {}), body });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      await this.settled();
      return this.repair(id);
    },
    async askToApply(id, hash, takeOver) {
      const body = { hash: hash ?? (await this.repair(id)).plan?.hash ?? '', ...(takeOver && { takeOver }) };
      return applyRepair(shared, { ...request('asker', { repairId: id }), body });
    },
    async approve(id) {
      const { approval = '', plan } = await this.repair(id);
      const decision = { verdict: 'approved', hash: plan?.hash, by: 'second', at: now() } as const;
      const result = await decideApproval(tables, approval, decision, async () => false);
      if (result.kind !== 'changed') throw new Error(`It was not approved: ${result.kind}.`);
    },
    async apply(id) {
      const answer = await this.askToApply(id);
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      await this.settled();
      return this.repair(id);
    },
    async rollBack(id, of) {
      const answer = await rollBackRepair(shared, { ...request('asker', { repairId: of }), body: { id } });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      await this.settled();
      return this.repair(id);
    },
    async settled() {
      for (const executionArn of executions) {
        while ((await describe(executionArn)) === 'RUNNING') await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async stopRunning() {
      for (const executionArn of executions) {
        if (executionArn.includes(':repair:') && (await describe(executionArn)) === 'RUNNING') {
          await engine.handle('StopExecution', { executionArn });
          return executionArn;
        }
      }
      throw new Error('No repair is running.');
    },
    async redrive(executionArn) {
      await engine.handle('RedriveExecution', { executionArn });
      await this.settled();
    },
    async repair(id) {
      const repair = await getRepair(tables, id);
      if (repair === undefined) throw new Error(`There is no repair ${id}.`);
      return repair;
    },
    file: (id, name) => getText(artifacts, repairKey(id, name)),
    transfers: () => transfersOf(tables.client, tables.ledgerTable),
    async stop() {
      await engine.stop();
      await Promise.all([tables.stop(), given === undefined && artifacts.stop()]);
    },
  };

  async function describe(executionArn: string): Promise<string> {
    return ((await engine.handle('DescribeExecution', { executionArn })) as { status: string }).status;
  }

  const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
  const account = { id: STRICT, asset: 'TOKEN', status: 'open', openedOn: '2026-11-01', createdAt: now() } as const;
  await openAccount(tables, { ...account, creditLimit: 0n, balance: 'strict', figures }, {});
  const top = {
    id: 'top-up',
    kind: 'transfer',
    debit: 'platform:float',
    credit: STRICT,
    asset: 'TOKEN',
    amount: 1_000n,
  } as const;
  const at = '2026-11-01T00:00:00.000Z';
  const entries = { debitEntry: entryOf(top.debit), creditEntry: entryOf(top.credit) };
  await postTransfer(ledger, { transfer: { ...top, effectiveAt: at, recordedAt: at }, claims: {}, ...entries });
  return world;
}

function definition(name: keyof typeof MACHINES): string {
  const prefix = name === 'reconcile' ? 'reconcile-' : '';
  return readFileSync(`statemachines/${name}.asl.json`, 'utf8')
    .replaceAll(/\$\{(\w+)FunctionArn\}/g, (_, part: string) => `${prefix}${part.toLowerCase()}`)
    .replaceAll(`\${ArtifactsBucket}`, 'artifacts');
}

async function transfersOf(client: DynamoDBClient, table: string): Promise<Omit<Transfer, 'recordedAt' | 'repair'>[]> {
  const { Items: items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
  const transfers = items.filter(({ pk }) => pk?.S?.startsWith('transfer#')).map(transferFromItem);
  return transfers
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ recordedAt: _recordedAt, repair: _repair, ...transfer }) => transfer);
}

/** A moment of the day that follows from the request. */
function momentOf(requestId: string): string {
  const minute = [...requestId].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 600, 7);
  return new Date(Date.parse(`${DAY}T08:00:00.000Z`) + minute * 60_000).toISOString();
}

function entryOf(account: string) {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart has no entry for ${account}.`);
  return entry;
}
