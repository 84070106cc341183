import { createHash, timingSafeEqual } from 'node:crypto';

/** API keys look like `rk_<stage>_<id>_<secret>`; only the digest of the secret is ever stored. */
export interface KeyParts {
  readonly stage: string;
  readonly id: string;
  readonly secret: string;
}

const KEY_TEXT = /^rk_([a-z]{2,10})_([A-Za-z0-9]{16})_([A-Za-z0-9_-]{43})$/;

export function parseKey(text: string): KeyParts | undefined {
  const [, stage, id, secret] = KEY_TEXT.exec(text) ?? [];
  return stage === undefined || id === undefined || secret === undefined ? undefined : { stage, id, secret };
}

export function formatKey({ stage, id, secret }: KeyParts): string {
  return `rk_${stage}_${id}_${secret}`;
}

/** A fast digest is enough: the secret is 32 random bytes and cannot be guessed from a list. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function secretMatches(secret: string, secretHash: string): boolean {
  const [actual, expected] = [Buffer.from(hashSecret(secret)), Buffer.from(secretHash)];
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
