import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ApiKey, formatKey, isUsable, missingScope, parseKey, rotate, statusOf } from '../../domain/api-keys.ts';

const NOW = '2026-11-20T08:00:00.000Z';
const base: ApiKey = { id: '0'.repeat(16), name: 'svc', scopes: ['admin'], createdAt: '2026-11-01T00:00:00.000Z' };

const instant = fc
  .date({ min: new Date('2026-01-01T00:00:00Z'), max: new Date('2027-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 16 });
const key = fc
  .record(
    {
      account: fc.constant('customer:acme'),
      expiresAt: instant,
      replacedBy: hex,
      revokedAt: instant,
    },
    { requiredKeys: [] },
  )
  .map((known): ApiKey => ({ ...base, ...known }));
const scopes = fc.subarray(['usage:write', 'ledger:write', 'ledger:read', 'operations', 'admin']);

describe('the text of a key', () => {
  const secret = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes).toString('base64url'));
  const stage = fc.constantFrom('dev', 'prod');

  test('is read as it was written', () => {
    fc.assert(
      fc.property(stage, hex, secret, (stage, id, secret) => {
        expect(parseKey(formatKey({ stage, id, secret }))).toEqual({ stage, id, secret });
      }),
    );
  });

  test('is nothing with a character too many or too few', () => {
    const text = formatKey({ stage: 'dev', id: '0123456789abcdef', secret: 'A'.repeat(43) });
    for (const wrong of [`${text}A`, text.slice(0, -1), ` ${text}`, text.replace('rk_', 'pk_'), text.toUpperCase()]) {
      expect(parseKey(wrong)).toBeUndefined();
    }
  });
});

describe('the status of a key', () => {
  test('is the last decision about it: revoked before rotated before expired', () => {
    const expired = { ...base, expiresAt: NOW };
    const rotated = { ...expired, replacedBy: '1'.repeat(16) };
    expect([base, expired, rotated, { ...rotated, revokedAt: NOW }].map((each) => statusOf(each, NOW))).toEqual([
      'active',
      'expired',
      'rotated',
      'revoked',
    ]);
  });

  test('lets in every active key and no revoked or expired one', () => {
    fc.assert(
      fc.property(key, instant, (key, now) => {
        const status = statusOf(key, now);
        if (status === 'active') expect(isUsable(key, now)).toBe(true);
        if (status === 'revoked' || status === 'expired') expect(isUsable(key, now)).toBe(false);
      }),
    );
  });

  test('never becomes usable again', () => {
    fc.assert(
      fc.property(key, instant, instant, (key, one, other) => {
        const [earlier, later] = one < other ? [one, other] : [other, one];
        if (isUsable(key, later)) expect(isUsable(key, earlier)).toBe(true);
      }),
    );
  });
});

test('a key may grant what it has and nothing beyond', () => {
  fc.assert(
    fc.property(scopes, scopes, (granted, held) => {
      const missing = missingScope(granted, held);
      if (missing === undefined) expect(granted.filter((scope) => held.includes(scope))).toEqual(granted);
      else expect(granted.includes(missing) && !held.includes(missing)).toBe(true);
    }),
  );
});

describe('rotation', () => {
  const overlap = fc.integer({ min: 0, max: 604_800 });
  const wanted = { id: '1'.repeat(16), by: '2'.repeat(16) };

  test('makes a key that may do exactly what the old one may, and is linked to it', () => {
    fc.assert(
      fc.property(key, instant, overlap, (old, now, overlapSeconds) => {
        const { successor } = rotate(old, { ...wanted, now, overlapSeconds });
        expect([successor.scopes, successor.account, successor.expiresAt]).toEqual([
          old.scopes,
          old.account,
          old.expiresAt,
        ]);
        expect(successor).toMatchObject({ replaces: old.id, createdBy: wanted.by });
      }),
    );
  });

  test('lets the old key work for the overlap, and never longer than it would have', () => {
    fc.assert(
      fc.property(key, instant, overlap, (old, now, overlapSeconds) => {
        const { oldWorksUntil } = rotate(old, { ...wanted, now, overlapSeconds });
        expect(Date.parse(oldWorksUntil) - Date.parse(now)).toBeLessThanOrEqual(overlapSeconds * 1000);
        if (old.expiresAt !== undefined) expect(oldWorksUntil <= old.expiresAt).toBe(true);
        else expect(Date.parse(oldWorksUntil) - Date.parse(now)).toBe(overlapSeconds * 1000);
      }),
    );
  });

  test('gives the new key an expiry of its own when it is told one', () => {
    const { successor } = rotate(base, {
      ...wanted,
      now: NOW,
      overlapSeconds: 0,
      expiresAt: '2027-01-01T00:00:00.000Z',
    });
    expect(successor.expiresAt).toBe('2027-01-01T00:00:00.000Z');
  });
});
