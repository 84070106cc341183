import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../functions/runtime/metrics.ts';
import { createMetricStore, recordEmbeddedMetrics } from '../../../local/metrics.ts';

function metricsIn(environment: Record<string, string>) {
  const lines: string[] = [];
  return { metrics: createMetrics(environment, (line) => lines.push(line)), lines };
}

const DEPLOYED = { METRICS_NAMESPACE: 'Reckoner', SERVICE_NAME: 'reckoner' };

describe('metrics', () => {
  test('are one line in the embedded metric format, with the service as their only dimension', () => {
    const { metrics, lines } = metricsIn(DEPLOYED);
    metrics.addMetric('transfers_created', 'Count', 1);
    metrics.addMetric('transfers_created', 'Count', 1);
    metrics.addMetric('expiry_sweep_lag_seconds', 'Seconds', 2.5);
    metrics.publish();
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            {
              Namespace: 'Reckoner',
              Dimensions: [['service']],
              Metrics: [
                { Name: 'transfers_created', Unit: 'Count' },
                { Name: 'expiry_sweep_lag_seconds', Unit: 'Seconds' },
              ],
            },
          ],
        },
        service: 'reckoner',
        transfers_created: [1, 1],
        expiry_sweep_lag_seconds: 2.5,
      },
    ]);
  });

  test('are published once', () => {
    const { metrics, lines } = metricsIn(DEPLOYED);
    metrics.publish();
    expect(lines).toEqual([]);
    metrics.addMetric('import_failed', 'Count', 1);
    metrics.publish();
    metrics.publish();
    expect(lines).toHaveLength(1);
  });

  test('of more values than a document takes are told in several, and none is lost', () => {
    const { metrics, lines } = metricsIn(DEPLOYED);
    for (let count = 0; count < 250; count += 1) metrics.addMetric('transfers_created', 'Count', 1);
    metrics.publish();
    expect(lines).toHaveLength(3);
    const store = createMetricStore();
    for (const line of lines) recordEmbeddedMetrics(store, line);
    const id = { namespace: 'Reckoner', name: 'transfers_created', dimensions: { service: 'reckoner' } };
    expect(store.statistic(id, 'Sum', 0, Number.MAX_SAFE_INTEGER)).toBe(250);
  });

  test('are not written where no namespace is configured', () => {
    const { metrics, lines } = metricsIn({});
    metrics.addMetric('import_failed', 'Count', 1);
    metrics.publish();
    expect(lines).toEqual([]);
  });
});
