import { html, raw } from 'hono/html';
import { formatAmount } from '../../../domain/money.ts';
import type { Step } from '../../../domain/repairs/steps.ts';
import type { PlanTotals } from '../../../domain/repairs/totals.ts';
import type { PlanSummary, Repair } from '../../../store/repairs.ts';
import { REPORT_STYLE } from '../reconciliation/report-style.ts';
import type { LeftLine } from './plan.ts';

type Html = ReturnType<typeof html>;

const TITLES = { findings: 'Repair', rollback: 'Rollback', import: 'Import' } as const;

/** Rows of each table that the page shows; beyond it a browser gets slow and nobody reads on. */
const ROWS_SHOWN_MAX = 1_000;

/** A plan as a page that stands alone: what it comes to, for whom, step by step, and what it leaves. */
export async function renderPlan(
  repair: Repair,
  plan: PlanSummary,
  totals: PlanTotals,
  steps: readonly Step[],
  left: readonly LeftLine[],
): Promise<string> {
  const isWhole = plan.left === 0;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${repair.id}: plan</title>
<style>${raw(REPORT_STYLE)}</style>
</head>
<body>
<header class="${isWhole ? 'clean' : 'discrepancies'}">
<p class="verdict">${TITLES[repair.source.kind]} plan</p>
<h1>${count(plan.steps)} steps, ${count(plan.left)} left for a person</h1>
<p>${sourceText(repair)} Nothing was posted by planning.</p>
</header>
<main>
${totalsSection(plan)}
${accountsSection(totals)}
${stepsSection(steps)}
${leftSection(left)}
${factsSection(repair, plan)}
</main>
</body>
</html>
`;
  return (await page).toString();
}

function totalsSection({ totals }: PlanSummary): Html {
  if (totals.length === 0) return html`<section><h2>Totals</h2><p>Nothing would be posted.</p></section>`;
  const rows = totals.map(
    ({ asset, charged, givenBack, rebalanced, overCharged, underCharged }) => html`<tr>
<th scope="row">${asset}</th>
${[charged, givenBack, rebalanced].map((text) => amount(BigInt(text), asset))}
<td class="number">${count(overCharged)}</td>
<td class="number">${count(underCharged)}</td>
</tr>`,
  );
  return html`<section>
<h2>Totals</h2>
<div class="wide"><table>
<thead><tr><th>Asset</th><th>Charged</th><th>Given back</th><th>Balances set by</th><th>Accounts over-charged</th><th>Accounts under-charged</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function accountsSection({ accounts }: PlanTotals): Html {
  if (accounts.length === 0) return html``;
  const rows = accounts.slice(0, ROWS_SHOWN_MAX).map(
    ({ account, asset, debited, credited, transfers }) => html`<tr>
<td>${account}</td>
${amount(debited, asset)}
${amount(credited, asset)}
<td class="number">${count(transfers)}</td>
</tr>`,
  );
  return html`<section>
<h2>Accounts</h2>
${more(accounts.length, 'plan.json')}
<div class="wide"><table>
<thead><tr><th>Account</th><th>Debited</th><th>Credited</th><th>Transfers</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function stepsSection(steps: readonly Step[]): Html {
  if (steps.length === 0) return html``;
  const rows = steps.slice(0, ROWS_SHOWN_MAX).map(
    (step) => html`<tr>
<td>${step.kind}</td>
<td>${step.account}</td>
<td>${'requestId' in step ? step.requestId : ''}</td>
<td class="time">${'transfer' in step ? step.transfer.effectiveAt : step.kind === 'ruling' ? step.at : ''}</td>
${'transfer' in step ? amount(step.transfer.amount, step.asset) : html`<td></td>`}
<td>${step.detail}<br><small>${step.id}</small></td>
</tr>`,
  );
  return html`<section>
<h2>Steps</h2>
${more(steps.length, 'steps.csv')}
<div class="wide"><table>
<thead><tr><th>Kind</th><th>Account</th><th>Request</th><th>Counts at (UTC)</th><th>Amount</th><th>What</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function leftSection(left: readonly LeftLine[]): Html {
  if (left.length === 0) return html``;
  const rows = left.slice(0, ROWS_SHOWN_MAX).map(
    ({ id, kind, account, requestId, reason }) => html`<tr>
<td>${kind}</td>
<td>${account}</td>
<td>${requestId ?? ''}</td>
<td>${reason}<br><small>${id}</small></td>
</tr>`,
  );
  return html`<section>
<h2>Left for a person</h2>
${more(left.length, 'left.ndjson')}
<div class="wide"><table>
<thead><tr><th>Kind</th><th>Account</th><th>Request</th><th>Why, and what to do</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function factsSection(repair: Repair, plan: PlanSummary): Html {
  const facts: [name: string, value: string][] = [
    ['Repair', repair.id],
    ['Asked for', `${repair.requestedAt} by ${repair.requestedBy}`],
    ['Planned', plan.plannedAt],
    ['Can be applied until', plan.goodUntil],
    ['Second person', plan.aboveThreshold ? 'needed' : 'not needed'],
    ['Hash', plan.hash],
    ...entriesFacts(plan),
  ];
  return html`<section>
<h2>The plan</h2>
<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
</section>`;
}

function entriesFacts({ entries }: PlanSummary): [name: string, value: string][] {
  if (entries === undefined) return [];
  return [
    ['Rows of the file', count(entries.read)],
    ['In the ledger already, unchanged', count(entries.unchanged)],
    ['Said twice', count(entries.duplicates)],
    ['Refused', count(entries.refused)],
  ];
}

function sourceText({ source, startDate, endDate }: Repair): string {
  const period = startDate === endDate ? startDate : `${startDate} to ${endDate}`;
  if (source.kind === 'rollback') return `It takes back what the repair ${source.repairId} posted (${period}).`;
  if (source.kind === 'import')
    return `It posts what the file with the SHA-256 ${source.sha256} has and the ledger does not.`;
  return `It answers what the run ${source.runId} found (${period}): ${source.kinds.join(', ')}.`;
}

function more(total: number, file: string): Html {
  if (total <= ROWS_SHOWN_MAX) return html``;
  return html`<p>These are the first ${count(ROWS_SHOWN_MAX)} of ${count(total)}. All of them are in <code>${file}</code> beside this page.</p>`;
}

function amount(value: bigint, asset: string): Html {
  return html`<td class="number">${formatAmount(value, asset)}</td>`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
