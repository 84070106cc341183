import { randomUUID } from 'node:crypto';
import { billingPolicy } from '../../config/billing.ts';
import { chart } from '../../config/chart.ts';
import { readNoticeTemplates } from '../../config/notices.ts';
import type { ApprovalPolicy } from '../../domain/approvals.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { NoticeTemplates } from '../../domain/invoices/notice-template.ts';
import type { BillingPolicy } from '../../domain/invoices/policy.ts';
import type { RateCard } from '../../domain/rating.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { makeHandler as makeApi } from '../../functions/api/billing.ts';
import { makeHandler as makeClose } from '../../functions/workflow/close-invoices.ts';
import { makeHandler as makeFail } from '../../functions/workflow/fail-invoices.ts';
import type { BillingDeps } from '../../functions/workflow/invoices/job.ts';
import { makeHandler as makePlan } from '../../functions/workflow/plan-invoices.ts';
import { makeHandler as makeWork } from '../../functions/workflow/work-invoices.ts';
import { openAccount } from '../../store/accounts.ts';
import { decideApproval } from '../../store/approvals.ts';
import { billingRunKey, getText } from '../../store/artifacts.ts';
import { type BillingRun, getBillingRun } from '../../store/billing-runs.ts';
import { postTransfer } from '../../store/ledger.ts';
import type { LedgerStore } from '../../store/posting.ts';
import { systemClock } from '../../store/retry.ts';
import { call, type TestAnswer, type TestCall } from './api.ts';
import { forLinks, startArtifacts, type TestArtifacts } from './artifacts-bucket.ts';
import { startBooks, type TestBooks } from './books.ts';
import { arnOf, type Machines, startMachines, type When } from './machines.ts';
import { rememberFiles, rememberTables } from './remembered.ts';
import { startTopic, type TestTopic } from './topic.ts';

export const MONTH = '2026-10';
/** When everything happens: the month is over. */
export const NOW = '2026-11-03T08:00:00.000Z';

