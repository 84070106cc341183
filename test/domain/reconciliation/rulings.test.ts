import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EvidenceRow } from '../../../domain/reconciliation/rows.ts';
import { ruled } from '../../../domain/reconciliation/rulings.ts';
import { chargeAt, evidenceAt, reconcile } from './in-memory-books.ts';

const NOON = '2026-11-17T12:00:00.000Z';
const LATER = '2026-11-18T11:00:00.000Z';
const PERIOD = { start: '2026-11-16', end: '2026-11-20' };
const five = evidenceAt(NOON, 'r', 5n);
const seven = evidenceAt(NOON, 'r', 7n);

function ruling(number: number, overrules: readonly string[], at = NOON, requestId = 'r'): EvidenceRow {
  const key = `${at}#${requestId}`;
  return { key, fingerprint: '', operation: '', quantities: {}, ruling: { number, overrules } };
}

describe('a ruling', () => {
  it('leaves what it overrules out, and what nobody has judged yet in', () => {
    const eight = evidenceAt(NOON, 'r', 8n);
    expect(ruled([five, seven]).evidence).toEqual([five, seven]);
    expect(ruled([ruling(1, ['chat-7']), five, seven]).evidence).toEqual([five]);
    expect(ruled([ruling(1, ['chat-7']), five, seven, eight]).evidence).toEqual([five, eight]);
  });

  it('holds until a later one, and is taken back by one that overrules nothing', () => {
    const rulings = [ruling(1, ['chat-7']), ruling(2, ['chat-5'])];
    expect(ruled([...rulings, five, seven]).evidence).toEqual([seven]);
    expect(ruled([ruling(3, []), ...rulings, five, seven]).evidence).toEqual([five, seven]);
  });
});

describe('a reconciliation', () => {
  it.each([
    ['agrees with a charge by what holds', [ruling(1, ['chat-7'])], []],
    ['finds another amount where the other holds', [ruling(1, ['chat-5'])], ['amount-mismatch']],
    ['finds a charge unexpected where nothing holds', [ruling(1, ['chat-5', 'chat-7'])], ['unexpected']],
    ['finds a conflict while nothing is decided', [ruling(1, ['chat-5']), ruling(2, [])], ['conflicting-evidence']],
  ])('%s', async (_, rulings, kinds) => {
    const books = { evidence: [...rulings, five, seven], ledger: [chargeAt(NOON, 'r', 5n)] };
    const { findings, summary } = await reconcile(books, PERIOD);
    expect(findings.map(({ kind }) => kind)).toEqual(kinds);
    expect(summary).toMatchObject({ evidenceRows: 2, ledgerRows: 1 });
  });

  it('compares evidence at one time alone where that at another is overruled', async () => {
    const evidence = [five, evidenceAt(LATER, 'r', 5n)];
    const ledger = [chargeAt(NOON, 'r', 5n)];
    const before = await reconcile({ evidence, ledger }, PERIOD);
    expect(before.findings.map(({ kind }) => kind)).toEqual(['conflicting-evidence']);
    const after = await reconcile({ evidence: [...evidence, ruling(1, ['chat-5'], LATER)], ledger }, PERIOD);
    expect(after.findings).toEqual([]);
    expect(after.summary).toMatchObject({ evidenceRows: 2, pairs: 1 });
  });

  it('finds the same whatever the pages and shards', async () => {
    const digit = fc.nat({ max: 5 });
    const row = fc.tuple(digit, digit, fc.bigInt({ min: 1n, max: 3n }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 20 }),
        fc.array(row, { maxLength: 8 }),
        fc.array(row, { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        async (events, rulings, charges, pageRows) => {
          const at = (hour: number) => `2026-11-17T0${hour}:00:00.000Z`;
          const evidence = new Map(
            events.map(([hour, request, units]) => [
              `${hour}#${request}#${units}`,
              evidenceAt(at(hour), `r${request}`, units),
            ]),
          );
          const decided = rulings.map(([hour, request, units], index) =>
            ruling(index + 1, [`chat-${units}`], at(hour), `r${request}`),
          );
          const books = {
            evidence: [...decided, ...evidence.values()],
            ledger: charges.map(([hour, request, units], index) =>
              chargeAt(at(hour), `r${request}`, units, { id: `t${index}` }),
            ),
          };
          const once = await reconcile(books, PERIOD);
          expect(await reconcile(books, PERIOD, { pageRows, shards: 2 })).toEqual(once);
          expect(once.summary.evidenceRows).toBe(evidence.size);
          expect(once.summary.ledgerRows).toBe(charges.length);
        },
      ),
    );
  });
});

it('calls evidence missing whose charge was wholly given back, and says by which transfers', async () => {
  const ledger = [chargeAt(NOON, 'r', 5n), chargeAt(NOON, 'r', -5n, { id: 'undo', corrects: 'r' })];
  const { findings, summary } = await reconcile({ evidence: [five], ledger }, PERIOD);
  expect(findings).toMatchObject([{ kind: 'missing', expected: 5n, actual: 0n, transferIds: ['r', 'undo'] }]);
  expect(summary).toMatchObject({ evidenceRows: 1, ledgerRows: 2, pairs: 1 });
});
