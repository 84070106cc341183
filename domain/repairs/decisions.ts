import type { FindingKind } from '../reconciliation/findings.ts';
import { type Instant, parseInstant } from '../time.ts';

export const REPAIR_KINDS = ['backfill', 'dedupe', 'recalculate', 'rebalance', 'decide'] as const;
export type RepairKind = (typeof REPAIR_KINDS)[number];

/** Which kind of repair answers a finding by itself. What `decide` answers waits for a person. */
export const REPAIR_OF: Readonly<Record<FindingKind, RepairKind>> = {
  missing: 'backfill',
  duplicate: 'dedupe',
  'amount-mismatch': 'recalculate',
  misdated: 'recalculate',
  'balance-drift': 'rebalance',
  unexpected: 'decide',
  'conflicting-evidence': 'decide',
};

/** What a person decided of a finding. */
export type Decision =
  /** Take back what nothing says should be there. */
  | { readonly kind: 'reverse' }
  /** This evidence holds and no other of the request; the ledger is brought to its price. */
  | { readonly kind: 'evidence'; readonly fingerprint: string; readonly at?: Instant }
  | { readonly kind: 'leave' };

/**
 * Reads `reverse`, `leave`, `evidence:<fingerprint>`, or `evidence:<fingerprint>@<time>` where the same evidence stands
 * at several times.
 */
export function parseDecision(text: string): Decision | undefined {
  if (text === 'reverse' || text === 'leave') return { kind: text };
  const [, fingerprint, time] = /^evidence:([0-9a-f]{16})(?:@(.+))?$/.exec(text) ?? [];
  if (fingerprint === undefined) return undefined;
  if (time === undefined) return { kind: 'evidence', fingerprint };
  const at = parseInstant(time);
  return at === undefined ? undefined : { kind: 'evidence', fingerprint, at };
}
