import { html, raw } from 'hono/html';
import type { ChangeLine } from '../../../domain/invoices/lines.ts';
import { formatAmount } from '../../../domain/money.ts';
import type { RunVerdict } from '../../../domain/reconciliation/outcome.ts';
import type { BillingKind, BillingOutcome } from '../../../store/billing-runs.ts';
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
  return renderPage(run, outcome, {
    title: `invoices of ${run.spec.month}`,
    style: isBlocked ? 'discrepancies' : 'clean',
    verdict: isBlocked ? 'Some are blocked' : 'All tie out',
    about: 'Lines, transfers and change of balance were compared for each invoice.',
    main: html`${totalsSection(outcome, ['Before', 'Now'])}
${shown.map(documentSection)}`,
  });
}

/** The page of a billing run: its sentence, what it is about, and whatever stands in it. */
export async function renderPage(
  run: Pick<RunOf<BillingKind>, 'id' | 'requestedBy' | 'requestedAt'>,
  { sentence }: BillingOutcome,
  page: {
    readonly title: string;
    readonly style: RunVerdict;
    readonly verdict: string;
    readonly about: string;
    readonly main: Html;
  },
): Promise<string> {
  const text = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${run.id}: ${page.title}</title>
<style>${raw(REPORT_STYLE)}</style>
</head>
<body>
<header class="${page.style}">
<p class="verdict">${page.verdict}</p>
<h1>${sentence}</h1>
<p>Run ${run.id}, asked for by ${run.requestedBy} at ${run.requestedAt}. ${page.about}</p>
</header>
<main>
${page.main}
</main>
</body>
</html>
`;
  return (await text).toString();
}

/** What customers are asked to pay in all, by asset. */
export function totalsSection({ totals = [] }: BillingOutcome, [before, now]: readonly [string, string]): Html {
  const rows = totals.map(
    ({ asset, before, after }) => html`<tr>
<th scope="row">${asset}</th>
${[before, after, `${BigInt(after) - BigInt(before)}`].map((text) => amountCell(text, asset))}
</tr>`,
  );
  return html`<section>
<h2>Asked for in all</h2>
<div class="wide"><table>
<thead><tr><th>Asset</th><th>${before}</th><th>${now}</th><th>Difference</th></tr></thead>
<tbody>${rows}</tbody>
</table></div>
</section>`;
}

function documentSection({ invoice, built }: BuildRow): Html {
  if (built === undefined) return html``;
  const { asset, kind, version, blocked, changes } = built;
  return html`<section>
<h2>${invoice} (${kind}, version ${version})</h2>
${blocked.map((reason) => html`<p><strong>Blocked:</strong> ${reason}</p>`)}
${changesTable(asset, changes, ['before', 'now'])}
</section>`;
}

/** Lines that differ, side by side. */
export function changesTable(
  asset: string,
  changes: readonly ChangeLine[],
  [before, now]: readonly [string, string],
): Html {
  const lines = changes.map(
    (line) => html`<tr>
<td>${line.unit}</td><td>${line.type}</td><td>${line.description}</td>
<td class="number">${line.quantityBefore}</td><td class="number">${line.quantityAfter}</td>
${[line.amountBefore, line.amountAfter, `${BigInt(line.amountAfter) - BigInt(line.amountBefore)}`].map((text) => amountCell(text, asset))}
</tr>`,
  );
  return html`<div class="wide"><table>
<thead><tr><th>Unit</th><th>Type</th><th>Description</th><th>Quantity ${before}</th><th>${now}</th><th>Amount ${before}</th><th>${now}</th><th>Difference</th></tr></thead>
<tbody>${lines}</tbody>
</table></div>`;
}

function amountCell(text: string, asset: string): Html {
  return html`<td class="number">${formatAmount(BigInt(text), asset)}</td>`;
}
