import type { Instant } from '../time.ts';
import {
  figuresOf,
  type Invoice,
  type InvoiceContent,
  type InvoiceName,
  type InvoiceOutcome,
  invoiceId,
} from './invoice.ts';
import type { TieFault } from './tie-out.ts';

/**
 * The life of an invoice: from one state to the next, or why not. Nothing is written here; the store writes what comes
 * out of it over exactly what went in.
 */

/** Who changes an invoice, and when. */
export interface Change {
  readonly run: string;
  readonly at: Instant;
}

/** Why an invoice cannot be changed so. */
export type LifeRefusal =
  /** A final invoice is never changed: what came late goes into a credit note or a debit adjustment. */
  | 'final'
  | 'void'
  /** It does not tie out. */
  | 'blocked'
  /** It is to be rebuilt first. */
  | 'pending-regeneration'
  /** It is not in the review that is named, or not in any. */
  | 'not-in-review'
  /** It is in review: whoever approves it must know what it says. */
  | 'in-review';

export type Moved =
  | { readonly kind: 'moved'; readonly invoice: Invoice }
  | { readonly kind: 'refused'; readonly reason: LifeRefusal };

/** What was built of an invoice. */
export interface Built {
  readonly content: InvoiceContent;
  readonly digest: string;
  readonly faults: readonly TieFault[];
}

/** Marks a draft or an invoice in review as to be rebuilt: until then nobody may rely on it. */
export function marked(invoice: Invoice, change: Change): Moved {
  if (invoice.status === 'final' || invoice.status === 'void') return refused(invoice.status);
  if (invoice.status === 'pending_regeneration') return { kind: 'moved', invoice };
  return moved(invoice, change, 'marked', { status: 'pending_regeneration', statusBefore: invoice.status });
}

/**
 * The invoice as it was built. One that says what it said before keeps its version, and its place in a review; one that
 * says something else is a draft again.
 */
export function rebuilt(invoice: Invoice, built: Built, change: Change, outcome: InvoiceOutcome = 'changed'): Moved {
  if (invoice.status === 'final') return refused('final');
  const { statusBefore, review, ...kept } = invoice;
  if (invoice.digest === built.digest) {
    const isStillInReview = (statusBefore ?? invoice.status) === 'pending' && built.faults.length === 0;
    return moved(kept, change, 'unchanged', {
      faults: built.faults,
      status: isStillInReview ? 'pending' : 'draft',
      ...(isStillInReview && review !== undefined && { review }),
    });
  }
  return moved(kept, change, outcome, {
    ...partsOf(built),
    status: 'draft',
    version: invoice.version + 1,
    madeBy: change.run,
    madeAt: change.at,
  });
}

/** The first version of an invoice. */
export function created(name: InvoiceName, built: Built, { run, at }: Change): Invoice {
  return {
    id: invoiceId(name),
    ...partsOf(built),
    status: 'draft',
    ...{ revision: 1, version: 1 },
    ...{ madeBy: run, madeAt: at, lastRun: run, lastOutcome: 'created' },
  };
}

/** Puts a draft that ties out into review, under the run that does it. */
export function submitted(invoice: Invoice, change: Change): Moved {
  switch (invoice.status) {
    case 'final':
    case 'void':
      return refused(invoice.status);
    case 'pending_regeneration':
      return refused('pending-regeneration');
    case 'draft':
    case 'pending':
      if (invoice.faults.length > 0) return refused('blocked');
      return moved(invoice, change, 'submitted', { status: 'pending', review: change.run });
  }
}

/** Makes an invoice of this review final. It has its number from then on, and never changes again. */
export function finalized(invoice: Invoice, review: string, number: string, change: Change): Moved {
  if (invoice.status === 'final' || invoice.status === 'void') return refused(invoice.status);
  if (invoice.status !== 'pending' || invoice.review !== review) return refused('not-in-review');
  if (invoice.faults.length > 0) return refused('blocked');
  return moved(invoice, change, 'finalized', { status: 'final', number, finalizedAt: change.at });
}

/** Says that an invoice is not to be sent. One that was sent cannot be unsaid. */
export function voided(invoice: Invoice, change: Change): Moved {
  if (invoice.status === 'final') return refused('final');
  if (invoice.status === 'void') return { kind: 'moved', invoice };
  const { review: _review, statusBefore: _statusBefore, ...kept } = invoice;
  return moved(kept, change, 'voided', { status: 'void' });
}

/** Why lines cannot be put onto an invoice; undefined when they can. */
export function refusalOfLines({ status }: Pick<Invoice, 'status'>): LifeRefusal | undefined {
  if (status === 'draft') return undefined;
  if (status === 'pending') return 'in-review';
  return status === 'pending_regeneration' ? 'pending-regeneration' : status;
}

function partsOf({ content, digest, faults }: Built) {
  const { lines: _lines, ...rest } = content;
  return { ...rest, ...figuresOf(content), digest, faults };
}

function moved(
  invoice: Invoice,
  { run }: Change,
  lastOutcome: InvoiceOutcome,
  changes: Partial<Invoice>,
): Extract<Moved, { kind: 'moved' }> {
  const revision = invoice.revision + 1;
  return { kind: 'moved', invoice: { ...invoice, ...changes, revision, lastRun: run, lastOutcome } };
}

function refused(reason: LifeRefusal): Moved {
  return { kind: 'refused', reason };
}
