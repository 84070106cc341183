import type { EvidenceRow, LedgerRow } from './rows.ts';
import { ruled } from './rulings.ts';

/** What evidence should have cost, or the sentence why no price can be told. */
export type Expected = bigint | Unpriced;
export interface Unpriced {
  readonly unpriced: string;
}

export type ExpectedOf = (evidence: EvidenceRow) => Expected;

/** All that the two books say of one request at one time. */
export interface Group {
  readonly key: string;
  /** What counts: without what a person overruled. */
  readonly evidence: readonly EvidenceRow[];
  /** Rulings, and the evidence that they overrule. */
  readonly setAside: readonly EvidenceRow[];
  readonly ledger: readonly LedgerRow[];
}

/** @param rows all rows of evidence under the key, rulings among them. */
export function groupOf(key: string, rows: readonly EvidenceRow[], ledger: readonly LedgerRow[]): Group {
  return { key, ...ruled(rows), ledger };
}

/** Rows of evidence that were read for a group, whether they count or not. */
export function evidenceRowsOf({ evidence, setAside }: Group): number {
  return evidence.length + setAside.filter((row) => row.ruling === undefined).length;
}

/**
 * What a group shows on its own. `evidence-only` and `ledger-only` are left over: whether something is missing,
 * unexpected or only elsewhere shows when they are paired (pairing.ts).
 */
export type Verdict =
  | 'match'
  | 'duplicate'
  | 'amount-mismatch'
  | 'conflicting-evidence'
  | 'evidence-only'
  | 'ledger-only';

export interface Judged extends Group {
  readonly verdict: Verdict;
  /** Left out without evidence, and where evidence conflicts: no amount is guessed then. */
  readonly expected?: Expected;
  /** The sum of the group's ledger rows. */
  readonly net: bigint;
}

/** Judges a group by the net of its transfers, so that a mistake and its correction count as what they come to. */
export function judge(group: Group, expectedOf: ExpectedOf): Judged {
  const { evidence, ledger } = group;
  const net = sum(ledger);
  const [first] = evidence;
  if (first === undefined) {
    const reversed = net === 0n && ledger.some((row) => row.corrects !== undefined);
    return { ...group, net, verdict: reversed || ledger.length === 0 ? 'match' : 'ledger-only' };
  }
  if (evidence.some((row) => row.fingerprint !== first.fingerprint)) {
    return { ...group, net, verdict: 'conflicting-evidence' };
  }
  const expected = expectedOf(first);
  return { ...group, net, expected, verdict: verdictOf(ledger, net, expected) };
}

function verdictOf(ledger: readonly LedgerRow[], net: bigint, expected: Expected): Verdict {
  if (net === expected) return 'match';
  if (isUncharged(ledger, net)) return 'evidence-only';
  const chargedTwice = typeof expected === 'bigint' && net > expected && liveCharges(ledger) > 1;
  return chargedTwice ? 'duplicate' : 'amount-mismatch';
}

/** Nothing is charged, or all that was is given back. A charge of zero cannot be given back and so stands. */
export function isUncharged(ledger: readonly LedgerRow[], net: bigint): boolean {
  if (net !== 0n) return false;
  return ledger.every((row) => row.corrects !== undefined || row.amount > 0n) && liveCharges(ledger) === 0;
}

/** Charges that are not wholly given back by the transfers that correct them. A correction is not itself a charge. */
function liveCharges(ledger: readonly LedgerRow[]): number {
  const charges = ledger.filter((row) => row.amount > 0n && row.corrects === undefined);
  return charges.filter((charge) => charge.amount + sum(ledger.filter((row) => row.corrects === charge.id)) > 0n)
    .length;
}

function sum(ledger: readonly LedgerRow[]): bigint {
  let total = 0n;
  for (const row of ledger) total += row.amount;
  return total;
}
