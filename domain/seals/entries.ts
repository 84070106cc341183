import { canonicalJson, type Json } from '../canonical-json.ts';
import type { Instant } from '../time.ts';

/**
 * The lines of a sealed bucket's day. For each account with transfers on that day, in order of its id: one line for each
 * transfer, in the order of (time, request id, id), and then one for the account. A line is canonical JSON (RFC 8785) and a
 * line feed.
 *
 * - A transfer's `digest` is the SHA-256 of the canonical JSON of its item in the form of DynamoDB JSON, as table exports
 *   have it (`{"amount":{"N":"5"},...}`), with all attributes but the key and the four that place it in indexes. So what
 *   transfers come to have in the future is sealed without being named here.
 * - An account's `digest` is the SHA-256 of its transfers' lines, a bucket's that of all its lines.
 */
export interface EntryLine {
  readonly account: string;
  /** `<time>#<request id>`, or the id where there is no request: where the index lists it. */
  readonly at: string;
  readonly digest: string;
  /** The transfer's id. */
  readonly id: string;
}

export interface AccountLine {
  readonly account: string;
  readonly digest: string;
  readonly entries: number;
}

export type SealLine = EntryLine | AccountLine;

/** An entry as the ledger has it now. */
export interface LedgerEntry extends EntryLine {
  /** Empty where the item does not say: nothing of this project writes one without. */
  readonly recordedAt: Instant;
}

/** Attributes of an item that say where it is kept and listed, and nothing of the transfer. */
const PLACE_ATTRIBUTES: ReadonlySet<string> = new Set(['pk', 'debitDay', 'debitAt', 'creditDay', 'creditAt']);

/** The text whose digest stands for a transfer. */
export function entryContent(attributes: { readonly [name: string]: Json }): string {
  const content = Object.entries(attributes).filter(([name]) => !PLACE_ATTRIBUTES.has(name));
  return canonicalJson(Object.fromEntries(content));
}

export function entryLine({ account, at, digest, id }: EntryLine): string {
  return `${canonicalJson({ account, at, digest, id })}\n`;
}

export function accountLine({ account, digest, entries }: AccountLine): string {
  return `${canonicalJson({ account, digest, entries })}\n`;
}

export function isEntry(line: SealLine): line is EntryLine {
  return 'at' in line;
}

/** Order within one account; ids and times have no characters in which orders of text differ. */
export function compareEntries(a: Pick<EntryLine, 'at' | 'id'>, b: Pick<EntryLine, 'at' | 'id'>): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
