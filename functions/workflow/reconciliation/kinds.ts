import type { FindingKind } from '../../../domain/reconciliation/findings.ts';

export interface KindText {
  readonly means: string;
  readonly toDo: string;
}

/** What kinds of findings mean where books of this kind were compared, and what to do about them. */
export function kindText(kind: FindingKind, books: 'invoices' | undefined): KindText {
  return (books === 'invoices' ? INVOICE_KIND_TEXTS[kind] : undefined) ?? KIND_TEXTS[kind];
}

const REGENERATE =
  'Regenerate the invoice; of a final one the difference goes into a credit note or a debit adjustment.';

const INVOICE_KIND_TEXTS: Readonly<Partial<Record<FindingKind, KindText>>> = {
  missing: {
    means: 'In the ledger, and on no invoice.',
    toDo: 'Generate the invoice where there is none; else regenerate it. Of a final one, that makes a debit adjustment.',
  },
  unexpected: { means: 'On an invoice, and not in the ledger.', toDo: REGENERATE },
  'amount-mismatch': { means: 'The invoice says another amount than the ledger.', toDo: REGENERATE },
  'balance-drift': {
    means: 'Balance, transfers and invoice do not say the same of the month.',
    toDo: 'Reconcile the balance and repair it where it is not the sum of its transfers; then regenerate the invoice.',
  },
};

/** For whoever reads the report at two in the morning: what each kind of finding means, and what to do about it. */
const KIND_TEXTS: Readonly<Record<FindingKind, KindText>> = {
  missing: {
    means: 'Used, and not charged.',
    toDo: 'Post the charge under the request’s own id: if a late original comes after all, it is a replay.',
  },
  unexpected: {
    means: 'Charged, and nothing says it was used.',
    toDo: 'Ask whether evidence is late; if there is none, reverse the charge.',
  },
  duplicate: {
    means: 'Charged more than once for one request.',
    toDo: 'Reverse every charge of the request but the first.',
  },
  'amount-mismatch': {
    means: 'Charged another amount than the rate card says.',
    toDo: 'Check the rate card of that date, then post the difference as a correction.',
  },
  misdated: {
    means: 'Charged rightly, at another time than it was used.',
    toDo: 'Nothing is owed; if the charge fell into another billing period, move it by a reversal and a new charge.',
  },
  'conflicting-evidence': {
    means: 'Two pieces of evidence for one request say different things.',
    toDo: 'Find out at the source which one holds; Reckoner guesses none.',
  },
  'balance-drift': {
    means: 'A stored balance is not the sum of its transfers.',
    toDo: 'Pause the ledger and follow the runbook balance-drift: limits are being checked against a wrong number.',
  },
};
