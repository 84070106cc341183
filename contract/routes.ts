import { keysRoutes } from './routes/keys.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { operationsRoutes } from './routes/operations.ts';
import { rateCardsRoutes } from './routes/rate-cards.ts';
import type { Route } from './routes/route.ts';
import { usageRoutes } from './routes/usage.ts';

/**
 * Every operation by its id: the one table from which router, deployed routes, OpenAPI document and typed client derive.
 */
export const operations = {
  ...ledgerRoutes,
  ...usageRoutes,
  ...rateCardsRoutes,
  ...keysRoutes,
  ...operationsRoutes,
} as const satisfies Record<string, Route>;

export type OperationId = keyof typeof operations;

export const routes: readonly (Route & { readonly id: OperationId })[] = Object.entries(operations).map(
  ([id, route]) => ({ ...route, id: id as OperationId }),
);
