import { writeLine } from './logger.ts';

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

export type MetricUnit = 'Count' | 'Percent' | 'Seconds';

export interface Metrics {
  addMetric(name: MetricName, unit: MetricUnit, value: number): void;
  /** Writes what was counted since the last time; nothing counted writes nothing. */
  publish(): void;
}

/** Values of one metric in a document (limit of the format). */
const VALUES_MAX = 100;

/**
 * Metrics by embedded metric format: lines of the log, from which CloudWatch takes them.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * The service is their only dimension. Never an account or an id: every combination of dimensions is a billed metric
 * (CloudWatch pricing).
 * @param environment `SERVICE_NAME` and `METRICS_NAMESPACE`; without a namespace nothing is written.
 */
export function createMetrics(
  environment: Readonly<Record<string, string | undefined>>,
  write: (line: string) => void,
): Metrics {
  const counted = new Map<MetricName, { readonly unit: MetricUnit; readonly values: number[] }>();

  function publish(): void {
    const { METRICS_NAMESPACE, SERVICE_NAME } = environment;
    const entries = [...counted];
    counted.clear();
    if (METRICS_NAMESPACE === undefined || entries.length === 0) return;
    const definitions = entries.map(([Name, { unit: Unit }]) => ({ Name, Unit }));
    const directive = { Namespace: METRICS_NAMESPACE, Dimensions: [['service']], Metrics: definitions };
    const document = {
      _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
      service: SERVICE_NAME,
      ...Object.fromEntries(entries.map(([name, { values }]) => [name, values.length === 1 ? values[0] : values])),
    };
    write(JSON.stringify(document));
  }

  return {
    addMetric(name, unit, value) {
      const metric = counted.get(name) ?? { unit, values: [] };
      metric.values.push(value);
      counted.set(name, metric);
      if (metric.values.length === VALUES_MAX) publish();
    },
    publish,
  };
}

export const metrics: Metrics = createMetrics(process.env, writeLine);

export function countMetric(name: MetricName, value = 1, unit: MetricUnit = 'Count'): void {
  metrics.addMetric(name, unit, value);
}

export function publishMetrics(): void {
  metrics.publish();
}
