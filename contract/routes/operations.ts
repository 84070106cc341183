import * as controls from '../schemas/controls.ts';
import * as reconciliations from '../schemas/reconciliations.ts';
import type { Route } from './route.ts';

/** What operators do, and this document. */
export const operationsRoutes = {
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
    query: reconciliations.reconciliationsQuery,
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
