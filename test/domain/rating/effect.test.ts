import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReasons, effectOn, UNPRICED_REASONS_MAX, type UnpricedReason } from '../../../domain/rating/effect.ts';
import type { EvidenceRow } from '../../../domain/reconciliation/rows.ts';
import { evidenceAt, priceOf } from '../reconciliation/in-memory-books.ts';

const AT = '2026-11-17T00:00:00.000Z';
const twice = (row: EvidenceRow) => {
  const price = priceOf(row);
  return typeof price === 'bigint' ? price * 2n : price;
};

async function* inPages(rows: readonly EvidenceRow[], size: number) {
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}

test('adds up what both prices come to, wherever pages end', async () => {
  const quantities = fc.array(fc.bigInt({ min: 0n, max: 100n }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(quantities, fc.integer({ min: 1, max: 7 }), async (units, size) => {
      const rows = units.map((count, index) => evidenceAt(AT, `r-${index}`, count));
      const effect = await effectOn(inPages(rows, size), { published: priceOf, proposed: twice }, () => undefined);
      const published = units.reduce((sum, count) => sum + count, 0n);
      const counts = { events: rows.length, priced: rows.length, unpriced: 0 };
      expect(effect).toEqual({ ...counts, published, proposed: published * 2n });
    }),
  );
});

test('leaves out of both amounts what one of them cannot price, and says why', async () => {
  const reasons: UnpricedReason[] = [];
  const rows = [evidenceAt(AT, 'a', 5n), evidenceAt(AT, 'b', 1n, 'secret'), evidenceAt(AT, 'c', 7n, 'gone')];
  const proposed = (row: EvidenceRow) => (row.operation === 'gone' ? { unpriced: 'is gone' } : twice(row));
  const effect = await effectOn(inPages(rows, 1), { published: priceOf, proposed }, (reason) => reasons.push(reason));
  expect(effect).toEqual({ events: 3, priced: 1, unpriced: 2, published: 5n, proposed: 10n });
  expect(reasons.map(({ by, events }) => [by, events])).toEqual([
    ['published', 1],
    ['proposal', 1],
  ]);
});

test('guesses no amount where evidence conflicts, even when a page ends between the two', async () => {
  const rows = [evidenceAt(AT, 'a', 5n), evidenceAt(AT, 'a', 6n), evidenceAt(AT, 'b', 1n)];
  for (const size of [1, 2, 3]) {
    const effect = await effectOn(inPages(rows, size), { published: priceOf, proposed: twice }, () => undefined);
    expect(effect).toEqual({ events: 3, priced: 1, unpriced: 2, published: 1n, proposed: 2n });
  }
});

test('adds up equal reasons and keeps the first of very many', () => {
  const reasons = createReasons();
  for (let index = 0; index < 100; index += 1) reasons.note({ by: 'proposal', rule: `rule ${index % 50}`, events: 1 });
  expect(reasons.list()).toHaveLength(UNPRICED_REASONS_MAX);
  expect(reasons.list()[0]).toEqual({ by: 'proposal', rule: 'rule 0', events: 2 });
});
