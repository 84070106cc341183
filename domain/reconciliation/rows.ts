import type { Quantities } from '../evidence.ts';
import type { Instant } from '../time.ts';
import type { Ruling } from './rulings.ts';

/**
 * What a comparison reads of the two books. Both are read in the order of `key`, which is `<time>#<request id>`: times
 * have a fixed width and ids no character below `#`, so order of text is order of (time, request id).
 */
export interface EvidenceRow {
  readonly key: string;
  readonly fingerprint: string;
  readonly operation: string;
  readonly quantities: Quantities;
  /** Only on a row that is no evidence itself but a person's ruling on what stands beside it. */
  readonly ruling?: Ruling;
}

export interface LedgerRow {
  readonly key: string;
  readonly id: string;
  /** Minor units as the account sees them: charged is positive, given back is negative. */
  readonly amount: bigint;
  readonly corrects?: string;
}

/** A book comes in pages, so that whoever reads it waits once per page and not once per row. */
export type Pages<Row> = AsyncIterable<readonly Row[]>;

/** Characters of an instant, `2026-11-20T08:15:30.123Z`. */
const INSTANT_LENGTH = 24;

export function instantOf(key: string): Instant {
  return key.slice(0, INSTANT_LENGTH);
}

export function requestOf(key: string): string {
  return key.slice(INSTANT_LENGTH + 1);
}
