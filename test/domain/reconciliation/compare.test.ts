import { describe, expect, it } from 'vitest';
import { compareBooks, emptyTally } from '../../../domain/reconciliation/compare.ts';
import type { EvidenceRow, LedgerRow, Pages } from '../../../domain/reconciliation/rows.ts';
import { chargeAt, evidenceAt, inPages, priceOf } from './in-memory-books.ts';

const AT = '2026-11-17T12:00:00.000Z';

describe('comparing two books', () => {
  it('keeps nothing of what matches', async () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `r${String(index).padStart(4, '0')}`);
    const { groups, tally } = await compare(
      inPages(
        ids.map((id) => evidenceAt(AT, id, 2n)),
        7,
      ),
      inPages(
        ids.map((id) => chargeAt(AT, id, 2n)),
        11,
      ),
    );
    expect(groups).toBe(0);
    expect(tally).toEqual({ pairs: 5_000, evidenceRows: 5_000, ledgerRows: 5_000, matched: 10_000n });
  });

  it('never reads further ahead in one book than the other needs', async () => {
    let read = 0;
    async function* counted(): AsyncGenerator<EvidenceRow[]> {
      for (let page = 0; page < 100; page += 1) {
        read += 1;
        yield [evidenceAt(AT, `z${page}`, 1n)];
      }
    }
    const book = compareBooks(
      { evidence: counted(), ledger: inPages([chargeAt(AT, 'a', 1n)], 1) },
      priceOf,
      emptyTally(),
    );
    await book.next();
    expect(read).toBeLessThan(4);
  });

  it('passes over empty pages, which a filtered read may give', async () => {
    async function* gaps(): AsyncGenerator<LedgerRow[]> {
      yield [];
      yield [chargeAt(AT, 'a', 1n)];
      yield [];
      yield [{ ...chargeAt(AT, 'a', 1n), id: 'again' }];
      yield [];
    }
    const { groups, tally } = await compare(inPages([evidenceAt(AT, 'a', 2n)], 1), gaps());
    expect(groups).toBe(0);
    expect(tally).toEqual({ pairs: 1, evidenceRows: 1, ledgerRows: 2, matched: 2n });
  });

  it('gives what a book throws to whoever compares', async () => {
    async function* broken(): AsyncGenerator<LedgerRow[]> {
      yield [chargeAt(AT, 'a', 1n)];
      throw new Error('the table is gone');
    }
    await expect(compare(inPages([evidenceAt(AT, 'a', 1n)], 1), broken())).rejects.toThrow('the table is gone');
  });
});

async function compare(evidence: Pages<EvidenceRow>, ledger: Pages<LedgerRow>) {
  const tally = emptyTally();
  let groups = 0;
  for await (const judged of compareBooks({ evidence, ledger }, priceOf, tally)) groups += judged.length;
  return { groups, tally };
}
