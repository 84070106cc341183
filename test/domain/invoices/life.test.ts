import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Invoice, invoiceContent, invoiceId, parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { type Built, created, finalized, marked, rebuilt, submitted, voided } from '../../../domain/invoices/life.ts';
import type { TieFault } from '../../../domain/invoices/tie-out.ts';

const NAME = { month: '2026-10', account: 'customer:acme', sequence: 0 };
const by = (run: string) => ({ run, at: '2026-11-02T06:00:00.000Z' });
const FAULT: TieFault = { kind: 'moving', unit: 'customer:acme' };

/** Content that says `amount`; its digest is its text. */
function built(amount: bigint, faults: readonly TieFault[] = []): Built {
  const content = {
    ...({ account: NAME.account, month: NAME.month, kind: 'invoice', asset: 'TOKEN' } as const),
    ...{ opening: 0n, closing: -amount },
    lines: [{ unit: NAME.account, type: 'usage', description: 'chat', quantity: 1n, amount }],
  };
  return { content, digest: invoiceContent(content), faults };
}

type Step = {
  readonly do: 'mark' | 'rebuild' | 'submit' | 'finalize' | 'void';
  readonly amount: bigint;
  readonly ties: boolean;
};
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('mark', 'rebuild', 'rebuild', 'submit', 'submit', 'finalize', 'void'),
  amount: fc.bigInt(1n, 3n),
  ties: fc.boolean(),
});

/** Takes a step of its own run; finalizing names the review that the invoice is in. */
function take(invoice: Invoice, { do: what, amount, ties }: Step, run: string) {
  switch (what) {
    case 'mark':
      return marked(invoice, by(run));
    case 'rebuild':
      return rebuilt(invoice, built(amount, ties ? [] : [FAULT]), by(run));
    case 'submit':
      return submitted(invoice, by(run));
    case 'finalize':
      return finalized(invoice, invoice.review ?? 'none', 'INV-2026-000001', by(run));
    case 'void':
      return voided(invoice, by(run));
  }
}

describe('the life of an invoice', () => {
  it('never changes what is final, finalizes nothing that does not tie or was not reviewed as it is, and keeps count', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        let invoice = created(NAME, built(1n), by('first'));
        let reviewed: string | undefined;
        for (const [index, each] of steps.entries()) {
          const moved = take(invoice, each, `run-${index}`);
          if (moved.kind === 'refused') continue;
          const next = moved.invoice;
          if (next === invoice) continue;
          expect(invoice.status).not.toBe('final');
          expect(next.revision).toBe(invoice.revision + 1);
          expect(next.version - invoice.version).toBe(next.digest === invoice.digest ? 0 : 1);
          if (next.status === 'pending') expect(next.faults).toEqual([]);
          if (each.do === 'submit') reviewed = next.digest;
          if (next.status === 'final') expect(next.digest).toBe(reviewed);
          invoice = next;
        }
      }),
    );
  });

  it('keeps an invoice in its review when it is rebuilt and says the same, and takes it out when it says otherwise', () => {
    const first = created(NAME, built(1n), by('a'));
    const pending = invoiceOf(submitted(first, by('review')));
    const mark = invoiceOf(marked(pending, by('b')));
    expect(mark).toMatchObject({ status: 'pending_regeneration', statusBefore: 'pending' });
    expect(finalized(mark, 'review', 'N', by('c'))).toEqual({ kind: 'refused', reason: 'not-in-review' });
    expect(invoiceOf(rebuilt(mark, built(1n), by('b')))).toMatchObject({
      status: 'pending',
      review: 'review',
      version: 1,
    });
    const other = invoiceOf(rebuilt(mark, built(2n), by('b')));
    expect(other).toMatchObject({ status: 'draft', version: 2 });
    expect(other.review).toBeUndefined();
    expect(invoiceOf(rebuilt(mark, built(1n, [FAULT]), by('b')))).toMatchObject({ status: 'draft', version: 1 });
  });

  it('is named by month, account and sequence, both ways', () => {
    expect(parseInvoiceId('2026-10:customer:acme~12')).toEqual({ ...NAME, sequence: 12 });
    for (const name of [NAME, { ...NAME, sequence: 3 }]) expect(parseInvoiceId(invoiceId(name))).toEqual(name);
    for (const wrong of ['', '2026-13:customer:acme', '2026-10', '2026-10:a~0', '2026-10:a~b', 'customer:acme']) {
      expect(parseInvoiceId(wrong)).toBeUndefined();
    }
  });
});

function invoiceOf(moved: ReturnType<typeof marked>): Invoice {
  if (moved.kind === 'refused') throw new Error(moved.reason);
  return moved.invoice;
}
