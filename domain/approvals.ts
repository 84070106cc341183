import type { ApiKey } from './api-keys.ts';
import type { Asset } from './money.ts';
import { addMilliseconds, type Instant } from './time.ts';

/**
 * A second person's consent to one action. It is bound to the hash of exactly what was shown, is good for one use, and
 * ends by time. Whoever asked for it never gives it, administrators included.
 */
export interface Approval {
  readonly id: string;
  /** What is to be done: `repair.apply`. */
  readonly action: string;
  /** To what: `repair:<id>`. */
  readonly target: string;
  /** SHA-256 of exactly what is to be done, in 64 hexadecimal digits of lower case. */
  readonly hash: string;
  /** What the approver is shown, line by line. */
  readonly summary: readonly string[];
  /** The API key that asked. */
  readonly requestedBy: string;
  readonly requestedAt: Instant;
  /** The first instant at which it can be neither given nor used. */
  readonly expiresAt: Instant;
  readonly state: StoredState;
  readonly decidedBy?: string;
  readonly decidedAt?: Instant;
  readonly reason?: string;
  /** What it was used for: `repair:<id>`. */
  readonly usedBy?: string;
  readonly usedAt?: Instant;
}

export type StoredState = 'requested' | 'approved' | 'rejected' | 'used';
/** `expired` is decided by time and is written nowhere. */
export type ApprovalState = StoredState | 'expired';

export const HASH_PATTERN = /^[0-9a-f]{64}$/;

export function stateOf({ state, expiresAt }: Approval, now: Instant): ApprovalState {
  return (state === 'requested' || state === 'approved') && expiresAt <= now ? 'expired' : state;
}

/** What an owner sets about second persons. */
export interface ApprovalPolicy {
  /** Hours from the request until nobody can give or use the approval any more. */
  readonly lifetimeHours: number;
  /** Minor units by asset up to which, inclusive, one person may act alone. An asset that is not here is at 0. */
  readonly thresholds: Readonly<Record<Asset, bigint>>;
}

/** Whether moving these amounts (minor units by asset, sign ignored) takes a second person: one that is too much does. */
export function needsApproval(amounts: Readonly<Record<Asset, bigint>>, { thresholds }: ApprovalPolicy): boolean {
  return Object.entries(amounts).some(([asset, amount]) => {
    const threshold = Object.hasOwn(thresholds, asset) ? (thresholds[asset] ?? 0n) : 0n;
    return (amount < 0n ? -amount : amount) > threshold;
  });
}

const HOUR_MS = 3_600_000;

export function expiryOf(requestedAt: Instant, { lifetimeHours }: ApprovalPolicy): Instant {
  return addMilliseconds(requestedAt, lifetimeHours * HOUR_MS);
}

export type Verdict = 'approved' | 'rejected';

export interface Decision {
  readonly verdict: Verdict;
  /** What the approver has seen; a rejection may do without. */
  readonly hash?: string | undefined;
  readonly reason?: string | undefined;
  readonly by: string;
  readonly at: Instant;
}

/** Every way that deciding can end, in order: of several that fit, the first after `changed` is told. */
export type DecisionResult =
  | { readonly kind: 'changed'; readonly approval: Approval }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'own-request' }
  | { readonly kind: 'hash-differs' }
  /** The same key has said the same before. */
  | { readonly kind: 'unchanged'; readonly approval: Approval }
  | { readonly kind: 'approval-used' }
  | { readonly kind: 'approval-decided'; readonly approval: Approval }
  | { readonly kind: 'approval-expired' };

/** Why a decision is not to be written, told from the approval as it stands; undefined when it may be. */
export function answerToDecision(
  approval: Approval | undefined,
  decision: Decision,
  isOwnRequest: boolean,
): Exclude<DecisionResult, { kind: 'changed' }> | undefined {
  if (approval === undefined) return { kind: 'not-found' };
  if (isOwnRequest) return { kind: 'own-request' };
  const mustNameHash = decision.verdict === 'approved' || decision.hash !== undefined;
  if (mustNameHash && decision.hash !== approval.hash) return { kind: 'hash-differs' };
  const decided = approval.state === 'used' ? 'approved' : approval.state;
  if (decided === decision.verdict && approval.decidedBy === decision.by) return { kind: 'unchanged', approval };
  if (approval.state === 'used') return { kind: 'approval-used' };
  if (approval.state !== 'requested' && !isWithdrawal(approval, decision))
    return { kind: 'approval-decided', approval };
  return stateOf(approval, decision.at) === 'expired' ? { kind: 'approval-expired' } : undefined;
}

/** Whether a rejection takes back what was approved and is not used yet. */
export function isWithdrawal({ state }: Approval, { verdict }: Pick<Decision, 'verdict'>): boolean {
  return state === 'approved' && verdict === 'rejected';
}

/** What is to be done now, which an approval must have been given for. */
export interface ApprovalUse {
  readonly id: string;
  readonly action: string;
  readonly target: string;
  /** Of what is to be done, computed anew by whoever does it. */
  readonly hash: string;
  /** What it is used for: `repair:<id>`. */
  readonly by: string;
  readonly at: Instant;
}

export type UseRefusal = 'not-found' | 'hash-differs' | 'approval-used' | 'not-approved' | 'approval-expired';

/** Why an approval does not allow this, told from the approval as it stands; undefined when it does. */
export function refusalOfUse(approval: Approval | undefined, use: ApprovalUse): UseRefusal | undefined {
  if (approval === undefined) return 'not-found';
  const isOfThis = (['action', 'target', 'hash'] as const).every((name) => approval[name] === use[name]);
  if (!isOfThis) return 'hash-differs';
  if (approval.state === 'used') return 'approval-used';
  if (stateOf(approval, use.at) === 'expired') return 'approval-expired';
  return approval.state === 'approved' ? undefined : 'not-approved';
}

/** A key, and all keys that it comes from: the one that made it, the one that it replaces, and theirs in turn. */
export interface KeyLineage {
  readonly key: Pick<ApiKey, 'id' | 'person'>;
  readonly ancestors: ReadonlySet<string>;
}

/**
 * Whether two keys count as one person. Whoever makes or rotates a key learns it, and so may use it, whatever person it
 * names:
 * - a key is itself;
 * - a key that made or replaced another, directly or over others, is never a second person to that one, nor it to the first;
 * - keys that come from one key are one person's: that of whoever holds that key;
 * - keys that have nothing in common are two people's, unless they name the same person.
 */
export function isSamePerson(requester: KeyLineage, approver: KeyLineage): boolean {
  const [asked, answers] = [requester.key, approver.key];
  if (asked.id === answers.id || approver.ancestors.has(asked.id) || requester.ancestors.has(answers.id)) return true;
  if (!requester.ancestors.isDisjointFrom(approver.ancestors)) return true;
  if (asked.person === undefined || answers.person === undefined) return false;
  return comparable(asked.person) === comparable(answers.person);
}

/** `Ada@Example.com ` and `ada@example.com` are one person. */
function comparable(person: string): string {
  return person.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase();
}
