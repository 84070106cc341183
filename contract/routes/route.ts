import type * as z from 'zod';
import type { Schema } from '../schemas/deferred.ts';
import type { ProblemKind } from '../schemas/problems.ts';
import type { Scope } from '../scopes.ts';

/** One thing that callers can do. Router, deployed routes, OpenAPI document and typed client all derive from these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** As API Gateway writes it, with parameters in braces. */
  readonly path: `/v1/${string}`;
  /** The function that serves it: its path under functions/. */
  readonly function: 'api/ledger' | 'api/usage' | 'api/operations' | 'api/billing';
  /** What the caller's key must carry; null for what anybody may read. */
  readonly scope: Scope | null;
  readonly summary: string;
  /** True where a key that is bound to one account may call; everything else is for keys that see all. */
  readonly boundKeys?: true;
  /** Like all schemas here built, or deferred, where the start of the function that serves it counts. */
  readonly body?: Schema;
  /** What may stand behind the question mark; where it is left out, nothing there is read. */
  readonly query?: Schema<z.ZodObject>;
  /** Success answers by status. */
  readonly answers: Readonly<Record<number, Schema>>;
  /** Problems beyond those that any route can answer with. */
  readonly problems: readonly ProblemKind[];
}
