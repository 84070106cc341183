import * as approvals from '../schemas/approvals.ts';
import type { ProblemKind } from '../schemas/problems.ts';
import type { Route } from './route.ts';

/** Why a decision is not taken. */
const refusals = [
  'not-found',
  'own-request',
  'hash-differs',
  'approval-used',
  'approval-decided',
  'approval-expired',
  'unavailable',
] as const satisfies readonly ProblemKind[];

/** A second person's consent. It is asked for by the operations that need it. */
export const approvalsRoutes = {
  listApprovals: {
    method: 'GET',
    path: '/v1/approvals',
    function: 'api/operations',
    scope: 'operations',
    summary: 'List what a second person is asked to approve, and what was decided',
    query: approvals.approvalsQuery,
    answers: { 200: approvals.approvalList },
    problems: ['unavailable'],
  },
  getApproval: {
    method: 'GET',
    path: '/v1/approvals/{approvalId}',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Read exactly what is to be approved, and its hash',
    answers: { 200: approvals.approval },
    problems: ['not-found', 'unavailable'],
  },
  approve: {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/approve',
    function: 'api/operations',
    scope: 'approve',
    summary: 'Consent as a second person to exactly what was shown; never for whoever asked',
    body: approvals.approveRequest,
    answers: { 200: approvals.approval },
    problems: refusals,
  },
  reject: {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/reject',
    function: 'api/operations',
    scope: 'approve',
    summary: 'Refuse consent as a second person, for ever; never for whoever asked',
    body: approvals.rejectRequest,
    answers: { 200: approvals.approval },
    problems: refusals,
  },
} as const satisfies Record<string, Route>;
