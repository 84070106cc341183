import { type Asset, absolute } from '../money.ts';
import type { RebalanceStep, Step } from './steps.ts';

/** What a plan moves on one account, in minor units. */
export interface AccountTotals {
  readonly account: string;
  readonly asset: Asset;
  readonly debited: bigint;
  readonly credited: bigint;
  /** Transfers that move it. */
  readonly transfers: number;
}

/** What a plan comes to in one asset, in minor units. */
export interface PlanAssetTotals {
  readonly asset: Asset;
  /** Charged to the accounts of the findings, and given back to them. */
  readonly charged: bigint;
  readonly givenBack: bigint;
  /** By how much stored balances are set to something else: of each, the figure that changes most. No transfer moves. */
  readonly rebalanced: bigint;
  /** Accounts that on the whole get something back, because they were charged too much; and those charged more. */
  readonly overCharged: number;
  readonly underCharged: number;
}

export interface PlanTotals {
  /** In order of account and asset. */
  readonly accounts: readonly AccountTotals[];
  /** In order of asset. */
  readonly assets: readonly PlanAssetTotals[];
  readonly steps: Readonly<Record<Step['kind'], number>>;
}

/** Adds up what the steps of a plan would move. */
export function planTotals(steps: readonly Step[]): PlanTotals {
  const moved = steps.flatMap((step) => ('transfer' in step ? [{ ...step.transfer, owner: step.account }] : []));
  const sides = moved.flatMap(({ asset, amount, debit, credit }) => [
    { account: debit, asset, debited: amount, credited: 0n },
    { account: credit, asset, debited: 0n, credited: amount },
  ]);
  const accounts = [...Map.groupBy(sides, ({ account, asset }) => `${account} ${asset}`).values()].map((of) => ({
    account: of[0]?.account ?? '',
    asset: of[0]?.asset ?? '',
    debited: total(of, ({ debited }) => debited),
    credited: total(of, ({ credited }) => credited),
    transfers: of.length,
  }));
  const count = (kind: Step['kind']) => steps.filter((step) => step.kind === kind).length;
  return {
    accounts: accounts.sort((a, b) => order(`${a.account} ${a.asset}`, `${b.account} ${b.asset}`)),
    assets: [...new Set(steps.map(({ asset }) => asset))].sort().map((asset) => assetTotals(asset, steps)),
    steps: {
      charge: count('charge'),
      reversal: count('reversal'),
      transfer: count('transfer'),
      ruling: count('ruling'),
      rebalance: count('rebalance'),
    },
  };
}

/** What an approval's threshold is measured by: everything that a plan changes in an asset, signs aside. */
export function magnitudeOf({ charged, givenBack, rebalanced }: PlanAssetTotals): bigint {
  return charged + givenBack + rebalanced;
}

function assetTotals(asset: Asset, steps: readonly Step[]): PlanAssetTotals {
  const ofAsset = steps.filter((step) => step.asset === asset);
  const charges = ofAsset.flatMap((step) => {
    if (!('transfer' in step)) return [];
    const { debit, amount } = step.transfer;
    return [{ account: step.account, by: debit === step.account ? amount : -amount }];
  });
  const nets = [...Map.groupBy(charges, ({ account }) => account).values()].map((of) => total(of, ({ by }) => by));
  return {
    asset,
    charged: total(charges, ({ by }) => (by > 0n ? by : 0n)),
    givenBack: total(charges, ({ by }) => (by < 0n ? -by : 0n)),
    rebalanced: total(ofAsset, (step) => (step.kind === 'rebalance' ? largestChange(step) : 0n)),
    overCharged: nets.filter((net) => net < 0n).length,
    underCharged: nets.filter((net) => net > 0n).length,
  };
}

/** Of the figures that a step sets, the one that it changes most. */
function largestChange({ from, to }: RebalanceStep): bigint {
  const names = ['credits', 'debits', 'held', 'available'] as const;
  return names.map((name) => absolute(to[name] - from[name])).reduce((most, each) => (each > most ? each : most), 0n);
}

function total<T>(all: readonly T[], of: (each: T) => bigint): bigint {
  return all.reduce((sum, each) => sum + of(each), 0n);
}

function order(a: string, b: string): number {
  return a < b ? -1 : 1;
}
