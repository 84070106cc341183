import * as batches from '../schemas/batches.ts';
import type { Route } from './route.ts';

/** Charges and transfers, many at a time: answered at once, or worked through in the background. */
export const batchesRoutes = {
  postBatch: {
    method: 'POST',
    path: '/v1/batches',
    function: 'api/ledger',
    scope: 'ledger:write',
    summary: 'Post up to 100 charges and transfers, each exactly once per id, with an answer per element',
    body: batches.batchRequest,
    answers: { 200: batches.batchAnswer },
    problems: ['unavailable'],
  },
  postBulk: {
    method: 'POST',
    path: '/v1/bulk',
    function: 'api/operations',
    scope: 'ledger:write',
    summary: 'Hand in up to 1,000 charges and transfers to be posted in the background, exactly once per id',
    body: batches.bulkRequest,
    answers: { 202: batches.bulk, 200: batches.bulk },
    problems: ['conflict', 'unavailable'],
  },
  getBulk: {
    method: 'GET',
    path: '/v1/bulk/{bulkId}',
    function: 'api/operations',
    scope: 'ledger:read',
    summary: 'Follow a bulk, and read the results of its elements',
    query: batches.bulkQuery,
    answers: { 200: batches.bulkWithResults },
    problems: ['not-found', 'unavailable'],
  },
} as const satisfies Record<string, Route>;
