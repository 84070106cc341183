import * as audit from '../schemas/audit.ts';
import type { Route } from './route.ts';

/** The audit chain. */
export const auditRoutes = {
  listAudit: {
    method: 'GET',
    path: '/v1/audit',
    function: 'api/operations',
    scope: 'operations',
    summary: 'List who did what and when, as links of a hash chain',
    query: audit.auditQuery,
    answers: { 200: audit.auditPage },
    problems: ['unavailable'],
  },
  listAuditAnchors: {
    method: 'GET',
    path: '/v1/audit/anchors',
    function: 'api/operations',
    scope: 'operations',
    summary: 'List the daily heads of the audit chain that are kept where nobody can rewrite them',
    query: audit.anchorsQuery,
    answers: { 200: audit.auditAnchors },
    problems: ['unavailable'],
  },
} as const satisfies Record<string, Route>;
