import { addMilliseconds, type Day, type Instant } from './time.ts';

/** API keys look like `rk_<stage>_<id>_<secret>`. The id is no secret: it names the key in lists, logs and records. */
export const KEY_ID_PATTERN = /^[0-9a-f]{16}$/;
const KEY_TEXT = /^rk_([a-z]{2,10})_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export interface KeyParts {
  readonly stage: string;
  readonly id: string;
  /** 32 random bytes in base64url. */
  readonly secret: string;
}

export function parseKey(text: string): KeyParts | undefined {
  const [, stage, id, secret] = KEY_TEXT.exec(text) ?? [];
  return stage === undefined || id === undefined || secret === undefined ? undefined : { stage, id, secret };
}

export function formatKey({ stage, id, secret }: KeyParts): string {
  return `rk_${stage}_${id}_${secret}`;
}

/** What is known of a key, its secret aside. What it may do never changes; another key is made for that. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  /** The one account that the key may see; absent when it may see all. */
  readonly account?: string;
  /** The person who holds it, such as an e-mail address, where approvals have to tell people apart. */
  readonly person?: string;
  readonly createdAt: Instant;
  /** The key that made this one; absent when the owner of the AWS account did. */
  readonly createdBy?: string;
  /** The first instant at which the key does not work any more. */
  readonly expiresAt?: Instant;
  /** The key that this one was made to replace. */
  readonly replaces?: string;
  /** The key that was made to replace this one. */
  readonly replacedBy?: string;
  readonly revokedAt?: Instant;
  readonly revokedBy?: string;
  readonly lastUsedOn?: Day;
}

/** `rotated`: another key took its place, and it works until it expires. */
export type KeyStatus = 'active' | 'rotated' | 'expired' | 'revoked';

/** Where several are true, the one that was somebody's last decision: revoked, rotated, expired, active. */
export function statusOf(key: ApiKey, now: Instant): KeyStatus {
  if (key.revokedAt !== undefined) return 'revoked';
  if (key.replacedBy !== undefined) return 'rotated';
  return isExpired(key, now) ? 'expired' : 'active';
}

/** Whether a request may come with this key. */
export function isUsable(key: ApiKey, now: Instant): boolean {
  return key.revokedAt === undefined && !isExpired(key, now);
}

function isExpired({ expiresAt }: ApiKey, now: Instant): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Whoever makes a key learns it, so a key that may approve is no second person's if another key can make one. */
export const OWNER_GRANTED_SCOPE = 'approve';

/** The first scope that whoever makes a key does not have, and so may not grant. */
export function missingScope(granted: readonly string[], held: readonly string[]): string | undefined {
  return granted.find((scope) => !held.includes(scope));
}

export interface Rotation {
  /** Id of the new key. */
  readonly id: string;
  /** The key that asked for it. */
  readonly by: string;
  readonly now: Instant;
  /** Seconds for which the old key goes on working beside the new one. */
  readonly overlapSeconds: number;
  /** When the new key expires; left out, when the old one would have. */
  readonly expiresAt?: Instant | undefined;
}

/** A key that may do exactly what the old one may, and the instant until which the old one works. */
export function rotate(old: ApiKey, { id, by, now, overlapSeconds, expiresAt }: Rotation) {
  const end = addMilliseconds(now, overlapSeconds * 1000);
  const expiry = expiresAt ?? old.expiresAt;
  const successor: ApiKey = {
    id,
    name: old.name,
    scopes: old.scopes,
    createdAt: now,
    createdBy: by,
    replaces: old.id,
    ...(old.account !== undefined && { account: old.account }),
    ...(old.person !== undefined && { person: old.person }),
    ...(expiry !== undefined && { expiresAt: expiry }),
  };
  // An overlap shortens a life and never prolongs it.
  return { successor, oldWorksUntil: old.expiresAt !== undefined && old.expiresAt < end ? old.expiresAt : end };
}
