import * as z from 'zod';
import * as accounts from './schemas/accounts.ts';
import * as controls from './schemas/controls.ts';
import * as imports from './schemas/imports.ts';
import type { ProblemKind } from './schemas/problems.ts';
import * as rateCards from './schemas/rate-cards.ts';
import * as reconciliations from './schemas/reconciliations.ts';
import * as transfers from './schemas/transfers.ts';
import * as usage from './schemas/usage.ts';
import type { Scope } from './scopes.ts';

/** One thing that callers can do. Router, deployed routes, OpenAPI document and typed client all derive from these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** As API Gateway writes it, with parameters in braces. */
  readonly path: `/v1/${string}`;
  /** The function that serves it: its path under functions/. */
  readonly function: 'api/ledger' | 'api/usage' | 'api/operations';
  /** What the caller's key must carry; null for what anybody may read. */
  readonly scope: Scope | null;
  readonly summary: string;
  /** True where a key that is bound to one account may call; everything else is for keys that see all. */
  readonly boundKeys?: true;
  readonly body?: z.ZodType;
  /** Success answers by status. */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** Problems beyond those that any route can answer with. */
  readonly problems: readonly ProblemKind[];
}

const refusals = [
  'insufficient-funds',
  'account-frozen',
  'account-closed',
  'before-opening',
  'account-unknown',
  'ledger-paused',
  'conflict',
  'unavailable',
] as const satisfies readonly ProblemKind[];

/** Every operation by its id. */
export const operations = {
  openAccount: {
    method: 'POST',
    path: '/v1/accounts',
    function: 'api/ledger',
    scope: 'ledger:write',
    summary: 'Open an account',
    body: accounts.accountOpening,
    answers: { 201: accounts.account, 200: accounts.account },
    problems: ['conflict', 'unavailable'],
  },
  getAccount: {
    method: 'GET',
    path: '/v1/accounts/{accountId}',
    function: 'api/ledger',
    scope: 'ledger:read',
    summary: 'Read an account and its strict balance',
    boundKeys: true,
    answers: { 200: accounts.account },
    problems: ['account-unknown'],
  },
  postCharge: {
    method: 'POST',
    path: '/v1/charges',
    function: 'api/ledger',
    scope: 'ledger:write',
    summary: 'Charge an account for usage by the rate card, exactly once per id',
    boundKeys: true,
    body: transfers.chargeRequest,
    answers: { 201: transfers.transfer, 200: transfers.transfer },
    problems: ['unpriced', ...refusals],
  },
  postTransfer: {
    method: 'POST',
    path: '/v1/transfers',
    function: 'api/ledger',
    scope: 'ledger:write',
    summary: 'Move an amount between two accounts, exactly once per id',
    body: transfers.transferRequest,
    answers: { 201: transfers.transfer, 200: transfers.transfer },
    problems: [...refusals],
  },
  getTransfer: {
    method: 'GET',
    path: '/v1/transfers/{transferId}',
    function: 'api/ledger',
    scope: 'ledger:read',
    summary: 'Read a transfer',
    boundKeys: true,
    answers: { 200: transfers.transfer },
    problems: ['not-found'],
  },
  recordUsage: {
    method: 'POST',
    path: '/v1/usage',
    function: 'api/usage',
    scope: 'usage:write',
    summary: 'Record evidence of use: one event or a batch, plain JSON or CloudEvents',
    boundKeys: true,
    body: z.union([usage.usageEvent, usage.usageBatch, usage.cloudEvent, z.array(usage.cloudEvent)]),
    answers: { 201: usage.usageAnswer, 200: usage.usageAnswer.or(usage.usageBatchAnswer) },
    problems: ['account-unknown', 'unsupported-media-type', 'unavailable'],
  },
  createImport: {
    method: 'POST',
    path: '/v1/imports',
    function: 'api/operations',
    scope: 'usage:write',
    summary: 'Announce a usage file and get the link to upload it to',
    body: imports.importRequest,
    answers: { 201: imports.usageImport, 200: imports.usageImport },
    problems: ['conflict'],
  },
  getImport: {
    method: 'GET',
    path: '/v1/imports/{importId}',
    function: 'api/operations',
    scope: 'usage:write',
    summary: 'Follow an import',
    answers: { 200: imports.usageImport },
    problems: ['not-found'],
  },
  listRateCards: {
    method: 'GET',
    path: '/v1/rate-cards',
    function: 'api/operations',
    scope: 'ledger:read',
    summary: 'List the versions of all rate cards',
    boundKeys: true,
    answers: { 200: rateCards.rateCardList },
    problems: [],
  },
  publishRateCard: {
    method: 'PUT',
    path: '/v1/rate-cards',
    function: 'api/operations',
    scope: 'admin',
    summary: 'Publish a version of a rate card; a published version never changes',
    body: rateCards.rateCardRequest,
    answers: { 201: rateCards.rateCard, 200: rateCards.rateCard },
    problems: ['conflict'],
  },
  getLedgerControl: {
    method: 'GET',
    path: '/v1/controls/ledger',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Read whether the ledger is paused',
    answers: { 200: controls.ledgerControl },
    problems: [],
  },
  setLedgerControl: {
    method: 'PUT',
    path: '/v1/controls/ledger',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Pause all new transfers, or let them go on; takes effect everywhere within 15 seconds',
    body: controls.ledgerControlRequest,
    answers: { 200: controls.ledgerControl },
    problems: [],
  },
  startReconciliation: {
    method: 'POST',
    path: '/v1/reconciliations',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Compare usage with ledger, and balances with transfers, over a period',
    body: reconciliations.reconciliationRequest,
    answers: { 202: reconciliations.reconciliation, 200: reconciliations.reconciliation },
    problems: ['conflict'],
  },
  listReconciliations: {
    method: 'GET',
    path: '/v1/reconciliations',
    function: 'api/operations',
    scope: 'operations',
    summary: 'List the latest reconciliation runs',
    answers: { 200: reconciliations.reconciliationList },
    problems: [],
  },
  getReconciliation: {
    method: 'GET',
    path: '/v1/reconciliations/{runId}',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Follow a reconciliation run and fetch its artifacts',
    answers: { 200: reconciliations.reconciliation },
    problems: ['not-found'],
  },
  getOpenApi: {
    method: 'GET',
    path: '/v1/openapi.json',
    function: 'api/operations',
    scope: null,
    summary: 'This document',
    answers: {},
    problems: [],
  },
} as const satisfies Record<string, Route>;

export type OperationId = keyof typeof operations;

export const routes: readonly (Route & { readonly id: OperationId })[] = Object.entries(operations).map(
  ([id, route]) => ({ ...route, id: id as OperationId }),
);
