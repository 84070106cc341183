import { randomUUID } from 'node:crypto';
import { type DynamoDBClient, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { chart } from '../../config/chart.ts';
import type { ApprovalPolicy } from '../../domain/approvals.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { FindingLine } from '../../domain/reconciliation/findings.ts';
import type { RepairKind } from '../../domain/repairs/decisions.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { applyRepair, planRepair, type RepairDeps, rollBackRepair } from '../../functions/api/repairs.ts';
import type { Answer } from '../../functions/runtime/answers.ts';
import type { ApiEvent } from '../../functions/runtime/requests.ts';
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
import { arnOf, type Machines } from './machines.ts';
import { rememberFiles, rememberTables } from './remembered.ts';
import { startRepairMachines } from './repair-machines.ts';

export const DAY = '2026-11-19';
export const STRICT = 'customer:acme';
export const DERIVED = 'postpaid:acme';

/** One person may do it all alone. */
const FREE_HAND: ApprovalPolicy = { lifetimeHours: 72, thresholds: { TOKEN: 10n ** 20n, 'USD/6': 10n ** 20n } };

/** Both books, broken on one day in every way that repairs answer, and both real state machines with their functions. */
export interface RepairWorld {
  readonly tables: TestBooks;
  readonly artifacts: TestArtifacts;
  readonly deps: RepairDeps;
  readonly ledger: LedgerStore;
  /** Both state machines; the steps of the repair may be broken off. */
  readonly machines: Machines;
  /** Milliseconds that are added to the time. */
  later: number;
  policy: ApprovalPolicy;
  used(account: string, requestId: string, units: bigint, at?: string): Promise<void>;
  charged(account: string, requestId: string, amount: bigint, fields?: Partial<Transfer>): Promise<void>;
  drift(account: string, by: bigint): Promise<void>;
  /** Breaks the day in every way. */
  breakEverything(): Promise<void>;
  /** @param of left out, the two accounts that have anything are compared: most slices of all of them are empty. */
  reconcile(runId: string, of?: 'all'): Promise<FindingLine[]>;
  plan(id: string, runId: string, kinds: readonly RepairKind[], decisions?: Record<string, string>): Promise<Repair>;
  /** Has a second person approve the plan. */
  approve(id: string): Promise<void>;
  apply(id: string): Promise<Repair>;
  askToApply(id: string, hash?: string, takeOver?: true): Promise<Answer>;
  rollBack(id: string, of: string): Promise<Repair>;
  repair(id: string): Promise<Repair>;
  file(id: string, name: string): Promise<string>;
  /** Remembers everything as it is now; what it gives brings that back, at the same time of day, with nothing running. */
  remember(): Promise<() => Promise<void>>;
  /** All transfers in order of ids, without when they were recorded. */
  transfers(): Promise<Omit<Transfer, 'recordedAt' | 'repair'>[]>;
  stop(): Promise<void>;
}

/** @param given a bucket that outlives the world; left out, it has one of its own. */
export async function startRepairWorld(given?: TestArtifacts): Promise<RepairWorld> {
  const [tables, artifacts] = await Promise.all([startBooks({ withStreams: true }), given ?? startArtifacts()]);
  const ledger: LedgerStore = { ...tables, clock: systemClock, newId: randomUUID, listed: new Set() };
  let ticks = 0;
  /** Every look at the time is a millisecond later. */
  const now = () => new Date(Date.parse('2026-11-20T08:00:00.000Z') + world.later + ticks++).toISOString();
  const { machines, deps } = startRepairMachines({ tables, artifacts, ledger, now, policy: () => world.policy });

  const request = (by: string, params: Record<string, string>) => ({
    ...{ query: undefined, params, event: {} as ApiEvent },
    caller: { keyId: by, scopes: ['operations'] },
  });

  const world: RepairWorld = {
    tables,
    artifacts,
    deps,
    ledger,
    machines,
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
    async reconcile(runId, of) {
      const scope = { startDate: DAY, endDate: DAY, ...(of !== 'all' && { accounts: [STRICT, DERIVED] }) };
      const run = { id: runId, trigger: 'request', ...scope, requestedAt: now() } as const;
      await createRun(tables, run);
      const { id: _id, ...input } = { ...run, runId };
      await machines.workflows.send(
        new StartExecutionCommand({ stateMachineArn: arnOf('reconcile'), name: runId, input: JSON.stringify(input) }),
      );
      await machines.settled();
      const ended = await getRun(tables, runId);
      if (ended?.status !== 'succeeded') throw new Error(`The run failed: ${JSON.stringify(ended?.error)}`);
      const lines = (await getText(artifacts, runKey(runId, 'findings.ndjson')))
        .split('\n')
        .filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as FindingLine);
    },
    async plan(id, runId, kinds, decisions) {
      const body = { id, runId, kinds: [...kinds], ...(decisions && { decisions }) };
      const answer = await planRepair(deps, { ...request('asker', {}), body });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      await machines.settled();
      return this.repair(id);
    },
    async askToApply(id, hash, takeOver) {
      const body = { hash: hash ?? (await this.repair(id)).plan?.hash ?? '', ...(takeOver && { takeOver }) };
      return applyRepair(deps, { ...request('asker', { repairId: id }), body });
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
      await machines.settled();
      return this.repair(id);
    },
    async rollBack(id, of) {
      const answer = await rollBackRepair(deps, { ...request('asker', { repairId: of }), body: { id } });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      await machines.settled();
      return this.repair(id);
    },
    async repair(id) {
      const repair = await getRepair(tables, id);
      if (repair === undefined) throw new Error(`There is no repair ${id}.`);
      return repair;
    },
    file: (id, name) => getText(artifacts, repairKey(id, name)),
    async remember() {
      const [restoreTables, restoreFiles] = await Promise.all([rememberTables(tables), rememberFiles(artifacts)]);
      const then = ticks;
      const { later, policy } = world;
      return async () => {
        await machines.reset();
        await Promise.all([restoreTables(), restoreFiles()]);
        ledger.listed.clear();
        ticks = then;
        Object.assign(world, { later, policy });
        machines.breakOff = async () => {};
      };
    },
    transfers: () => transfersOf(tables.client, tables.ledgerTable),
    async stop() {
      await machines.stop();
      await Promise.all([tables.stop(), given === undefined && artifacts.stop()]);
    },
  };

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
