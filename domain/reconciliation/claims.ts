import type { Finding } from './findings.ts';
import { OTHER_EVIDENCE } from './pairing.ts';

/**
 * Charges that evidence claims from days away. Neither day sees the other, so each says what it sees: the day of the
 * evidence that the charge is misdated, the day of the charge that it is unexpected, and of two days with evidence both
 * that it is theirs. What holds shows when all parts of a run lie side by side.
 */
export interface Claims {
  /** Notes what a finding claims. All findings of the run that claim anything must be noted before one is settled. */
  note(finding: Claimant): void;
  /**
   * @returns the finding as it stands. An unexpected charge that evidence claims is dropped: the evidence's finding tells
   *   of it. Of two claims to one charge that of the earliest evidence stands, and the evidence of the other conflicts.
   */
  settle(finding: Finding): Finding | undefined;
}

type Claimant = Pick<Finding, 'afar' | 'at' | 'transferIds'>;

export function createClaims(): Claims {
  /** When the earliest evidence that claims a transfer happened, by the transfer's id; about 200 bytes each. */
  const earliest = new Map<string, string>();

  return {
    note(finding) {
      if (finding.afar !== true) return;
      for (const id of finding.transferIds) {
        const so = earliest.get(id);
        if (so === undefined || finding.at < so) earliest.set(id, finding.at);
      }
    },
    settle(finding) {
      const claimed = finding.transferIds.map((id) => earliest.get(id)).filter((at) => at !== undefined);
      if (finding.kind === 'unexpected') return claimed.length > 0 ? undefined : finding;
      if (finding.afar !== true || !claimed.some((at) => at < finding.at)) return finding;
      return lost(finding, (id) => earliest.get(id) === finding.at);
    },
  };
}

/** @param isOwn whether a transfer is claimed by nobody earlier: what was given back again at the evidence's own time. */
function lost(
  { expected: _expected, cause: _cause, afar: _afar, ...finding }: Finding,
  isOwn: (id: string) => boolean,
): Finding {
  const transferIds = finding.transferIds.filter(isOwn);
  return { ...finding, kind: 'conflicting-evidence', actual: 0n, transferIds, detail: OTHER_EVIDENCE };
}
