import { afterAll, beforeAll, expect, test } from 'vitest';
import { areInvoicesMissing } from '../../../../functions/workflow/reconciliation/invoices-due.ts';
import { appendWith } from '../../../../store/audit.ts';
import {
  type BillingOutcome,
  claimBillingRun,
  createBillingRun,
  finishBillingRun,
} from '../../../../store/billing-runs.ts';
import { startBooks, type TestBooks } from '../../../support/books.ts';

let tables: TestBooks;
beforeAll(async () => {
  tables = await startBooks();
});
afterAll(() => tables.stop());

const areMissingOn = (day: string) => areInvoicesMissing(tables, { requestedAt: `${day}T02:00:00.000Z` });

/** The clock of the chain, so that its records are of the month they are said to be of. */
const chain = (at: string) => ({
  ...tables,
  clock: { now: () => Date.parse(at), sleep: async () => {}, random: () => 0 },
});

test('the invoices of a month are missing from the third of the next one on, until they are made', async () => {
  expect(await areMissingOn('2026-11-03')).toBe(false);
  const first = { actor: 'owner', action: 'key.created', target: 'key:first', details: {} } as const;
  const at = '2026-10-31T23:00:00.000Z';
  await appendWith(chain(at), { ...first, at }, []);
  // It is younger than September, and not younger than October.
  expect(await areMissingOn('2026-10-31')).toBe(false);
  expect(await areMissingOn('2026-11-02')).toBe(false);
  expect(await areMissingOn('2026-11-03')).toBe(true);
  expect(await areMissingOn('2026-11-30')).toBe(true);

  const requestedAt = '2026-11-04T06:00:00.000Z';
  const store = chain(requestedAt);
  const spec = { kind: 'generate', month: '2026-10' } as const;
  await createBillingRun(store, { id: 'monthly-2026-10', spec, requestedBy: 'schedule', requestedAt }, 'requested');
  await claimBillingRun(store, 'monthly-2026-10', { execution: 'e', at: requestedAt });
  expect(await areMissingOn('2026-11-04')).toBe(true);
  const outcome: BillingOutcome = { sentence: 'Made.', counts: {}, artifacts: [] };
  await finishBillingRun(store, { id: 'monthly-2026-10', execution: 'e' }, outcome, requestedAt);
  expect(await areMissingOn('2026-11-05')).toBe(false);
  expect(await areMissingOn('2026-12-03')).toBe(true);
});
