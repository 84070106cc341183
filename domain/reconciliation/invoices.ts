import type { Invoice } from '../invoices/invoice.ts';
import { invoiceId } from '../invoices/invoice.ts';
import {
  type InvoiceLine,
  isDue,
  isLedgerLine,
  isSameLine,
  type LineChange,
  pairLines,
  sumLines,
  totalsOf,
} from '../invoices/lines.ts';
import { describeTieFault, type TieFault } from '../invoices/tie-out.ts';
import { type Asset, formatAmount } from '../money.ts';
import { type Month, periodOfMonth } from '../time.ts';
import { emptyTally } from './compare.ts';
import type { Finding, FindingKind } from './findings.ts';
import type { Counter } from './summary.ts';

/** A document as it stands, with its lines. */
export interface BilledDocument {
  readonly invoice: Pick<Invoice, 'id' | 'status' | 'opening' | 'closing' | 'due'>;
  readonly lines: readonly InvoiceLine[];
}

/** A customer's month in both books: what its transfers come to, and what was invoiced of them. */
export interface InvoiceBooks {
  readonly account: string;
  readonly month: Month;
  readonly asset: Asset;
  readonly ledger: {
    /** In the order of their keys. */
    readonly lines: readonly InvoiceLine[];
    readonly transfers: number;
    readonly faults: readonly TieFault[];
  };
  /** The invoice and what corrects it, void ones left out; none where nothing was invoiced. */
  readonly documents: readonly BilledDocument[];
}

/**
 * Compares what a customer's transfers come to with what was invoiced: the lines of both in one pass, what each document
 * says of itself with its own lines, and the balances with the transfers.
 * @param counter is counted up with all that was compared and found.
 */
export function compareInvoiceBooks(books: InvoiceBooks, counter: Counter): Finding[] {
  const { documents, ledger } = books;
  const found = [...balanceFindings(books, counter), ...documents.flatMap((document) => ownFindings(books, document))];
  const isCut = ledger.faults.some(({ kind }) => kind === 'too-many-lines');
  if (documents.length > 0 && !isCut) found.push(...lineFindings(books, counter));
  else if (documents.length === 0 && ledger.transfers > 0) found.push(notInvoiced(books));
  for (const finding of found) counter.finding(finding);
  return found;
}

function lineFindings(books: InvoiceBooks, counter: Counter): Finding[] {
  const billed = sumLines(books.documents.map(({ lines }) => lines.filter(isLedgerLine)));
  const tally = emptyTally();
  const found: Finding[] = [];
  for (const line of pairLines(books.ledger.lines, billed)) {
    if (line.before !== undefined) tally.ledgerRows += 1;
    if (line.after !== undefined) tally.evidenceRows += 1;
    if (line.before !== undefined && line.after !== undefined) tally.pairs += 1;
    if (!isSameLine(line)) found.push(lineFinding(books, line));
    else if (isDue(line)) tally.matched += line.before?.amount ?? 0n;
  }
  counter.matches(books.asset, tally);
  return found;
}

/** What the ledger says is expected, what was invoiced is actual; the sign is that of the line. */
function lineFinding(books: InvoiceBooks, { before, after, ...line }: LineChange): Finding {
  const { unit, type, description } = line;
  const kind: FindingKind = before === undefined ? 'unexpected' : after === undefined ? 'missing' : 'amount-mismatch';
  const said = (side: LineChange['before']) =>
    side === undefined ? 'no such line' : `${formatAmount(side.amount, books.asset)} of ${side.quantity} transfers`;
  const toChange = documentToChange(books);
  return {
    ...partsOf(books, kind, unit),
    expected: before?.amount ?? 0n,
    actual: after?.amount ?? 0n,
    invoice: {
      id: toChange.id,
      line: {
        ...{ type, description },
        expectedQuantity: before?.quantity ?? 0n,
        actualQuantity: after?.quantity ?? 0n,
      },
    },
    ...(!isDue(line) && { notDue: true }),
    detail: `"${description}" (${type}) of ${unit}: the ledger has ${said(before)}, invoice ${toChange.id} has ${said(after)}. ${remedy(books)}`,
  };
}

