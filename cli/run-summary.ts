import type * as z from 'zod';
import type { reconciliation, reconciliationOutcome } from '../contract/schemas/reconciliations.ts';
import { formatAmount, formatCount, plural, table } from './format.ts';

export type Reconciliation = z.output<typeof reconciliation>;
export type Outcome = z.output<typeof reconciliationOutcome>;

/** What each kind of finding is called in the operators' table, in the order of their urgency. */
const KIND_NAMES: Readonly<Record<string, string>> = {
  missing: 'Missing entries',
  duplicate: 'Duplicates',
  unexpected: 'Unexpected entries',
  'amount-mismatch': 'Amount mismatches',
  misdated: 'Misdated entries',
  'conflicting-evidence': 'Conflicting evidence',
  'balance-drift': 'Balance drifts',
};

/** The operators' table of a finished run: money by asset, then findings by kind and what was looked at. */
export function runSummary(
  { id, books, startDate, endDate, accounts, trigger }: Reconciliation,
  outcome: Outcome,
): string {
  const parts = [moneyTable(outcome), countsTable(outcome, books), ...caveats(outcome, accounts)];
  const scope =
    trigger === 'spot' ? ', a sample of accounts' : accounts === undefined ? '' : `, ${accounts.join(', ')}`;
  const what = books === 'invoices' ? ', ledger and invoices' : '';
  return [`Run ${id}: ${startDate} to ${endDate}${what}${scope}`, ...parts].filter((part) => part !== '').join('\n');
}

function moneyTable({ totals }: Outcome): string {
  if (totals.length === 0) return '';
  const row = (name: string, field: Exclude<keyof (typeof totals)[number], 'asset' | 'discrepancyPercent'>) => [
    name,
    ...totals.map((total) => formatAmount(total[field], total.asset)),
  ];
  const rows = [
    row('Expected', 'expected'),
    row('Actual', 'actual'),
    row('Discrepancy', 'discrepancy'),
    ['Discrepancy percentage', ...totals.map(({ discrepancyPercent }) => `${discrepancyPercent} %`)],
    row('Over-charged', 'overCharged'),
    row('Under-charged', 'underCharged'),
    row('Charged, nothing to compare with', 'undetermined'),
  ];
  const assets = totals.map(({ asset }) => asset);
  return table(
    ['Totals', ...assets],
    rows,
    assets.map((_, index) => index + 1),
  );
}

/** What the rows of either book are called. */
const ROW_NAMES = {
  usage: { evidence: 'Evidence rows', ledger: 'Ledger rows', pairs: 'Pairs compared' },
  invoices: { evidence: 'Lines of invoices', ledger: 'Lines of the ledger', pairs: 'Lines compared' },
} as const;

function countsTable(outcome: Outcome, books: Reconciliation['books']): string {
  const names = ROW_NAMES[books ?? 'usage'];
  const { findingsByKind, accountsAffected, accountsAffectedIsMinimum } = outcome;
  const kinds = [...new Set([...Object.keys(KIND_NAMES), ...Object.keys(findingsByKind)])];
  const affected = formatCount(accountsAffected);
  const rows = [
    ...kinds.map((kind) => [KIND_NAMES[kind] ?? kind, formatCount(findingsByKind[kind] ?? 0)]),
    ['Accounts affected', accountsAffectedIsMinimum ? `at least ${affected}` : affected],
    ['Accounts seen', formatCount(outcome.accountsSeen)],
    [names.evidence, formatCount(outcome.evidenceRows)],
    [names.ledger, formatCount(outcome.ledgerRows)],
    [names.pairs, formatCount(outcome.pairsCompared)],
    ['Balances checked', formatCount(outcome.balancesChecked)],
  ];
  return table(['Findings and extent', 'Count'], rows, [1]);
}

/** What the run could not look at; said aloud, so that nobody takes it for agreement. */
function caveats({ accountsTooBusy, notPaired, accountsSeen }: Outcome, accounts: readonly string[] = []): string[] {
  const unknown = `${accounts.length - accountsSeen} of the accounts that were named are in no book; check how they are written.`;
  const busy = `${plural(accountsTooBusy, 'account')} moved too fast for the balance to be compared; run again at a quiet time.`;
  const unpaired = `${plural(notPaired, 'finding')} had no second look, because one account and day had too many.`;
  return [
    ...(accounts.length > accountsSeen ? [unknown] : []),
    ...(accountsTooBusy > 0 ? [busy] : []),
    ...(notPaired > 0 ? [unpaired] : []),
  ];
}
