import { dayOf, monthBefore, periodOfMonth } from '../../../domain/time.ts';
import { type AuditStore, readPage } from '../../../store/audit.ts';
import { type BillingRunsStore, getBillingRun } from '../../../store/billing-runs.ts';
import type { RunRequest } from '../../../store/runs.ts';
import { monthlyRunId } from '../invoices/run-plan.ts';

/** The day of a month by which the invoices of the one before are made; the schedule makes them the day before. */
const DUE_ON = '03';

/**
 * Whether the invoices of the last month should be there by the time a run was asked for, and are not. A system that is
 * younger than the month, which the first record of its audit chain says, has none to make.
 */
export async function areInvoicesMissing(
  store: BillingRunsStore & AuditStore,
  { requestedAt }: Pick<RunRequest, 'requestedAt'>,
): Promise<boolean> {
  const today = dayOf(requestedAt);
  if (today.slice(8) < DUE_ON) return false;
  const month = monthBefore(today);
  const [first] = await readPage(store, { from: 1, to: 1, descending: false, limit: 1 });
  if (first === undefined || dayOf(first.at) >= periodOfMonth(month).end) return false;
  return (await getBillingRun(store, monthlyRunId(month)))?.status !== 'succeeded';
}
