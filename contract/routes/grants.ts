import * as grants from '../schemas/grants.ts';
import * as transfers from '../schemas/transfers.ts';
import type { Route } from './route.ts';

/** Credits that are burned in an order and may expire. */
export const grantsRoutes = {
  postGrant: {
    method: 'POST',
    path: '/v1/grants',
    function: 'api/ledger',
    scope: 'ledger:write',
    summary: 'Grant an amount that is burned before paid money and may expire, exactly once per id',
    body: grants.grantRequest,
    answers: { 201: transfers.transfer, 200: transfers.transfer },
    problems: [
      'derived-balance',
      'conflict',
      'ledger-paused',
      'insufficient-funds',
      'account-frozen',
      'account-closed',
      'too-many-grants',
      'account-unknown',
      'unavailable',
    ],
  },
  getGrants: {
    method: 'GET',
    path: '/v1/accounts/{accountId}/grants',
    function: 'api/ledger',
    scope: 'ledger:read',
    summary:
      'List what is left of the grants of an account in the order in which they are burned, and what is paid money',
    boundKeys: true,
    answers: { 200: grants.grants },
    problems: ['account-unknown', 'derived-balance'],
  },
} as const satisfies Record<string, Route>;
