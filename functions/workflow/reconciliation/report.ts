import { html, raw } from 'hono/html';
import { formatAmount } from '../../../domain/money.ts';
import { FINDING_KINDS, type FindingLine } from '../../../domain/reconciliation/findings.ts';
import type { RunOutcome, RunVerdict, TotalsLine } from '../../../domain/reconciliation/outcome.ts';
import { kindText } from './kinds.ts';
import { REPORT_STYLE } from './report-style.ts';
import type { RunPlan } from './run-plan.ts';

type Html = ReturnType<typeof html>;

/** Findings that the report shows; beyond it a browser gets slow and nobody reads on. */
export const FINDINGS_SHOWN_MAX = 1_000;

const VERDICTS: Readonly<Record<RunVerdict, { readonly title: string; readonly line: string }>> = {
  clean: { title: 'Clean', line: 'Usage and charges agree in every request that was compared.' },
  discrepancies: {
    title: 'Discrepancies',
    line: 'Usage, charges or balances disagree. What to do stands with each kind below.',
  },
  inconclusive: {
    title: 'Inconclusive',
    line: 'Both books are empty for this period, or balances moved too fast to be compared: nothing is proved. Check that usage arrives and that the dates are right; then run again at a quiet time.',
  },
};

const INVOICE_VERDICTS: Readonly<Record<RunVerdict, { readonly line: string }>> = {
  clean: { line: 'Ledger and invoices agree in every line that was compared.' },
  discrepancies: { line: 'Ledger and invoices disagree. What to do stands with each kind below.' },
  inconclusive: {
    line: 'There are neither transfers nor invoices in this period, or balances moved too fast to be compared: nothing is proved. Check that the months are right; then run again at a quiet time.',
  },
};

/** What totals and counts are of, by the books that are compared. */
const NOTES = {
  usage: {
    actual: 'Charged',
    note: 'A discrepancy is what was charged less what was expected. Undetermined is what was charged where the evidence conflicts or has no price; it is in no other total.',
    counts: ['Requests compared', 'Usage events read', 'Charges and corrections read'],
  },
  invoices: {
    actual: 'Invoiced',
    note: 'Expected is what the ledger says that customers owe, and a discrepancy what was invoiced less that. Payments and credits, which an invoice only shows, are compared and in no total.',
    counts: ['Lines compared', 'Lines of invoices read', 'Lines of the ledger read'],
  },
} as const;

/**
 * A run as a page that stands alone: the verdict first, then totals, what was found by kind, and the findings.
 * @param findings the first ones, at most FINDINGS_SHOWN_MAX.
 */
