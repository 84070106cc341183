import { html } from 'hono/html';
import { formatAmount } from '../../../domain/money.ts';
import type { BillingOutcome } from '../../../store/billing-runs.ts';
import { changesTable, renderPage, totalsSection } from './build-report.ts';
import type { RunOf } from './job.ts';
import type { ParityRow } from './parity-rows.ts';

type Html = ReturnType<typeof html>;

const SIDES = ['billed', 'other'] as const;

/** A comparison as a page that stands alone: totals first, then each customer whose lines differ. */
export function renderParity(
  run: RunOf<'parity'>,
  outcome: BillingOutcome,
  shown: readonly ParityRow[],
): Promise<string> {
  const isSame = shown.length === 0;
  const isEmpty = (outcome.totals ?? []).length === 0;
  return renderPage(run, outcome, {
    title: `parity of ${run.spec.month}`,
    style: isEmpty ? 'inconclusive' : isSame ? 'clean' : 'discrepancies',
    verdict: isEmpty ? 'Nothing compared' : isSame ? 'The same' : 'They differ',
    about: 'Nothing was posted and no invoice was changed.',
    main: html`${totalsSection(outcome, ['Billed', 'By the other'])}
${shown.map(customerSection)}`,
  });
}

function customerSection({ account, asset, billed, other, changes, unpriced }: ParityRow): Html {
  const reasons = unpriced.map(
    ({ charges, operation, unit, rule, transferIds }) =>
      html`<p><strong>Not priced:</strong> ${charges} charges of "${operation}" of ${unit}, because ${rule}: ${transferIds.join(', ')}</p>`,
  );
  return html`<section>
<h2>${account}: ${formatAmount(BigInt(billed), asset)} billed, ${formatAmount(BigInt(other), asset)} by the other</h2>
${reasons}
${changes.length === 0 ? html`` : changesTable(asset, changes, SIDES)}
</section>`;
}
