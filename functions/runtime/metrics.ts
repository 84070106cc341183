import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/**
 * Metrics by embedded metric format; namespace and service come from the environment. Never an account or an id as a
 * dimension: every combination of dimensions is a billed metric (CloudWatch pricing).
 */
export const metrics = new Metrics();

export type MetricName =
  | 'ledger_write_errors'
  | 'transfers_created'
  | 'transfers_replayed'
  | 'transfers_refused'
  | 'bulk_elements_done'
  | 'idempotency_conflicts'
  | 'holds_created'
  | 'holds_refused'
  | 'holds_released'
  | 'holds_expired'
  | 'expiry_sweep_lag_seconds'
  | 'usage_recorded'
  | 'usage_duplicates'
  | 'usage_refused'
  | 'usage_unavailable'
  | 'daily_reconciliation_completed'
  | 'reconciliation_findings'
  | 'reconciliation_discrepancy_percent'
  | 'balance_drift_findings'
  | 'balances_not_checked'
  | 'spot_check_findings'
  | 'accounts_spot_checked'
  | 'daily_seal_completed'
  | 'weekly_seal_verification_completed'
  | 'seals_broken'
  | 'entries_not_sealed'
  | 'audit_chain_broken'
  | 'repair_steps_not_posted'
  | 'invoices_built'
  | 'invoices_blocked'
  | 'invoices_missing'
  | 'invoice_findings'
  | 'import_lines_refused'
  | 'import_failed';

export function countMetric(name: MetricName, value = 1, unit: 'Count' | 'Percent' | 'Seconds' = 'Count'): void {
  metrics.addMetric(name, MetricUnit[unit], value);
}

/** Writes what was counted to the log, from which CloudWatch takes it; nothing counted writes nothing. */
export function publishMetrics(): void {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}
