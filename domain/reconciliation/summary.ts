import type { Asset } from '../money.ts';
import { type BoundedIds, createBoundedIds } from './bounded-ids.ts';
import type { Tally } from './compare.ts';
import { differenceOf, FINDING_KINDS, type Finding, type FindingKind } from './findings.ts';

/** Totals of one asset in minor units. The discrepancy, actual - expected, is the sum of all findings' differences. */
export interface AssetTotals {
  readonly expected: bigint;
  readonly actual: bigint;
  readonly overCharged: bigint;
  readonly underCharged: bigint;
  /** Charged where nobody can say what was right: unpriced or conflicting evidence. In no other total. */
  readonly undetermined: bigint;
}

/** What a run or a part of it compared and found. Parts are merged in any grouping with the same result. */
export interface Summary {
  readonly assets: Readonly<Record<Asset, AssetTotals>>;
  readonly findings: Readonly<Record<FindingKind, number>>;
  readonly pairs: number;
  readonly evidenceRows: number;
  readonly ledgerRows: number;
  readonly accountsSeen: number;
  readonly balancesChecked: number;
  readonly accountsTooBusy: number;
  readonly notPaired: number;
  /** Accounts with findings. */
  readonly accountsAffected: BoundedIds;
  /** Findings that claim a charge on a day beyond the neighbouring ones (claims.ts). */
  readonly claimedAfar: number;
}

type Count =
  | 'pairs'
  | 'evidenceRows'
  | 'ledgerRows'
  | 'accountsSeen'
  | 'balancesChecked'
  | 'accountsTooBusy'
  | 'notPaired'
  | 'claimedAfar';

const COUNTS: readonly Count[] = [
  'pairs',
  'evidenceRows',
  'ledgerRows',
  'accountsSeen',
  'balancesChecked',
  'accountsTooBusy',
  'notPaired',
  'claimedAfar',
];

/** Adds up what is compared and found. */
export interface Counter {
  count(what: Count, by?: number): void;
  matches(asset: Asset, tally: Tally): void;
  finding(finding: Finding): void;
  /** Counts a finding as what it became when the parts lay side by side, if anything; its account stays affected. */
  settled(finding: Finding, now: Finding | undefined): Finding | undefined;
  add(part: Summary): void;
  result(): Summary;
}

export function createCounter(): Counter {
  const assets = new Map<Asset, AssetTotals>();
  const findings = Object.fromEntries(FINDING_KINDS.map((kind) => [kind, 0])) as Record<FindingKind, number>;
  const counts = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Record<Count, number>;
  const affected = createBoundedIds();

  const addTotals = (asset: Asset, more: Partial<AssetTotals>, sign = 1n) => {
    const so = assets.get(asset);
    const plus = (name: keyof AssetTotals) => (so?.[name] ?? 0n) + sign * (more[name] ?? 0n);
    assets.set(asset, {
      expected: plus('expected'),
      actual: plus('actual'),
      overCharged: plus('overCharged'),
      underCharged: plus('underCharged'),
      undetermined: plus('undetermined'),
    });
  };

  return {
    count(what, by = 1) {
      counts[what] += by;
    },
    matches(asset, { matched, ...tally }) {
      if (tally.evidenceRows + tally.ledgerRows > 0) addTotals(asset, { expected: matched, actual: matched });
      counts.pairs += tally.pairs;
      counts.evidenceRows += tally.evidenceRows;
      counts.ledgerRows += tally.ledgerRows;
    },
    finding(finding) {
      findings[finding.kind] += 1;
      affected.add(finding.account);
      addTotals(finding.asset, totalsOf(finding));
    },
    settled(finding, now) {
      if (now === finding) return now;
      findings[finding.kind] -= 1;
      addTotals(finding.asset, totalsOf(finding), -1n);
      if (now === undefined) return undefined;
      findings[now.kind] += 1;
      addTotals(now.asset, totalsOf(now));
      return now;
    },
    add(part) {
      for (const [asset, totals] of Object.entries(part.assets)) addTotals(asset, totals);
      for (const kind of FINDING_KINDS) findings[kind] += part.findings[kind];
      for (const name of COUNTS) counts[name] += part[name];
      affected.addAll(part.accountsAffected);
    },
    result: () => ({
      assets: Object.fromEntries([...assets].sort(([a], [b]) => (a < b ? -1 : 1))),
      findings: { ...findings },
      ...counts,
      accountsAffected: affected.result(),
    }),
  };
}

export function countFindings({ findings }: Pick<Summary, 'findings'>): number {
  return Object.values(findings).reduce((total, count) => total + count, 0);
}

/** What a finding adds to the totals. What is no charge, such as a drifted balance, is counted and in no total. */
function totalsOf(finding: Finding): Partial<AssetTotals> {
  if (finding.kind === 'balance-drift' || finding.notDue) return {};
  const { expected, actual } = finding;
  const difference = differenceOf(finding);
  if (expected === undefined || difference === undefined) return { undetermined: actual };
  return difference > 0n
    ? { expected, actual, overCharged: difference }
    : { expected, actual, underCharged: -difference };
}
