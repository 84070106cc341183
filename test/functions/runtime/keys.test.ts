import { timingSafeEqual } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { hashSecret, mintKey, secretMatches } from '../../../functions/runtime/keys.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof import('node:crypto')>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});

const secret = 'A'.repeat(43);

test('a secret is known by its digest, and nothing that is like it', () => {
  expect(secretMatches(secret, hashSecret(secret))).toBe(true);
  for (const other of ['', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)}B`, secret.toLowerCase()]) {
    expect(secretMatches(other, hashSecret(secret)), other).toBe(false);
  }
  // A digest that nobody can have, lest a damaged item lets somebody in.
  for (const broken of ['', secret, hashSecret(secret).slice(1), hashSecret(secret).toUpperCase()]) {
    expect(secretMatches(secret, broken), broken).toBe(false);
  }
});

test('digests are compared in constant time, however early they differ', () => {
  for (const other of ['wrong', secret]) {
    vi.mocked(timingSafeEqual).mockClear();
    secretMatches(other, hashSecret(secret));
    expect(timingSafeEqual).toHaveBeenCalledTimes(1);
    expect(vi.mocked(timingSafeEqual).mock.calls[0]?.map((digest) => digest.byteLength)).toEqual([64, 64]);
  }
});

test('no function compares secrets or their digests in another way', () => {
  for (const file of globSync('functions/**/*.ts')) {
    expect([
      file,
      /(secret|secretHash)\)?\s*[!=]==|[!=]==\s*\S*(secret|secretHash)\b/.test(readFileSync(file, 'utf8')),
    ]).toEqual([file, false]);
  }
});

test('a new key has 32 random bytes as its secret, and is kept as a digest alone', () => {
  const minted = mintKey('dev', (bytes) => Buffer.alloc(bytes, 7));
  const made = Buffer.alloc(32, 7).toString('base64url');
  expect(minted).toEqual({ id: '07'.repeat(8), key: `rk_dev_${'07'.repeat(8)}_${made}`, secretHash: hashSecret(made) });
});
