import type { Day } from '../time.ts';
import type { SealFault } from './chain.ts';
import { CHANGE_KINDS, type ChangeKind, type SealChange } from './compare.ts';

/** What sealing or verifying came to. */
export interface SealOutcome {
  /**
   * `broken`: something was changed since it was sealed, or the chain of seals is at fault. `not-sealed`: nothing is, but
   * some day was never sealed, or has entries that no seal holds, so that nothing can be said of them.
   */
  readonly verdict: 'intact' | 'broken' | 'not-sealed';
  readonly changes: number;
  readonly changesByKind: Readonly<Record<ChangeKind, number>>;
  /** The first of them. */
  readonly shownChanges: readonly SealChange[];
  readonly faults: number;
  readonly shownFaults: readonly SealFault[];
  /** Of the days that were verified. */
  readonly daysNotSealed: readonly Day[];
  /** Entries that were recorded after the seal of their day, and so long ago that a later one should hold them. */
  readonly unsealed: number;
  /** The days that these count on. */
  readonly daysUnsealed: readonly Day[];
  /** Entries of the ledger that were read: a transfer between two customers is one at each. */
  readonly entries: number;
  /** The seal that was made. */
  readonly seal?: { readonly sequence: number; readonly hash: string };
}

/** Changes and faults that an outcome carries in full: one screen of a table. */
export const SHOWN_MAX = 100;

/** What an outcome says, in one sentence. */
export function sealSentence({ verdict, changes, faults, daysNotSealed, unsealed }: SealOutcome): string {
  if (verdict === 'intact') return 'Seals intact: everything is as it was sealed';
  const missing: string[] = [];
  if (daysNotSealed.length > 0) missing.push(`${days(daysNotSealed.length)} never sealed`);
  if (unsealed > 0) missing.push(`${unsealed} ${unsealed === 1 ? 'entry is' : 'entries are'} in no seal`);
  if (verdict === 'not-sealed') return `Not sealed: ${missing.join(', ')}, all else is as it was`;
  const parts = [`${changes} ${changes === 1 ? 'change' : 'changes'} since the ledger was sealed`];
  if (faults > 0) parts.push(`${faults} ${faults === 1 ? 'fault' : 'faults'} in the chain of seals`);
  return `Seals broken: ${[...parts, ...missing].join(', ')}`;
}

function days(count: number): string {
  return count === 1 ? '1 day was' : `${count} days were`;
}

export type ChangeCounts = Readonly<Record<ChangeKind, number>>;

export const NO_CHANGES: ChangeCounts = { edited: 0, removed: 0, inserted: 0 };

export function addCounts(a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  return { edited: a.edited + b.edited, removed: a.removed + b.removed, inserted: a.inserted + b.inserted };
}

export function countChanges(counts: ChangeCounts): number {
  return CHANGE_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

export function sealOutcomeOf(found: {
  readonly counts: ChangeCounts;
  readonly shownChanges: readonly SealChange[];
  readonly faults: readonly SealFault[];
  readonly daysNotSealed: readonly Day[];
  readonly unsealed: number;
  readonly daysUnsealed: readonly Day[];
  readonly entries: number;
}): SealOutcome {
  const { counts, shownChanges, faults, daysNotSealed, unsealed, daysUnsealed, entries } = found;
  const changes = countChanges(counts);
  const isBroken = changes + faults.length > 0;
  return {
    verdict: isBroken ? 'broken' : daysNotSealed.length + unsealed > 0 ? 'not-sealed' : 'intact',
    changes,
    changesByKind: { ...counts },
    shownChanges,
    faults: faults.length,
    shownFaults: faults.slice(0, SHOWN_MAX),
    daysNotSealed,
    unsealed,
    daysUnsealed,
    entries,
  };
}
