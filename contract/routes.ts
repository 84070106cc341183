import { approvalsRoutes } from './routes/approvals.ts';
import { auditRoutes } from './routes/audit.ts';
import { batchesRoutes } from './routes/batches.ts';
import { grantsRoutes } from './routes/grants.ts';
import { holdsRoutes } from './routes/holds.ts';
import { invoicesRoutes } from './routes/invoices.ts';
import { keysRoutes } from './routes/keys.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { operationsRoutes } from './routes/operations.ts';
import { rateCardsRoutes } from './routes/rate-cards.ts';
import { repairsRoutes } from './routes/repairs.ts';
import type { Route } from './routes/route.ts';
import { sealsRoutes } from './routes/seals.ts';
import { usageRoutes } from './routes/usage.ts';

/**
 * Every operation by its id: the one table from which router, deployed routes, OpenAPI document and typed client derive.
 */
export const operations = {
  ...ledgerRoutes,
  ...batchesRoutes,
  ...grantsRoutes,
  ...holdsRoutes,
  ...usageRoutes,
  ...rateCardsRoutes,
  ...keysRoutes,
  ...approvalsRoutes,
  ...auditRoutes,
  ...sealsRoutes,
  ...repairsRoutes,
  ...invoicesRoutes,
  ...operationsRoutes,
} as const satisfies Record<string, Route>;

export type OperationId = keyof typeof operations;

export const routes: readonly (Route & { readonly id: OperationId })[] = Object.entries(operations).map(
  ([id, route]) => ({ ...route, id: id as OperationId }),
);
