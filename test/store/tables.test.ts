import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketOf, dayPartition, dayPartitions } from '../../store/tables.ts';

describe('the bucket of an account', () => {
  test('is that of the account above it, however deep it is', () => {
    for (const account of ['customer:acme:team-1', 'customer:acme:team-1:batch', 'customer:acme:x:y:z:1:2:3']) {
      expect(bucketOf(account)).toBe(bucketOf('customer:acme'));
    }
  });

  test('is not the same for all customers', () => {
    const buckets = Array.from({ length: 500 }, (_, index) => bucketOf(`customer:c${index}`));
    expect(new Set(buckets).size).toBeGreaterThan(60);
  });
});

describe('the partitions of a day', () => {
  const entry = {
    shards: {
      first: 1,
      later: [
        { from: '2026-11-20', shards: 4 },
        { from: '2026-11-25', shards: 8 },
      ],
    },
  };

  test('are named without a shard where there is one alone', () => {
    expect(dayPartitions('customer:acme', '2026-11-19', entry)).toEqual(['customer:acme#2026-11-19']);
    expect(dayPartitions('customer:acme', '2026-11-20', entry)).toEqual(
      [0, 1, 2, 3].map((shard) => `customer:acme#2026-11-20#${shard}`),
    );
    expect(dayPartitions('customer:acme', '2026-11-25', entry)).toHaveLength(8);
  });

  test('have exactly one for every request', () => {
    const days = fc.constantFrom('2026-11-19', '2026-11-20', '2026-11-24', '2026-11-25', '2027-01-01');
    fc.assert(
      fc.property(days, fc.string(), (day, requestId) => {
        const own = dayPartition('customer:acme', day, entry, requestId);
        expect(dayPartitions('customer:acme', day, entry).filter((partition) => partition === own)).toHaveLength(1);
      }),
    );
  });
});
