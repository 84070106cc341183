import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCursor, writeCursor } from '../../../functions/api/statement-cursors.ts';

const CURSOR = {
  from: '2026-11-01',
  to: '2026-11-30',
  order: 'desc' as const,
  after: { key: '2026-11-20T08:00:00.000Z#req-1', id: 'charge-1' },
};

/** A cursor with the right digest for whatever it holds. */
function forged(account: string, content: unknown): string {
  const text = Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${text}.${createHash('sha256').update(`${account}\n${text}`).digest('hex').slice(0, 16)}`;
}

test('is read as it was written, by the account that it was written for', () => {
  const cursor = writeCursor('customer:acme', CURSOR);
  expect(readCursor('customer:acme', cursor)).toEqual(CURSOR);
  expect(readCursor('customer:borealis', cursor)).toBeUndefined();
});

test('may end at what the ledger posted under an id of its own', () => {
  const own = { ...CURSOR, after: { key: '2026-11-20T08:00:00.000Z#breakage:g:1.5', id: 'breakage:g:1.5' } };
  expect(readCursor('customer:acme', writeCursor('customer:acme', own))).toEqual(own);
});

test('is refused with any character changed, added or taken away', () => {
  const cursor = writeCursor('customer:acme', CURSOR);
  const place = fc.nat({ max: cursor.length - 1 });
  const piece = fc.constantFrom('', 'A', '0', '.', '~', 'zz');
  fc.assert(
    fc.property(place, piece, (index, text) => {
      const changed = cursor.slice(0, index) + text + cursor.slice(index + 1);
      fc.pre(changed !== cursor);
      expect(readCursor('customer:acme', changed)).toBeUndefined();
    }),
  );
  for (const changed of ['', '.', `${cursor}.`, `${cursor}0`, ` ${cursor}`]) {
    expect(readCursor('customer:acme', changed)).toBeUndefined();
  }
});

test.each([
  ['another shape', { from: '2026-11-01' }],
  ['a day that does not exist', ['2026-02-30', '2026-11-30', 'asc', CURSOR.after.key, 'x']],
  ['an unknown order', ['2026-11-01', '2026-11-30', 'up', CURSOR.after.key, 'x']],
  ['a position without a time', ['2026-11-01', '2026-11-30', 'asc', 'soon#x', 'x']],
  ['a position with more behind it', ['2026-11-01', '2026-11-30', 'asc', `${CURSOR.after.key}#y`, 'x']],
  ['a position outside of its range', ['2026-11-21', '2026-11-30', 'asc', CURSOR.after.key, 'x']],
  ['an id that is none', ['2026-11-01', '2026-11-30', 'asc', CURSOR.after.key, 'a b']],
])('is refused with %s even where the digest fits', (_, content) => {
  expect(readCursor('customer:acme', forged('customer:acme', content))).toBeUndefined();
});