export async function renderReport(
  run: RunPlan,
  outcome: RunOutcome,
  findings: readonly FindingLine[],
): Promise<string> {
  const verdict = { ...VERDICTS[outcome.verdict], ...(run.books === 'invoices' && INVOICE_VERDICTS[outcome.verdict]) };
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${run.id}: ${verdict.title}</title>
<style>${raw(REPORT_STYLE)}</style>
</head>
<body>
<header class="${outcome.verdict}">
<p class="verdict">${verdict.title}</p>
<h1>${outcome.sentence}</h1>
<p>${periodText(run)}. ${verdict.line}</p>
</header>
<main>
${totalsSection(outcome.totals, run.books)}
${kindsSection(outcome, run.books)}
${findingsSection(findings, outcome.findings)}
${factsSection(run, outcome)}
</main>
</body>
</html>
`;
  return (await page).toString();
}

function totalsSection(totals: readonly TotalsLine[], books: RunPlan['books']): Html {
  const { actual, note } = NOTES[books ?? 'usage'];
  if (totals.length === 0) return html`<section><h2>Totals</h2><p>Nothing was compared.</p></section>`;
  const amount = (text: string, asset: string) => html`<td class="number">${formatAmount(BigInt(text), asset)}</td>`;
  const rows = totals.map(
    ({ asset, ...line }) => html`<tr>
<th scope="row">${asset}</th>
${[line.expected, line.actual, line.discrepancy].map((text) => amount(text, asset))}
<td class="number">${line.discrepancyPercent} %</td>
${[line.overCharged, line.underCharged, line.undetermined].map((text) => amount(text, asset))}
</tr>`,
  );
  return html`<section>
<h2>Totals</h2>
<div class="wide"><table>
<thead><tr><th>Asset</th><th>Expected</th><th>${actual}</th><th>Discrepancy</th><th>of expected</th><th>Over-charged</th><th>Under-charged</th><th>Undetermined</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
<p class="note">${note}</p>
</section>`;
}

function kindsSection({ findings, findingsByKind }: RunOutcome, books: RunPlan['books']): Html {
  if (findings === 0) return html``;
  const rows = FINDING_KINDS.filter((kind) => findingsByKind[kind] > 0).map(
    (kind) => html`<tr>
<th scope="row">${kind}</th>
<td class="number">${count(findingsByKind[kind])}</td>
<td>${kindText(kind, books).means}</td>
<td>${kindText(kind, books).toDo}</td>
</tr>`,
  );
  return html`<section>
<h2>What was found</h2>
<div class="wide"><table>
<thead><tr><th>Kind</th><th>Findings</th><th>It means</th><th>What to do</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function findingsSection(findings: readonly FindingLine[], total: number): Html {
  if (total === 0) return html``;
  const amount = (text: string | undefined, asset: string) =>
    html`<td class="number">${text === undefined ? 'unknown' : formatAmount(BigInt(text), asset)}</td>`;
  const rows = findings.map(
    (finding) => html`<tr>
<td>${finding.kind}${finding.cause === undefined ? '' : html`<br><small>${finding.cause}</small>`}</td>
<td>${finding.account}</td>
<td>${finding.requestId ?? finding.invoice?.id ?? ''}</td>
<td class="time">${finding.at}</td>
${amount(finding.expected, finding.asset)}
${amount(finding.actual, finding.asset)}
${amount(finding.difference, finding.asset)}
<td>${finding.detail}</td>
</tr>`,
  );
  const rest =
    total > findings.length
      ? html`<p>These are the first ${count(findings.length)} of ${count(total)}. All of them are in <code>findings.ndjson</code> beside this report.</p>`
      : '';
  return html`<section>
<h2>Findings</h2>
${rest}
<div class="wide"><table>
<thead><tr><th>Kind</th><th>Account</th><th>Request or invoice</th><th>Time (UTC)</th><th>Expected</th><th>Actual</th><th>Difference</th><th>Detail</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function factsSection(run: RunPlan, outcome: RunOutcome): Html {
  const [pairs, evidenceRows, ledgerRows] = NOTES[run.books ?? 'usage'].counts;
  const facts: [name: string, value: string][] = [
    ['Run', run.id],
    ['Books', run.books === 'invoices' ? 'the ledger, and the invoices made of it' : 'usage and the ledger'],
    ['Period', periodText(run)],
    ['Accounts', scopeText(run)],
    [
      'Asked for',
      `${run.requestedAt} by ${run.requestedBy ?? (run.trigger === 'request' ? 'the API' : 'the schedule')}`,
    ],
    ['Started', run.startedAt],
    [pairs, count(outcome.pairsCompared)],
    [evidenceRows, count(outcome.evidenceRows)],
    [ledgerRows, count(outcome.ledgerRows)],
    ['Accounts seen', count(outcome.accountsSeen)],
    ['Accounts affected', `${outcome.accountsAffectedIsMinimum ? 'at least ' : ''}${count(outcome.accountsAffected)}`],
    ['Balances checked', count(outcome.balancesChecked)],
    ['Balances that moved too often to be checked', count(outcome.accountsTooBusy)],
    ['Left over and not paired, because a day had too many', count(outcome.notPaired)],
  ];
  return html`<section>
<h2>The run</h2>
<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
</section>`;
}

function periodText({ startDate, endDate }: RunPlan): string {
  return startDate === endDate ? startDate : `${startDate} to ${endDate}, both included`;
}

function scopeText({ accounts, sample }: RunPlan): string {
  if (sample !== undefined) return `a sample drawn for ${sample.week}`;
  return accounts === undefined ? 'all' : `these alone: ${accounts.join(', ')}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
