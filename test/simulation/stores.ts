import { LEDGER, OPERATIONS } from './dynamodb/tables.ts';
import type { Instance } from './instances.ts';

/** What stores stand on in an environment of a function. */

export function operationsOf({ client, clock, newId }: Instance) {
  return { client, operationsTable: OPERATIONS, clock, newId };
}

export function storeOf({ client, clock, newId }: Instance) {
  return { client, ledgerTable: LEDGER, clock, newId, listed: new Set<string>(), grants: new Map() };
}