const CARDS: readonly RateCard[] = [
  {
    name: 'standard',
    effectiveFrom: '2026-01-01T00:00:00.000Z',
    asset: 'TOKEN',
    revenueAccount: 'platform:revenue',
    operations: { chat: { prices: { units: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
  },
];

/** The ledger, the invoices, and the real state machine with its functions, reached by the API. */
export interface BillingWorld {
  readonly tables: TestBooks;
  readonly artifacts: TestArtifacts;
  readonly ledger: LedgerStore;
  readonly deps: BillingDeps;
  readonly machines: Machines;
  readonly topic: TestTopic;
  policy: BillingPolicy;
  approvals: ApprovalPolicy;
  rateCards: readonly RateCard[];
  templates: NoticeTemplates;
  now: string;
  /** Called before and after each call of a function by the state machine; what it throws fails the call. */
  breakOff: (step: string, when: When) => Promise<void>;
  send(route: string, request?: TestCall): Promise<TestAnswer>;
  /** Asks for a run and waits for its end. @throws when it was refused. */
  run(body: Readonly<Record<string, unknown>>): Promise<BillingRun>;
  approve(approval: string, hash: string): Promise<void>;
  /** Opens a customer on a day and pays funds in on it. */
  opened(account: string, funds?: bigint, day?: string): Promise<void>;
  /** Posts a charge of an operation; the id is the request's. */
  charged(account: string, id: string, amount: bigint, fields?: Partial<Transfer>): Promise<void>;
  posted(transfer: Omit<Transfer, 'recordedAt' | 'asset' | 'kind'> & Partial<Transfer>): Promise<void>;
  invoice(account: string): Promise<TestAnswer['body']>;
  file(runId: string, name: string): Promise<string>;
  /** Remembers all tables, files and settings; what it gives brings them back, and forgets all executions. */
  remember(): Promise<() => Promise<void>>;
  settled(): Promise<void>;
  stopRunning(): Promise<string>;
  redrive(executionArn: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBillingWorld(): Promise<BillingWorld> {
  const [tables, artifacts, topic] = await Promise.all([startBooks(), startArtifacts(), startTopic()]);
  const ledger: LedgerStore = { ...tables, clock: systemClock, newId: randomUUID, listed: new Set() };
  const deps: BillingDeps = {
    ...{ runs: tables, invoices: tables, ledger, artifacts, chart },
    get policy() {
      return world.policy;
    },
    get approvals() {
      return world.approvals;
    },
    readRateCards: async () => world.rateCards,
    readNoticeTemplates: () => world.templates,
    notifier: () => ({ client: topic.client, topicArn: topic.arn }),
    newId: randomUUID,
    now: () => world.now,
    wait: async () => {},
  };
  const machines = startMachines({
    functions: () => ({
      invoices: { plan: makePlan(deps), work: makeWork(deps), close: makeClose(deps), fail: makeFail(deps) },
    }),
    watched: 'invoices',
    artifacts,
  });
  machines.breakOff = (step, when) => world.breakOff(step, when);
  const api = makeApi({
    ...{ runs: tables, invoices: tables, artifacts: await forLinks(artifacts), chart, workflows: machines.workflows },
    ...{ now: deps.now, newId: randomUUID, invoicesArn: arnOf('invoices') },
  });

  const world: BillingWorld = {
    ...{ tables, artifacts, ledger, deps, machines, topic },
    policy: billingPolicy,
    approvals: { lifetimeHours: 72, thresholds: {} },
    rateCards: CARDS,
    templates: readNoticeTemplates(),
    now: NOW,
    breakOff: async () => {},
    send: (route, request) => call(api, route, request),
    async run(body) {
      const { status, body: answer } = await world.send('POST /v1/billing-runs', { body });
      if (status >= 300) throw new Error(JSON.stringify(answer));
      await world.settled();
      const run = await getBillingRun(tables, String(body.id));
      if (run === undefined) throw new Error(`There is no run ${body.id}.`);
      return run;
    },
    async approve(approval, hash) {
      const decision = { verdict: 'approved', hash, by: 'second', at: world.now } as const;
      const result = await decideApproval(tables, approval, decision, async () => false);
      if (result.kind !== 'changed') throw new Error(`It was not approved: ${result.kind}.`);
    },
    async opened(account, funds = 0n, openedOn = `${MONTH}-01`) {
      const figures = { credits: 0n, debits: 0n, held: 0n, available: 0n };
      const { asset } = entryOf(account);
      const fields = { asset, status: 'open', openedOn, createdAt: NOW, creditLimit: 0n, balance: 'strict' } as const;
      await openAccount(tables, { id: account, ...fields, figures }, {});
      if (funds === 0n) return;
      const effectiveAt = `${openedOn}T00:00:00.000Z`;
      const top = { id: `fund-${account}`, debit: 'platform:funding', credit: account, amount: funds };
      await world.posted({ ...top, effectiveAt, description: 'Top-up' });
    },
    charged: (account, id, amount, fields = {}) =>
      world.posted({
        ...{
          id,
          kind: 'charge',
          debit: account,
          amount,
          requestId: id,
          operation: 'chat',
          quantities: { units: amount },
        },
        credit: account.startsWith('postpaid:') ? 'platform:usage:revenue' : 'platform:revenue',
        effectiveAt: `${MONTH}-15T12:00:00.000Z`,
        ...fields,
      }),
    async posted(fields) {
      const { asset } = entryOf(fields.debit);
      const transfer: Transfer = { kind: 'transfer', asset, recordedAt: world.now, ...fields };
      const entries = { debitEntry: entryOf(transfer.debit), creditEntry: entryOf(transfer.credit) };
      const result = await postTransfer(ledger, { transfer, claims: {}, ...entries });
      if (result.kind !== 'created') throw new Error(`${transfer.id} was not posted: ${result.kind}.`);
    },
    async invoice(account) {
      const request = { params: { invoiceId: `${MONTH}:${account}` } };
      return (await world.send('GET /v1/invoices/{invoiceId}', request)).body;
    },
    file: (runId, name) => getText(artifacts, billingRunKey(runId, name)),
    async remember() {
      const [restoreTables, restoreFiles] = await Promise.all([rememberTables(tables), rememberFiles(artifacts)]);
      const { policy, approvals, rateCards, templates, now } = world;
      return async () => {
        await machines.reset();
        await Promise.all([restoreTables(), restoreFiles()]);
        ledger.listed.clear();
        Object.assign(world, { policy, approvals, rateCards, templates, now, breakOff: async () => {} });
      };
    },
    settled: () => machines.settled(),
    stopRunning: () => machines.stopRunning(),
    redrive: (executionArn) => machines.redrive(executionArn),
    async stop() {
      await machines.stop();
      await Promise.all([tables.stop(), artifacts.stop(), topic.stop()]);
    },
  };
  return world;
}

function entryOf(account: string) {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart has no entry for ${account}.`);
  return entry;
}
