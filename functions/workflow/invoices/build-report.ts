import { html, raw } from 'hono/html';
import { formatAmount } from '../../../domain/money.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { REPORT_STYLE } from '../reconciliation/report-style.ts';
import type { BuildRow } from './build-rows.ts';
import type { RunOf } from './job.ts';

type Html = ReturnType<typeof html>;

/** A run as a page that stands alone: what it came to, then every document that changed or is blocked, line by line. */
export async function renderBuild(
  run: RunOf<'generate' | 'regenerate'>,
  outcome: BillingOutcome,
  shown: readonly BuildRow[],
): Promise<string> {
  const isBlocked = (outcome.counts.blocked ?? 0) > 0;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${run.id}: invoices of ${run.spec.month}</title>
<style>${raw(REPORT_STYLE)}</style>
</head>
<body>
<header class="${isBlocked ? 'discrepancies' : 'clean'}">
<p class="verdict">${isBlocked ? 'Some are blocked' : 'All tie out'}</p>
<h1>${outcome.sentence}</h1>
<p>Run ${run.id}, asked for by ${run.requestedBy} at ${run.requestedAt}. Lines, transfers and change of balance were compared for each invoice.</p>
</header>
<main>
${totalsSection(outcome)}
${shown.map(documentSection)}
</main>
</body>
</html>
`;
  return (await page).toString();
}

function totalsSection({ totals = [] }: BillingOutcome): Html {
  const rows = totals.map(
    ({ asset, before, after }) => html`<tr>
<th scope="row">${asset}</th>
${[before, after, `${BigInt(after) - BigInt(before)}`].map((text) => amountCell(text, asset))}
</tr>`,
  );
  return html`<section>
<h2>Asked for in all</h2>
<div class="wide"><table>
<thead><tr><th>Asset</th><th>Before</th><th>Now</th><th>Difference</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function documentSection({ invoice, built }: BuildRow): Html {
  if (built === undefined) return html``;
  const { asset, kind, version, blocked, changes } = built;
  const lines = changes.map(
    (line) => html`<tr>
<td>${line.unit}</td><td>${line.type}</td><td>${line.description}</td>
<td class="number">${line.quantityBefore}</td><td class="number">${line.quantityAfter}</td>
${[line.amountBefore, line.amountAfter, `${BigInt(line.amountAfter) - BigInt(line.amountBefore)}`].map((text) => amountCell(text, asset))}
</tr>`,
  );
  return html`<section>
<h2>${invoice} (${kind}, version ${version})</h2>
${blocked.map((reason) => html`<p><strong>Blocked:</strong> ${reason}</p>`)}
<div class="wide"><table>
<thead><tr><th>Unit</th><th>Type</th><th>Description</th><th>Quantity before</th><th>now</th><th>Amount before</th><th>now</th><th>Difference</th></tr></thead>
<tbody>${lines}</tbody>
</table></div>
</section>`;
}

function amountCell(text: string, asset: string): Html {
  return html`<td class="number">${formatAmount(BigInt(text), asset)}</td>`;
}
