import type { Instant } from './time.ts';

/** How much of each dimension was used: `{ input_tokens: 4808n, output_tokens: 10n }`. */
export type Quantities = Readonly<Record<string, bigint>>;

/**
 * A usage event: evidence that something was used. It is kept apart from the ledger and written by other hands, which
 * is what makes comparing the two mean something.
 */
export interface UsageEvent {
  readonly requestId: string;
  readonly account: string;
  readonly operation: string;
  readonly quantities: Quantities;
  readonly occurredAt: Instant;
  /** Who says so: a gateway, a log export. Not part of the fingerprint, so two witnesses of one fact are one item. */
  readonly source?: string;
}

/**
 * The text whose digest tells evidence apart within one request: operation and quantities in a fixed order. The same
 * evidence sent twice is then one item, and different evidence under one request id is kept and found.
 */
export function evidenceContent(event: Pick<UsageEvent, 'operation' | 'quantities'>): string {
  return JSON.stringify([event.operation, ...quantityEntries(event.quantities)]);
}

/** Quantities as decimal strings, in the order of their names. */
export function quantityEntries(quantities: Quantities): [string, string][] {
  return Object.keys(quantities)
    .sort()
    .map((dimension) => [dimension, (quantities[dimension] ?? 0n).toString()]);
}

/** Dimensions that one event may carry: enough for any price list, few enough that items stay small. */
export const DIMENSIONS_MAX = 16;
