import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InvoiceLine } from '../../../domain/invoices/lines.ts';
import { policyLines } from '../../../domain/invoices/policy.ts';
import { balanceFaults, describeTieFault, lineFaults } from '../../../domain/invoices/tie-out.ts';

const ACME = 'customer:acme';
const usage = (amount: bigint): InvoiceLine => ({
  unit: ACME,
  type: 'usage',
  description: 'chat',
  quantity: 1n,
  amount,
});
const VAT = {
  description: 'VAT 19 %',
  asset: 'USD/6',
  rate: { of: 19n, per: 100n },
  on: ['usage', 'fee'],
  rounding: 'half-up' as const,
};
const FEE = { description: 'Platform fee', asset: 'USD/6', amount: 49_000_000n };

describe('lines of the configuration', () => {
  it('are fees, and taxes on what they are said to be on, fees included', () => {
    expect(policyLines({ fees: [FEE], taxes: [VAT] }, ACME, 'USD/6', [usage(1_000_000n)])).toEqual([
      { unit: ACME, type: 'fee', description: 'platform fee', quantity: 1n, amount: 49_000_000n },
      { unit: ACME, type: 'tax', description: 'vat 19 %', quantity: 1n, amount: 9_500_000n },
    ]);
  });

  it('are none for another asset', () => {
    expect(policyLines({ fees: [FEE], taxes: [VAT] }, ACME, 'TOKEN', [usage(5n)])).toEqual([]);
  });

  it('tax what is given back as what was taken, to the same unit', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 12n), (amount) => {
        const [taken] = policyLines({ fees: [], taxes: [VAT] }, ACME, 'USD/6', [usage(amount)]);
        const [given] = policyLines({ fees: [], taxes: [VAT] }, ACME, 'USD/6', [usage(-amount)]);
        expect(given?.amount).toBe(-(taken?.amount ?? 0n));
      }),
    );
  });
});

describe('the tie-out', () => {
  it('finds every unit whose balance moved by something else than its transfers, and no other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.bigInt(-9n, 9n), fc.bigInt(-9n, 9n), fc.bigInt(-1n, 1n))), (units) => {
        const figures = units.map(([opening, moved, drift], index) => ({
          ...{ unit: `${ACME}:${index}`, asset: 'TOKEN', opening, closing: opening + moved, kept: moved + drift },
        }));
        const wrong = figures.filter((_, index) => units[index]?.[2] !== 0n).map(({ unit }) => unit);
        expect(balanceFaults('TOKEN', figures).map((fault) => ('unit' in fault ? fault.unit : ''))).toEqual(wrong);
      }),
    );
  });

  it('names what cannot be added: another asset, and a balance that never stood still', () => {
    const figures = { opening: 0n, closing: 0n };
    const faults = balanceFaults('TOKEN', [
      { unit: 'a', asset: 'USD/2', ...figures },
      { unit: 'b', asset: 'TOKEN', isMoving: true, ...figures },
    ]);
    expect(faults.map(({ kind }) => kind)).toEqual(['asset', 'moving']);
    expect(describeTieFault(faults[0] ?? { kind: 'moving', unit: '' }, 'TOKEN')).toContain('bill it apart');
  });

  it('holds lines of the ledger against its transfers, and leaves others alone', () => {
    const foreign: InvoiceLine = { unit: ACME, type: 'adjustment', description: 'x', quantity: 1n, amount: 3n };
    expect(lineFaults([usage(5n), foreign], [usage(5n)])).toEqual([]);
    expect(lineFaults([usage(6n)], [usage(5n)])).toMatchObject([{ kind: 'line', line: '6', transfers: '5' }]);
    expect(lineFaults([], [usage(5n)])).toMatchObject([{ kind: 'line', line: '0', transfers: '5' }]);
  });
});
