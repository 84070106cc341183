import { html, raw } from 'hono/html';
import type { Invoice } from '../../../domain/invoices/invoice.ts';
import { type InvoiceLine, isDue } from '../../../domain/invoices/lines.ts';
import type { BillingPolicy } from '../../../domain/invoices/policy.ts';
import { describeTieFault } from '../../../domain/invoices/tie-out.ts';
import { formatAmount } from '../../../domain/money.ts';
import { addDays, periodOfMonth } from '../../../domain/time.ts';
import { PAGE_STYLE } from './page-style.ts';

type Html = ReturnType<typeof html>;

/** What a customer is sent, by kind of document. */
const TITLES = { invoice: 'Invoice', 'credit-note': 'Credit note', 'debit-adjustment': 'Debit adjustment' } as const;

/** One invoice as a page that stands alone, for a screen or for A4 or Letter paper. The same invoice gives the same page. */
export async function renderPage(
  invoice: Invoice,
  lines: readonly InvoiceLine[],
  seller: BillingPolicy['seller'],
): Promise<string> {
  const { id, kind, account, month, original, number, version, digest, asset, due, finalizedAt } = invoice;
  const { start, end } = periodOfMonth(month);
  const mark = watermark(invoice);
  const title = `${TITLES[kind]} ${number ?? id}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(PAGE_STYLE)}</style>
</head>
<body>
${mark === undefined ? '' : html`<div class="watermark">${mark}</div>`}
<header>
<address><strong>${seller.name}</strong>${seller.address.map((line) => html`<br>${line}`)}<br>${seller.contact}</address>
<h1>${title}</h1>
</header>
${blockedSection(invoice)}
<dl>
${fact('Billed to', account)}
${fact('Period', `${start} to ${addDays(end, -1)} (UTC)`)}
${number === undefined ? '' : fact('Number', number)}
${finalizedAt === undefined ? '' : fact('Date', finalizedAt.slice(0, 10))}
${original === undefined ? '' : fact('Corrects', original)}
${fact('Document', `${id}, version ${version}`)}
</dl>
<main>
${linesSection('Charges', lines.filter(isDue), asset, { name: kind === 'credit-note' ? 'Given back' : 'Amount due', of: due })}
${balanceSection(
  invoice,
  lines.filter((line) => !isDue(line)),
)}
</main>
<footer><p>${tieOut(invoice)}</p><p class="digest">SHA-256 of what this document says: ${digest}</p></footer>
</body>
</html>
`;
  return (await page).toString();
}

/** What stands across a page that nobody is to pay by; nothing where it is final. */
function watermark({ status, faults }: Invoice): string | undefined {
  if (status === 'final') return undefined;
  if (faults.length > 0) return 'BLOCKED';
  switch (status) {
    case 'draft':
      return 'DRAFT';
    case 'pending':
      return 'IN REVIEW';
    case 'pending_regeneration':
      return 'OUT OF DATE';
    case 'void':
      return 'VOID';
  }
}

function blockedSection({ faults, asset }: Invoice): Html | string {
  if (faults.length === 0) return '';
  return html`<section class="blocked">
<h2>It does not tie out and cannot be sent</h2>
<ul>${faults.map((fault) => html`<li>${describeTieFault(fault, asset)}</li>`)}</ul>
</section>`;
}

function fact(name: string, value: string): Html {
  return html`<dt>${name}</dt><dd>${value}</dd>`;
}

function linesSection(
  title: string,
  lines: readonly InvoiceLine[],
  asset: string,
  total: { readonly name: string; readonly of: bigint },
): Html {
  const rows = lines.map(
    ({ unit, type, description, quantity, amount }) => html`<tr>
<td>${description}</td><td>${unit}</td><td>${type}</td><td class="number">${quantity.toString()}</td><td class="number">${formatAmount(amount, asset)}</td>
</tr>`,
  );
  return html`<section>
<h2>${title}</h2>
<table>
<thead><tr><th>Description</th><th>Account</th><th>Type</th><th class="number">Quantity</th><th class="number">Amount</th></tr></thead>
<tbody>${rows}</tbody>
<tfoot><tr><th scope="row" colspan="4">${total.name}</th><td class="number">${formatAmount(total.of, asset)}</td></tr></tfoot>
</table>
</section>`;
}

/** The balance, and what moved it without being asked for here: payments, credits, and what expired. */
function balanceSection({ asset, opening, closing }: Invoice, notDue: readonly InvoiceLine[]): Html {
  const sum = notDue.reduce((total, { amount }) => total + amount, 0n);
  return html`${
    notDue.length === 0 ? '' : linesSection('Not asked for here', notDue, asset, { name: 'In all', of: sum })
  }
<section>
<h2>Balance</h2>
<dl>${fact('Opening', formatAmount(opening, asset))}${fact('Closing', formatAmount(closing, asset))}</dl>
</section>`;
}

/** How the three ways of telling what the period came to agree. */
function tieOut({ faults, asset, opening, closing, ledgerTotal }: Invoice): string {
  const [lines, moved] = [formatAmount(ledgerTotal, asset), formatAmount(opening - closing, asset)];
  const figures = `Its lines from the ledger come to ${lines}, and the balance fell by ${moved} from opening to closing.`;
  return faults.length === 0
    ? `${figures} Lines, transfers of the period and change of the balance were compared and agree.`
    : `${figures} Lines, transfers of the period and change of the balance were compared and do not agree.`;
}