/** An account with transfers and no invoice is one finding and not one for each line. */
function notInvoiced(books: InvoiceBooks): Finding {
  const { account, month, asset, ledger } = books;
  const { due } = totalsOf(ledger.lines);
  return {
    ...partsOf(books, 'missing', account),
    ...{ expected: due, actual: 0n },
    invoice: { id: originalId(books) },
    detail: `${account} has ${ledger.transfers} transfers in ${month} and no invoice, which would ask for ${formatAmount(due, asset)}. Generate it: reckoner invoices generate --month ${month} --account ${account}`,
  };
}

/** Where a document contradicts its own lines: somebody wrote to one and not to the other. */
function ownFindings(books: InvoiceBooks, { invoice, lines }: BilledDocument): Finding[] {
  const { due, ledger } = totalsOf(lines);
  const moved = invoice.closing - invoice.opening;
  const text = (amount: bigint) => formatAmount(amount, books.asset);
  const found = (kind: FindingKind, expected: bigint, actual: bigint, said: string): Finding => ({
    ...partsOf(books, kind, books.account),
    ...{ expected, actual, invoice: { id: invoice.id } },
    // What is asked for was added up by the lines already.
    notDue: true,
    detail: `Invoice ${invoice.id} ${said} ${remedy(books)}`,
  });
  return [
    ...(invoice.due === due
      ? []
      : [found('amount-mismatch', due, invoice.due, `asks for ${text(invoice.due)}; its lines come to ${text(due)}.`)]),
    ...(moved === -ledger
      ? []
      : [
          found(
            'balance-drift',
            -ledger,
            moved,
            `says that the balance moved by ${text(moved)}; by its lines it moved by ${text(-ledger)}.`,
          ),
        ]),
  ];
}

/** Where the balances that the table keeps do not tie with the transfers of the month, or cannot be compared with them. */
function balanceFindings(books: InvoiceBooks, counter: Counter): Finding[] {
  const { account, asset, ledger } = books;
  return ledger.faults.flatMap((fault): Finding[] => {
    if (fault.kind === 'moving') {
      counter.count('accountsTooBusy');
      return [];
    }
    const isBalance = fault.kind === 'balance';
    return [
      {
        ...partsOf(
          books,
          fault.kind === 'too-many-lines' ? 'missing' : 'balance-drift',
          'unit' in fault ? fault.unit : account,
        ),
        expected: isBalance ? BigInt(fault.transfers) : 0n,
        actual: isBalance ? BigInt(fault.kept) : 0n,
        invoice: { id: originalId(books) },
        detail: describeTieFault(fault, asset),
      },
    ];
  });
}

function partsOf({ asset, month }: InvoiceBooks, kind: FindingKind, account: string) {
  const at = `${periodOfMonth(month).start}T00:00:00.000Z`;
  return { kind, account, asset, at, transferIds: [], evidence: [] };
}

/** The open document, or the invoice: where a line that is missing would go. */
function documentToChange({ documents, ...of }: InvoiceBooks): Pick<Invoice, 'id'> {
  const open = documents.find(({ invoice: { status } }) => status !== 'final');
  return open?.invoice ?? { id: originalId(of) };
}

function originalId({ month, account }: Pick<InvoiceBooks, 'month' | 'account'>): string {
  return invoiceId({ month, account, sequence: 0 });
}

function remedy({ documents, month, account }: InvoiceBooks): string {
  const command = `reckoner invoices regenerate --month ${month} --account ${account}`;
  return documents.some(({ invoice: { status } }) => status === 'final')
    ? `It is final: regenerating puts the difference into a credit note or a debit adjustment: ${command}`
    : `Regenerate it: ${command}`;
}
