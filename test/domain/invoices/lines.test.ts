import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLineSums,
  differenceOf,
  diffLines,
  type InvoiceLine,
  inLineOrder,
  isDue,
  isLedgerLine,
  lineKeyText,
  lineOf,
  normalizeDescription,
  subtractLines,
  totalsOf,
} from '../../../domain/invoices/lines.ts';
import type { Transfer } from '../../../domain/transfers.ts';

const UNIT = 'customer:acme';
const AT = '2026-10-15T12:00:00.000Z';
const transfer = (fields: Partial<Transfer>): Transfer => ({
  ...{ id: 't-1', kind: 'transfer', debit: UNIT, credit: 'platform:revenue', asset: 'TOKEN', amount: 5n },
  ...{ effectiveAt: AT, recordedAt: AT },
  ...fields,
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('a', 'é', '\uFFFD', '😀', ' A  b '),
);
const line: fc.Arbitrary<InvoiceLine> = fc.record({
  unit: fc.constantFrom(UNIT, `${UNIT}:team-1`),
  type: fc.constantFrom('usage', 'correction', 'credit', 'fee', 'adjustment'),
  description: text.map(normalizeDescription),
  quantity: fc.bigInt(-5n, 5n),
  amount: fc.bigInt(-1_000n, 1_000n),
});
const lines = fc.array(line, { maxLength: 20 }).map((all) => {
  const sums = createLineSums();
  for (const each of all) sums.add(each);
  return sums.lines();
});

describe('a line', () => {
  it('is the same line for descriptions that differ in case and white space alone', () => {
    expect(normalizeDescription('  Water\t\tCharge \n')).toBe('water charge');
    fc.assert(
      fc.property(text, (description) => {
        expect(normalizeDescription(normalizeDescription(description))).toBe(normalizeDescription(description));
      }),
    );
  });

  it.each<[string, Partial<Transfer>, 'debit' | 'credit', Partial<InvoiceLine>]>([
    [
      'a charge is usage of its operation',
      { kind: 'charge', operation: 'Chat', requestId: 'r' },
      'debit',
      { type: 'usage', description: 'chat', amount: 5n },
    ],
    [
      'what corrects a charge is a correction',
      { debit: 'platform:revenue', credit: UNIT, corrects: 'r', requestId: 'r', operation: 'chat' },
      'credit',
      { type: 'correction', description: 'chat', amount: -5n },
    ],
    [
      'what is paid in is a credit',
      { debit: 'platform:funding', credit: UNIT, description: 'Top-up' },
      'credit',
      { type: 'credit', description: 'top-up', amount: -5n },
    ],
    [
      'a grant is a grant',
      { credit: UNIT, debit: 'platform:promotions', grant: { priority: 1n } },
      'credit',
      { type: 'grant', description: 'platform:promotions', amount: -5n },
    ],
    [
      'what expires of a grant is an expiry',
      { id: 'breakage:g:1.5', credit: 'platform:breakage' },
      'debit',
      { type: 'expiry', description: 'platform:breakage', amount: 5n },
    ],
    [
      'any other movement out is a debit',
      { description: ' ' },
      'debit',
      { type: 'debit', description: 'platform:revenue', amount: 5n },
    ],
  ])('%s', (_name, fields, side, expected) => {
    expect(lineOf(transfer(fields), side, UNIT)).toMatchObject({ unit: UNIT, quantity: 1n, ...expected });
  });

  it('moves the balance by the opposite of what it charges, whatever the transfer is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('debit' as const, 'credit' as const),
        fc.bigInt(0n, 10n ** 24n),
        fc.boolean(),
        (side, amount, isCharge) => {
          const of = lineOf(transfer({ amount, kind: isCharge ? 'charge' : 'transfer' }), side, UNIT);
          expect(of.amount).toBe(side === 'debit' ? amount : -amount);
          expect(isLedgerLine(of)).toBe(true);
        },
      ),
    );
  });
});

describe('sets of lines', () => {
  it('are in the order in which the table sorts their keys', () => {
    fc.assert(
      fc.property(lines, (set) => {
        const keys = set.map((each) => Buffer.from(lineKeyText(each)));
        expect([...keys].sort(Buffer.compare)).toEqual(keys);
        expect(inLineOrder(set.toReversed())).toEqual(set);
      }),
    );
  });

  it('differ by nothing from themselves, and a difference leads from one to the other', () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        expect(diffLines(before, before)).toEqual([]);
        const sums = createLineSums();
        for (const each of before) sums.add(each);
        for (const change of diffLines(before, after)) {
          const { unit, type, description } = change;
          sums.add({ unit, type, description, ...differenceOf(change) });
        }
        const present = (set: readonly InvoiceLine[]) =>
          set.filter(({ amount, quantity }) => amount !== 0n || quantity !== 0n);
        expect(present(sums.lines())).toEqual(present(after));
      }),
    );
  });

  it('leave to be billed what was not billed yet: both together come to all', () => {
    fc.assert(
      fc.property(lines, lines, (billed, all) => {
        const rest = subtractLines(all, billed);
        const [a, b, c] = [totalsOf(billed), totalsOf(rest), totalsOf(all)];
        expect(a.due + b.due).toBe(c.due);
        expect(a.ledger + b.ledger).toBe(c.ledger);
      }),
    );
  });

  it('ask for usage, corrections, fees and what was imported, and show payments alone', () => {
    const due = ['usage', 'correction', 'fee', 'tax', 'adjustment'];
    const shown = ['grant', 'credit', 'expiry', 'debit'];
    expect([...due, ...shown].filter((type) => isDue({ type }))).toEqual(due);
  });
});
