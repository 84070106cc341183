import { type Cursor, openCursor, refill } from './cursor.ts';
import { type ExpectedOf, evidenceRowsOf, groupOf, type Judged, judge } from './judge.ts';
import type { EvidenceRow, LedgerRow, Pages } from './rows.ts';

/** What was compared; counts of rows and requests, and the sum of all that matched in minor units. */
export interface Tally {
  /** Requests that both books know at the same time. */
  pairs: number;
  evidenceRows: number;
  ledgerRows: number;
  matched: bigint;
}

export function emptyTally(): Tally {
  return { pairs: 0, evidenceRows: 0, ledgerRows: 0, matched: 0n };
}

/**
 * Compares two books in one pass. Memory is constant while they agree: what matches is only counted, and what does not
 * is handed on at every page.
 * @param tally is counted up while the books are read.
 */
export async function* compareBooks(
  books: { readonly evidence: Pages<EvidenceRow>; readonly ledger: Pages<LedgerRow> },
  expectedOf: ExpectedOf,
  tally: Tally,
): AsyncGenerator<readonly Judged[]> {
  const [evidence, ledger] = await Promise.all([openCursor(books.evidence), openCursor(books.ledger)]);
  for (;;) {
    const judged = comparePages(evidence, ledger, expectedOf, tally);
    if (judged.length > 0) yield judged;
    const [moreEvidence, moreLedger] = [isUsedUp(evidence), isUsedUp(ledger)];
    if (!moreEvidence && !moreLedger) return;
    await Promise.all([moreEvidence && refill(evidence), moreLedger && refill(ledger)]);
  }
}

/**
 * Compares as far as the two pages go: up to the first group that may continue on a page not read yet. This is where
 * a run spends its time, so the common case, one row against one row, comes first and makes no objects.
 */
function comparePages(
  evidence: Cursor<EvidenceRow>,
  ledger: Cursor<LedgerRow>,
  expectedOf: ExpectedOf,
  tally: Tally,
): Judged[] {
  const judged: Judged[] = [];
  const { page: evidenceRows } = evidence;
  const { page: ledgerRows } = ledger;
  let [i, j] = [evidence.index, ledger.index];
  let [pairs, matched] = [0, 0n];
  for (;;) {
    const event = evidenceRows[i];
    const charge = ledgerRows[j];
    if (event !== undefined && charge !== undefined && event.key === charge.key) {
      const nextEvent = evidenceRows[i + 1];
      const nextCharge = ledgerRows[j + 1];
      const alone = nextEvent !== undefined && nextEvent.key !== event.key && nextCharge?.key !== event.key;
      if (alone && nextCharge !== undefined && expectedOf(event) === charge.amount) {
        matched += charge.amount;
        pairs += 1;
        i += 1;
        j += 1;
        continue;
      }
    }
    if ((event === undefined && !evidence.last) || (charge === undefined && !ledger.last)) break;
    const key = lesser(event?.key, charge?.key);
    if (key === undefined) break;
    const evidenceEnd = endOfGroup(evidenceRows, i, key);
    const ledgerEnd = endOfGroup(ledgerRows, j, key);
    if (mayContinue(evidence, i, evidenceEnd) || mayContinue(ledger, j, ledgerEnd)) break;
    const group = groupOf(key, evidenceRows.slice(i, evidenceEnd), ledgerRows.slice(j, ledgerEnd));
    i = evidenceEnd;
    j = ledgerEnd;
    const outcome = judge(group, expectedOf);
    countGroup(tally, outcome);
    if (outcome.verdict !== 'match') judged.push(outcome);
  }
  evidence.index = i;
  ledger.index = j;
  tally.pairs += pairs;
  tally.evidenceRows += pairs;
  tally.ledgerRows += pairs;
  tally.matched += matched;
  return judged;
}

function countGroup(tally: Tally, group: Judged): void {
  tally.evidenceRows += evidenceRowsOf(group);
  tally.ledgerRows += group.ledger.length;
  if (group.evidence.length > 0 && group.ledger.length > 0) tally.pairs += 1;
  if (group.verdict === 'match') tally.matched += group.net;
}

function lesser(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** Where the group of this key ends; its start when the row there has another key. */
function endOfGroup(rows: readonly { readonly key: string }[], start: number, key: string): number {
  let end = start;
  while (rows[end]?.key === key) end += 1;
  return end;
}

/** A group that reaches the end of its page may have rows on the next. */
function mayContinue(cursor: Cursor<unknown>, start: number, end: number): boolean {
  return end > start && end === cursor.page.length && !cursor.last;
}

/** Used up, or down to one group that may have rows on the next page. */
function isUsedUp({ page, index, last }: Cursor<{ readonly key: string }>): boolean {
  return !last && (index === page.length || page[index]?.key === page.at(-1)?.key);
}
