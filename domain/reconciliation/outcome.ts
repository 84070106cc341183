import { type Asset, absolute, divideRounded } from '../money.ts';
import type { FindingKind } from './findings.ts';
import { type AssetTotals, countFindings, type Summary } from './summary.ts';

/**
 * `clean`: something was compared, nothing was found and no balance was left out. Empty against empty is `inconclusive`,
 * and so is nothing found where balances moved too fast to be compared.
 */
export type RunVerdict = 'clean' | 'discrepancies' | 'inconclusive';

/** What a run came to, as its summary.json, its record and the API say it. Amounts are decimal strings. */
export interface RunOutcome {
  readonly verdict: RunVerdict;
  /** One line for people, and for scripts that look for it. */
  readonly sentence: string;
  readonly findings: number;
  readonly findingsByKind: Readonly<Record<FindingKind, number>>;
  readonly totals: readonly TotalsLine[];
  readonly pairsCompared: number;
  readonly evidenceRows: number;
  readonly ledgerRows: number;
  readonly accountsSeen: number;
  readonly accountsAffected: number;
  /** There are more affected accounts than were told apart. */
  readonly accountsAffectedIsMinimum: boolean;
  readonly balancesChecked: number;
  readonly accountsTooBusy: number;
  readonly notPaired: number;
}

export interface TotalsLine {
  readonly asset: Asset;
  readonly expected: string;
  readonly actual: string;
  readonly discrepancy: string;
  readonly discrepancyPercent: string;
  readonly overCharged: string;
  readonly underCharged: string;
  readonly undetermined: string;
}

export function outcomeOf(summary: Summary): RunOutcome {
  const findings = countFindings(summary);
  const verdict = verdictOf(summary, findings);
  return {
    verdict,
    sentence: sentenceOf(summary, verdict, findings),
    findings,
    findingsByKind: summary.findings,
    totals: Object.entries(summary.assets).map(([asset, totals]) => totalsLine(asset, totals)),
    pairsCompared: summary.pairs,
    evidenceRows: summary.evidenceRows,
    ledgerRows: summary.ledgerRows,
    accountsSeen: summary.accountsSeen,
    accountsAffected: summary.accountsAffected.ids.length,
    accountsAffectedIsMinimum: summary.accountsAffected.more,
    balancesChecked: summary.balancesChecked,
    accountsTooBusy: summary.accountsTooBusy,
    notPaired: summary.notPaired,
  };
}

/**
 * A part of a whole in percent with two decimals, rounded away from zero so that no discrepancy shows as none. Of an
 * expected nothing, everything is 100 percent.
 */
export function percent(part: bigint, whole: bigint): string {
  if (part === 0n) return '0.00';
  const hundredths = whole <= 0n ? 10_000n : divideRounded(absolute(part) * 10_000n, whole, 'up');
  const digits = hundredths.toString().padStart(3, '0');
  return `${part < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/**
 * How far the books are apart, in percent, for the alarm: of the asset where it is worst, and over-charges and
 * under-charges added up, so that they cannot hide each other.
 */
export function worstPercent(summary: Summary): number {
  const shares = Object.values(summary.assets).map(({ expected, overCharged, underCharged }) =>
    Number(percent(overCharged + underCharged, expected)),
  );
  return Math.max(0, ...shares);
}

function verdictOf(summary: Summary, findings: number): RunVerdict {
  if (findings > 0) return 'discrepancies';
  return summary.evidenceRows + summary.ledgerRows > 0 && summary.accountsTooBusy === 0 ? 'clean' : 'inconclusive';
}

/** Of the words that stand for a clean run, which scripts look for, an inconclusive one uses none. */
function sentenceOf({ accountsTooBusy: busy }: Summary, verdict: RunVerdict, findings: number): string {
  const leftOut = busy === 0 ? '' : `, ${busy} ${busy === 1 ? 'balance' : 'balances'} moved too fast to be compared`;
  if (verdict !== 'inconclusive') {
    return `Reconciliation complete: ${findings} ${findings === 1 ? 'discrepancy' : 'discrepancies'} found${leftOut}`;
  }
  return leftOut === ''
    ? 'Reconciliation inconclusive: there was nothing to compare in this period'
    : `Reconciliation inconclusive: nothing found${leftOut}`;
}

function totalsLine(asset: Asset, totals: AssetTotals): TotalsLine {
  const { expected, actual, overCharged, underCharged, undetermined } = totals;
  const discrepancy = actual - expected;
  return {
    asset,
    expected: expected.toString(),
    actual: actual.toString(),
    discrepancy: discrepancy.toString(),
    discrepancyPercent: percent(discrepancy, expected),
    overCharged: overCharged.toString(),
    underCharged: underCharged.toString(),
    undetermined: undetermined.toString(),
  };
}
