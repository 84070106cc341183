import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type InvoiceLine,
  inLineOrder,
  isDue,
  LEDGER_LINE_TYPES,
  lineKeyText,
  pairLines,
  totalsOf,
} from '../../../domain/invoices/lines.ts';
import { findingIdentity } from '../../../domain/reconciliation/findings.ts';
import { type BilledDocument, compareInvoiceBooks } from '../../../domain/reconciliation/invoices.ts';
import { createCounter } from '../../../domain/reconciliation/summary.ts';

const ACME = 'customer:acme';

function documentOf(id: string, lines: readonly InvoiceLine[], status: 'draft' | 'final' = 'draft'): BilledDocument {
  const { due, ledger } = totalsOf(lines);
  return { invoice: { id, status, opening: 0n, closing: -ledger, due }, lines };
}

const compare = (ledger: readonly InvoiceLine[], documents: readonly BilledDocument[]) => {
  const counter = createCounter();
  const books = { lines: inLineOrder(ledger), transfers: ledger.length, faults: [] };
  const of = { account: ACME, month: '2026-10', asset: 'USD/2' };
  return { findings: compareInvoiceBooks({ ...of, ledger: books, documents }, counter), summary: counter.result() };
};

const amounts = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n });
const ledgerLine: fc.Arbitrary<InvoiceLine> = fc.record({
  unit: fc.constantFrom(ACME, `${ACME}:team`, `${ACME}:team:a`, `${ACME}:x`),
  type: fc.constantFrom(...LEDGER_LINE_TYPES),
  // Half pairs, letters beyond U+FFFF and what sorts beside the separator of keys.
  description: fc.constantFrom('chat', 'chat!', 'chat embed', '', '#', '\u{1f600}', '\uffee', 'zz', '"a,b"'),
  quantity: fc.bigInt({ min: 0n, max: 1_000n }),
  amount: amounts,
});
const foreignLine: fc.Arbitrary<InvoiceLine> = fc.record({
  ...{ unit: fc.constant(ACME), type: fc.constantFrom('fee', 'tax', 'support'), description: fc.constant('plan') },
  ...{ quantity: fc.constant(1n), amount: amounts },
});

type Plant = 'same' | 'missing' | 'unexpected' | 'amount' | 'quantity';
const planted = fc.uniqueArray(
  fc.record({
    line: ledgerLine,
    plant: fc.constantFrom<Plant>('same', 'same', 'missing', 'unexpected', 'amount', 'quantity'),
    by: fc.bigInt({ min: 1n, max: 10n ** 9n }),
    parts: fc.bigInt({ min: -100n, max: 100n }),
  }),
  { selector: ({ line }) => lineKeyText(line), maxLength: 40 },
);

function billedOf(line: InvoiceLine, plant: Plant, by: bigint): InvoiceLine | undefined {
  if (plant === 'missing') return undefined;
  if (plant === 'amount') return { ...line, amount: line.amount + by };
  return plant === 'quantity' ? { ...line, quantity: line.quantity + by } : line;
}

test('planted differences are found exactly, each once and with its sign, wherever the lines are billed', () => {
  fc.assert(
    fc.property(planted, fc.array(foreignLine, { maxLength: 3 }), fc.boolean(), (plants, foreign, isFinal) => {
      const ledger = plants.filter(({ plant }) => plant !== 'unexpected').map(({ line }) => line);
      fc.pre(ledger.length > 0);
      // What is billed is parted between an invoice and what corrects it; only their sum counts.
      const [first, second]: [InvoiceLine[], InvoiceLine[]] = [[...foreign], []];
      for (const { line, plant, by, parts } of plants) {
        const billed = billedOf(line, plant, by);
        if (billed === undefined) continue;
        first.push({ ...billed, amount: billed.amount - parts });
        second.push({ ...billed, quantity: 0n, amount: parts });
      }
      const documents = [
        documentOf('2026-10:customer:acme', first, isFinal ? 'final' : 'draft'),
        documentOf('2026-10:customer:acme~1', second),
      ];
      const { findings, summary } = compare(ledger, documents);
      const expected = plants.flatMap(({ line, plant, by }) => {
        if (plant === 'same') return [];
        const billed = billedOf(line, plant, by);
        const kind = plant === 'missing' || plant === 'unexpected' ? plant : 'amount-mismatch';
        const should = plant === 'unexpected' ? 0n : line.amount;
        return [[kind, line.unit, line.type, line.description, should, billed?.amount ?? 0n]];
      });
      const told = findings.map(({ kind, account, invoice, expected: should, actual }) => {
        return [kind, account, invoice?.line?.type, invoice?.line?.description, should, actual];
      });
      const byText = (lines: unknown[][]) => lines.map((line) => line.map(String).join('\n')).sort();
      expect(byText(told)).toEqual(byText(expected));
      expect(new Set(findings.map(findingIdentity)).size).toBe(findings.length);
      // Totals are of what is due alone, and their difference is that of the findings.
      const due = (lines: readonly InvoiceLine[]) =>
        lines.reduce((sum, line) => (isDue(line) ? sum + line.amount : sum), 0n);
      const ledgerOnly = [...first, ...second].filter((line) => !foreign.includes(line));
      const totals = summary.assets['USD/2'];
      expect([totals?.expected, totals?.actual]).toEqual([due(ledger), due(ledgerOnly)]);
    }),
    { numRuns: 300 },
  );
});

test('sets of lines are paired in the order of code points, each line once', () => {
  fc.assert(
    fc.property(planted, planted, (left, right) => {
      const [before, after] = [left, right].map((side) => inLineOrder(side.map(({ line }) => line)));
      const pairs = [...pairLines(before ?? [], after ?? [])];
      const keys = pairs.map(lineKeyText);
      expect(keys).toEqual(inLineOrder(pairs).map(lineKeyText));
      expect(new Set(keys).size).toBe(keys.length);
      expect(pairs.flatMap((pair) => (pair.before === undefined ? [] : [lineKeyText(pair)]))).toEqual(
        (before ?? []).map(lineKeyText),
      );
      expect(pairs.flatMap((pair) => (pair.after === undefined ? [] : [lineKeyText(pair)]))).toEqual(
        (after ?? []).map(lineKeyText),
      );
    }),
  );
});

test('a line is the same finding in every run, whichever document would be changed for it', () => {
  const line = { unit: `${ACME}:team`, type: 'usage', description: 'chat', quantity: 1n, amount: 5n };
  const final = documentOf('2026-10:customer:acme', [], 'final');
  const [before] = compare([line], [final]).findings;
  const [after] = compare([line], [final, documentOf('2026-10:customer:acme~1', [])]).findings;
  expect([before?.invoice?.id, after?.invoice?.id]).toEqual(['2026-10:customer:acme', '2026-10:customer:acme~1']);
  expect(after && findingIdentity(after)).toBe(before && findingIdentity(before));
});
