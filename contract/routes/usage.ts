import * as z from 'zod';
import * as imports from '../schemas/imports.ts';
import * as usage from '../schemas/usage.ts';
import type { Route } from './route.ts';

/** Evidence of use: one by one, in batches, and as files. */
export const usageRoutes = {
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
} as const satisfies Record<string, Route>;
