import type { Finding } from '../findings.ts';

/** Minor units of one asset. */
export interface Charged {
  over: bigint;
  under: bigint;
}

/** What is added up of findings or steps, by asset. */
export type ByAsset = Map<string, Charged>;

/** Findings of a run added up, so that it does not matter how many there are. */
export interface FindingsTally {
  readonly kinds: Map<string, { count: number; readonly causes: Map<string, number>; readonly charged: ByAsset }>;
  readonly accounts: Map<string, { count: number; readonly charged: ByAsset }>;
  /** When the first and the last of what is wrong counts; a drifted balance has no such time. */
  first: string | undefined;
  last: string | undefined;
}

export function createFindingsTally(): FindingsTally {
  return { kinds: new Map(), accounts: new Map(), first: undefined, last: undefined };
}

export function addFinding(tally: FindingsTally, { kind, account, asset, at, cause, difference }: Finding): void {
  const ofKind = tally.kinds.get(kind) ?? { count: 0, causes: new Map<string, number>(), charged: new Map() };
  const ofAccount = tally.accounts.get(account) ?? { count: 0, charged: new Map() };
  tally.kinds.set(kind, ofKind);
  tally.accounts.set(account, ofAccount);
  ofKind.count += 1;
  ofAccount.count += 1;
  if (cause !== undefined) ofKind.causes.set(cause, (ofKind.causes.get(cause) ?? 0) + 1);
  // A drifted balance was charged to nobody: its difference is that of a figure and no money.
  if (kind === 'balance-drift') return;
  if (asset !== undefined && difference !== undefined) {
    for (const charged of [ofKind.charged, ofAccount.charged]) addSigned(charged, asset, BigInt(difference));
  }
  if (at === undefined) return;
  if (tally.first === undefined || at < tally.first) tally.first = at;
  if (tally.last === undefined || at > tally.last) tally.last = at;
}

/** @param difference what is charged too much; too little, where it is negative. */
export function addSigned(to: ByAsset, asset: string, difference: bigint): void {
  const charged = to.get(asset) ?? { over: 0n, under: 0n };
  to.set(asset, charged);
  if (difference > 0n) charged.over += difference;
  else charged.under -= difference;
}
