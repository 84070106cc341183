import { createHash, timingSafeEqual } from 'node:crypto';
import { formatKey } from '../../domain/api-keys.ts';

/** Random bytes, as `randomBytes` of node:crypto gives them. */
export type Random = (bytes: number) => Buffer;

/** A new key's id, its text, which is told once, and the digest by which the text is known again. */
export interface Minted {
  readonly id: string;
  readonly key: string;
  readonly secretHash: string;
}

/** @param id the id that the caller chose; one is made when absent. */
export function mintKey(stage: string, random: Random, id: string = random(8).toString('hex')): Minted {
  const secret = random(32).toString('base64url');
  return { id, key: formatKey({ stage, id, secret }), secretHash: hashSecret(secret) };
}

/** SHA-256 in hex. A fast digest is enough: the secret is 32 random bytes and cannot be guessed from a list. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function secretMatches(secret: string, secretHash: string): boolean {
  const [actual, expected] = [Buffer.from(hashSecret(secret)), Buffer.from(secretHash)];
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
