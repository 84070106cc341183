import type { DocumentKind, Invoice, InvoiceStatus } from '../../../domain/invoices/invoice.ts';
import { type ChangeLine, changeLine, diffLines } from '../../../domain/invoices/lines.ts';
import { describeTieFault } from '../../../domain/invoices/tie-out.ts';
import { type InvoicesStore, readLines, readVersions } from '../../../store/invoices.ts';
import type { Row } from './job.ts';

/** What a run made of one document. Amounts are decimal strings of minor units. */
export interface BuildRow extends Row {
  readonly invoice: string;
  /** Left out of rows that say only that the invoice was met. */
  readonly built?: {
    readonly account: string;
    readonly kind: DocumentKind;
    readonly original?: string;
    readonly status: InvoiceStatus;
    readonly version: number;
    readonly digest: string;
    readonly asset: string;
    /** What was asked for before, and is now. */
    readonly dueBefore: string;
    readonly due: string;
    readonly changes: readonly ChangeLine[];
    /** Why it is blocked, in sentences. */
    readonly blocked: readonly string[];
  };
}

/**
 * What a run made of a document, told from how it stands: the same whether it was built just now or by an attempt that
 * broke off.
 */
export async function rowOfInvoice(store: InvoicesStore, invoice: Invoice): Promise<BuildRow> {
  const before = invoice.lastOutcome === 'changed' ? await versionBefore(store, invoice) : undefined;
  const isNew = invoice.lastOutcome === 'created';
  const changes =
    before === undefined && !isNew
      ? []
      : diffLines(before === undefined ? [] : await readLines(store, before), await readLines(store, invoice));
  const { id, account, kind, original, status, version, digest, asset, due, faults, lastOutcome } = invoice;
  const dueBefore = isNew ? 0n : (before?.due ?? due);
  const isCorrection = kind !== 'invoice';
  return {
    counts: [...(isCorrection ? [kind] : [lastOutcome]), ...(faults.length > 0 ? ['blocked'] : [])],
    invoice: id,
    built: {
      ...{ account, kind, status, version, digest, asset },
      ...(original !== undefined && { original }),
      dueBefore: dueBefore.toString(),
      due: due.toString(),
      changes: changes.map(changeLine),
      blocked: faults.map((fault) => describeTieFault(fault, asset)),
    },
  };
}

async function versionBefore(store: InvoicesStore, { id, version }: Invoice) {
  const before = (await readVersions(store, id)).find((each) => each.version === version - 1);
  return before && { ...before, id };
}
