import { canonicalJson, type Json } from '../canonical-json.ts';
import { type Chart, chartEntryOf } from '../chart.ts';
import type { Asset } from '../money.ts';
import { type Instant, type Month, parseMonth } from '../time.ts';
import { type InvoiceLine, inLineOrder, totalsOf } from './lines.ts';
import type { TieFault } from './tie-out.ts';

/**
 * `draft`: made and not looked at; `pending`: in review; `pending_regeneration`: to be rebuilt before anybody relies on
 * it; `final`: numbered and never changed again; `void`: not to be sent.
 */
export const INVOICE_STATUSES = ['draft', 'pending', 'pending_regeneration', 'final', 'void'] as const;
export type InvoiceStatus = (typeof INVOICE_STATUSES)[number];

/** A credit note gives back of a final invoice, a debit adjustment asks for more; both keep its period. */
export const DOCUMENT_KINDS = ['invoice', 'credit-note', 'debit-adjustment'] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** What an invoice says, apart from how and when it came about: the same ledger gives the same content. */
export interface InvoiceContent {
  readonly account: string;
  readonly month: Month;
  readonly kind: DocumentKind;
  /** Of a credit note or debit adjustment: the id of the invoice that it corrects. */
  readonly original?: string;
  readonly asset: Asset;
  /** Sums of transfers before the period and up to its end, in minor units. */
  readonly opening: bigint;
  readonly closing: bigint;
  /** In the order of their keys. */
  readonly lines: readonly InvoiceLine[];
}

/** An invoice as it stands; its lines are those of its digest. */
export interface Invoice extends Omit<InvoiceContent, 'lines'> {
  readonly id: string;
  readonly status: InvoiceStatus;
  /** Counts every change of it: a change is written only over what it was made from. */
  readonly revision: number;
  /** 1, 2, 3...: each is kept. */
  readonly version: number;
  /** SHA-256 of its content. */
  readonly digest: string;
  readonly lineCount: number;
  /** What the customer is asked to pay, in minor units. */
  readonly due: bigint;
  /** What its ledger lines took from the balance, in minor units. */
  readonly ledgerTotal: bigint;
  /** Why it cannot be sent; none where it ties out. */
  readonly faults: readonly TieFault[];
  /** The run that made this version. */
  readonly madeBy: string;
  readonly madeAt: Instant;
  /** The last run that came to it, and what it did. */
  readonly lastRun: string;
  readonly lastOutcome: InvoiceOutcome;
  /** The run by which it went into review. */
  readonly review?: string;
  /** What it was before it was marked for regeneration. */
  readonly statusBefore?: InvoiceStatus;
  /** Given once, when it becomes final. */
  readonly number?: string;
  readonly finalizedAt?: Instant;
}

/**
 * What a run did to an invoice. `created`, `changed`, `unchanged`: it was built; `marked`: it is to be rebuilt;
 * `submitted`: it is in review; `finalized`; `imported`, `restored`: lines came in, or went back; `voided`.
 */
export type InvoiceOutcome =
  | 'created'
  | 'changed'
  | 'unchanged'
  | 'marked'
  | 'submitted'
  | 'finalized'
  | 'imported'
  | 'restored'
  | 'voided';

/** One kept version of an invoice. */
export interface InvoiceVersion {
  readonly version: number;
  readonly digest: string;
  /** The run that made it. */
  readonly run: string;
  readonly madeAt: Instant;
  readonly due: bigint;
  readonly lineCount: number;
}

/** The text whose digest an invoice has. */
export function invoiceContent(content: InvoiceContent): string {
  const { account, month, kind, original, asset, opening, closing } = content;
  const lines = inLineOrder(content.lines).map(({ unit, type, description, quantity, amount }): Json => {
    return { unit, type, description, quantity: quantity.toString(), amount: amount.toString() };
  });
  return canonicalJson({
    ...{ account, month, kind, asset, lines },
    ...(original !== undefined && { original }),
    ...{ opening: opening.toString(), closing: closing.toString() },
  });
}

/** The figures of an invoice that follow from its lines. */
export function figuresOf({ lines }: Pick<InvoiceContent, 'lines'>) {
  const { due, ledger } = totalsOf(lines);
  return { due, ledgerTotal: ledger, lineCount: lines.length };
}

/** Lines of one invoice: what a page shows and a function holds with ease. */
export const INVOICE_LINES_MAX = 10_000;

/** Where an invoice is: its month, the account that it is for, and which document of them it is (0: the invoice itself). */
export interface InvoiceName {
  readonly month: Month;
  readonly account: string;
  readonly sequence: number;
}

/** `2026-10:customer:acme`; what corrects it is `2026-10:customer:acme~1`. No account's id has a `~`. */
export function invoiceId({ month, account, sequence }: InvoiceName): string {
  return `${month}:${account}${sequence === 0 ? '' : `~${sequence}`}`;
}

const INVOICE_ID = /^(\d{4}-\d{2}):([^~]+?)(?:~([1-9][0-9]{0,3}))?$/;

/** Reads an invoice's id; undefined where it is none. */
export function parseInvoiceId(id: string): InvoiceName | undefined {
  const [, month = '', account = '', sequence = '0'] = INVOICE_ID.exec(id) ?? [];
  return parseMonth(month) === undefined ? undefined : { month, account, sequence: Number(sequence) };
}

/** The id of an invoice or an account as the name of a file: another for each, with nothing that a path or a shell reads. */
export function fileNameOf(id: string): string {
  const escaped = (character: string) => `=${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return id.replace(/[^A-Za-z0-9.:~-]/g, escaped).replaceAll(':', '_');
}

/** The account that an account is billed to: that of the first two segments of its path. */
export function billedAccountOf(account: string): string {
  return account.split(':', 2).join(':');
}

/** The asset that an account is billed in; undefined where nothing is: only usage that is priced makes an invoice. */
export function billedAssetOf(chart: Chart, account: string): Asset | undefined {
  const entry = chartEntryOf(chart, account);
  return entry?.party === 'customer' && entry.rateCard !== undefined ? entry.asset : undefined;
}

/** The kind of document that corrects a final invoice by this much. */
export function correctionKind(due: bigint): Exclude<DocumentKind, 'invoice'> {
  return due < 0n ? 'credit-note' : 'debit-adjustment';
}

/** The number of a document: its series, the year of its finalization, and a count without gaps within both. */
export function documentNumber(series: string, year: string, count: number): string {
  return `${series}-${year}-${count.toString().padStart(6, '0')}`;
}

/** What an approval of a review allows. */
export const FINALIZE_ACTION = 'invoices.finalize';
