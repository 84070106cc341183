import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ImportedLine,
  importedLines,
  mergeLines,
  partsOfRows,
  repeatedRows,
} from '../../../domain/invoices/line-import.ts';
import { type InvoiceLine, inLineOrder, lineKeyText, normalizeDescription } from '../../../domain/invoices/lines.ts';

const line = (description: string, amount: bigint, more: Partial<InvoiceLine> = {}): InvoiceLine => ({
  ...{ unit: 'customer:acme', type: 'usage', description, quantity: 1n, amount },
  ...more,
});

const anyLines = fc
  .uniqueArray(
    fc.record({
      unit: fc.constantFrom('customer:acme', 'customer:acme:team-1'),
      type: fc.constantFrom('usage', 'setup-fee'),
      description: fc.constantFrom('chat', 'search', 'embed', 'ﬁ', '\u{1F600}'),
      quantity: fc.bigInt(0n, 5n),
      amount: fc.bigInt(-5n, 5n),
    }),
    { selector: lineKeyText },
  )
  .map((lines) => inLineOrder(lines));

describe('merging lines', () => {
  test('has every line of the file as the file says it, and every other as it was', () => {
    fc.assert(
      fc.property(anyLines, anyLines, (current, imported) => {
        const { lines, inserted, updated, unchanged } = mergeLines(current, imported);
        const merged = new Map(lines.map((each) => [lineKeyText(each), each]));
        const wanted = new Map([...current, ...imported].map((each) => [lineKeyText(each), each]));
        expect(merged).toEqual(wanted);
        expect(inserted + updated + unchanged).toBe(imported.length);
        expect(lines.length).toBe(current.length + inserted);
        expect(lines).toEqual(inLineOrder(lines));
      }),
    );
  });

  test('done twice, changes nothing the second time', () => {
    fc.assert(
      fc.property(anyLines, anyLines, (current, imported) => {
        const { lines } = mergeLines(current, imported);
        const again = mergeLines(lines, imported);
        expect(again).toMatchObject({ inserted: 0, updated: 0, unchanged: imported.length });
        expect(again.lines).toEqual(lines);
      }),
    );
  });

  test('tells fees and taxes anew, on what there is with the file', () => {
    const policy = {
      fees: [],
      taxes: [
        {
          ...{ description: 'VAT 10 %', asset: 'TOKEN', rate: { of: 10n, per: 100n } },
          ...{ on: ['usage', 'setup-fee'], rounding: 'half-up' as const },
        },
      ],
    };
    const before = [line('chat', 100n), line('vat 10 %', 10n, { type: 'tax' })];
    const setup = line('setup', 50n, { type: 'setup-fee' });
    const merged = importedLines(policy, { account: 'customer:acme', asset: 'TOKEN' }, before, [setup]);
    expect(merged).toMatchObject({ inserted: 1, updated: 0, unchanged: 0 });
    expect(merged.lines).toEqual(inLineOrder([before[0] ?? setup, setup, line('vat 10 %', 15n, { type: 'tax' })]));
  });
});

test('rows are one line when invoice, unit, type and normalized description agree, and only then', () => {
  const row = (index: number, invoice: string, description: string, type = 'usage'): ImportedLine => ({
    ...line(normalizeDescription(description), 1n, { type }),
    ...{ invoice, row: index },
  });
  const rows = [
    row(2, 'a', 'Chat  Completion'),
    row(3, 'a', ' chat completion '),
    row(4, 'b', 'chat completion'),
    row(5, 'a', 'chat completion', 'credit'),
    row(6, 'a', 'CHAT\u00a0completion'),
  ];
  expect(repeatedRows(rows).map((same) => same.map(({ row: index }) => index))).toEqual([[2, 3, 6]]);
});

test('parts keep the order, split nothing, and have at most so many rows unless one thing alone has more', () => {
  const things = fc.array(fc.record({ rows: fc.array(fc.constant(0), { minLength: 1, maxLength: 9 }) }));
  fc.assert(
    fc.property(things, fc.integer({ min: 1, max: 12 }), (all, most) => {
      const parts = partsOfRows(all, most);
      expect(parts.flat()).toEqual(all);
      for (const part of parts) {
        const rows = part.reduce((sum, each) => sum + each.rows.length, 0);
        expect(rows <= most || part.length === 1).toBe(true);
      }
      for (const [index, part] of parts.entries()) {
        const next = parts[index + 1]?.[0];
        const rows = part.reduce((sum, each) => sum + each.rows.length, 0);
        if (next !== undefined) expect(rows + next.rows.length).toBeGreaterThan(most);
      }
    }),
  );
});
