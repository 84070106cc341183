import * as seals from '../schemas/seals.ts';
import type { Route } from './route.ts';

/** Seals of the ledger. */
export const sealsRoutes = {
  listSeals: {
    method: 'GET',
    path: '/v1/seals',
    function: 'api/operations',
    scope: 'operations',
    summary: 'List seals of the ledger, newest first',
    query: seals.sealListQuery,
    answers: { 200: seals.sealList },
    problems: ['unavailable'],
  },
  startSeal: {
    method: 'POST',
    path: '/v1/seals',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Seal days of the ledger now, or seal them anew; days that differ from their seal keep the one they have',
    body: seals.sealRequest,
    answers: { 202: seals.sealing, 200: seals.sealing },
    problems: ['conflict', 'unavailable'],
  },
  getSeal: {
    method: 'GET',
    path: '/v1/seals/{sealId}',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Follow the making of a seal, and see what was found changed by it',
    answers: { 200: seals.sealing },
    problems: ['not-found', 'unavailable'],
  },
  startSealVerification: {
    method: 'POST',
    path: '/v1/seals/verifications',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Find out what was edited, removed or inserted in the ledger, or cut from its seals, since it was sealed',
    body: seals.sealVerificationRequest,
    answers: { 202: seals.sealVerification, 200: seals.sealVerification },
    problems: ['conflict', 'unavailable'],
  },
  getSealVerification: {
    method: 'GET',
    path: '/v1/seals/verifications/{verificationId}',
    function: 'api/operations',
    scope: 'operations',
    summary: 'Follow a verification of seals and fetch its artifacts',
    answers: { 200: seals.sealVerification },
    problems: ['not-found', 'unavailable'],
  },
} as const satisfies Record<string, Route>;
