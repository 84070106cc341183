import { describe, expect, it } from 'vitest';
import { createMetricStore, MINUTE_MS, recordEmbeddedMetrics } from '../../local/metrics.ts';

const noon = Date.UTC(2026, 10, 20, 12);
const id = { namespace: 'Reckoner', name: 'latency', dimensions: { service: 'ledger' } };

describe('the metric store', () => {
  it('sums up the values of the minutes asked for', () => {
    const store = createMetricStore();
    const series = store.series(id);
    for (const [value, minute] of [
      [1, 0],
      [2, 0],
      [6, 1],
      [100, 2],
    ] as const)
      series.add(value, noon + minute * MINUTE_MS);

    const over = (statistic: string) => store.statistic(id, statistic, noon, noon + 2 * MINUTE_MS);
    expect([over('Sum'), over('Average'), over('Minimum'), over('Maximum'), over('SampleCount')]).toEqual([
      9, 3, 1, 6, 3,
    ]);
  });

  it('gives percentiles as values that were recorded', () => {
    const store = createMetricStore();
    for (let value = 1; value <= 100; value += 1) store.series(id).add(value, noon);
    expect(store.statistic(id, 'p95', noon, noon + MINUTE_MS)).toBe(95);
    expect(store.statistic(id, 'p100', noon, noon + MINUTE_MS)).toBe(100);
  });

  it('tells apart the same name with other dimensions', () => {
    const store = createMetricStore();
    store.series(id).add(1, noon);
    expect(store.statistic({ ...id, dimensions: {} }, 'Sum', noon, noon + MINUTE_MS)).toBeUndefined();
  });

  it('takes embedded metrics from a log line, one or many values, for each set of dimensions', () => {
    const store = createMetricStore();
    const line = {
      _aws: {
        Timestamp: noon,
        CloudWatchMetrics: [
          {
            Namespace: 'Reckoner',
            Dimensions: [['service'], []],
            Metrics: [{ Name: 'latency', Unit: 'Milliseconds' }],
          },
        ],
      },
      service: 'ledger',
      latency: [3, 4],
    };
    recordEmbeddedMetrics(store, JSON.stringify(line));
    expect(store.statistic(id, 'Sum', noon, noon + MINUTE_MS)).toBe(7);
    expect(store.statistic({ ...id, dimensions: {} }, 'SampleCount', noon, noon + MINUTE_MS)).toBe(2);
  });

  it('leaves other lines alone', () => {
    const store = createMetricStore();
    for (const line of ['plain text', '{"_aws": not json', '{"_aws":{}}', '"_aws"']) recordEmbeddedMetrics(store, line);
    expect(store.statistic(id, 'Sum', 0, noon)).toBeUndefined();
  });
});
