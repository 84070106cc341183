/** What identifies one metric in CloudWatch: the same name with other dimensions is another metric. */
export interface MetricId {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface MetricStore {
  /** The metric's series, made when it is new. Callers that record often keep it. */
  series(id: MetricId): Series;
  /**
   * One statistic (`Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p95`...) over `[start, end)`, in whole minutes.
   *
   * @param start milliseconds since the epoch
   * @returns undefined when nothing was recorded in that time
   */
  statistic(id: MetricId, statistic: string, start: number, end: number): number | undefined;
}

export interface Series {
  /** @param at milliseconds since the epoch */
  add(value: number, at: number): void;
}

export const MINUTE_MS = 60_000;

/** How far back an alarm may look: CloudWatch evaluates seven days at most. */
const RETENTION_MS = 7 * 24 * 60 * MINUTE_MS;
/** Distinct values kept per minute for percentiles; what comes after them counts in every other statistic. */
const DISTINCT_VALUES_MAX = 1000;

interface Minute {
  count: number;
  sum: number;
  minimum: number;
  maximum: number;
  readonly values: Map<number, number>;
}

/** An in-memory CloudWatch: sums up what is recorded by the minute, so memory grows with time and not with traffic. */
export function createMetricStore(): MetricStore {
  const all = new Map<string, Map<number, Minute>>();

  function minutesOf(id: MetricId): Map<number, Minute> {
    const key = keyOf(id);
    let minutes = all.get(key);
    if (minutes === undefined) {
      minutes = new Map();
      all.set(key, minutes);
    }
    return minutes;
  }

  return {
    series(id) {
      const minutes = minutesOf(id);
      return { add: (value, at) => addTo(minutes, value, at) };
    },
    statistic(id, statistic, start, end) {
      const minutes = all.get(keyOf(id)) ?? new Map<number, Minute>();
      return summarise(
        [...minutes].filter(([at]) => at >= start && at < end).map(([, minute]) => minute),
        statistic,
      );
    },
  };
}

/**
 * Records the metrics of one log line in CloudWatch's embedded metric format. Lines of any other kind are left alone.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function recordEmbeddedMetrics(store: MetricStore, line: string): void {
  if (!line.includes('"_aws"')) return;
  const document = parseObject(line);
  const metadata = document?._aws as EmbeddedMetadata | undefined;
  if (document === undefined || metadata?.CloudWatchMetrics === undefined) return;

  for (const { Namespace, Dimensions = [[]], Metrics = [] } of metadata.CloudWatchMetrics) {
    for (const names of Dimensions) {
      const dimensions = Object.fromEntries(names.map((name) => [name, String(document[name])]));
      for (const { Name } of Metrics) {
        const series = store.series({ namespace: Namespace, name: Name, dimensions });
        for (const value of [document[Name]].flat()) {
          if (typeof value === 'number') series.add(value, metadata.Timestamp);
        }
      }
    }
  }
}

/** Statistics that `statistic` understands. */
export function isStatistic(statistic: string): boolean {
  return statistic in STATISTICS || PERCENTILE.test(statistic);
}

interface EmbeddedMetadata {
  readonly Timestamp: number;
  readonly CloudWatchMetrics?: readonly {
    readonly Namespace: string;
    readonly Dimensions?: readonly (readonly string[])[];
    readonly Metrics?: readonly { readonly Name: string }[];
  }[];
}

const PERCENTILE = /^p(\d{1,2}(?:\.\d+)?|100)$/;

const STATISTICS: Readonly<Record<string, (minutes: readonly Minute[]) => number>> = {
  Sum: (minutes) => minutes.reduce((sum, minute) => sum + minute.sum, 0),
  SampleCount: countOf,
  Average: (minutes) => minutes.reduce((sum, minute) => sum + minute.sum, 0) / countOf(minutes),
  Minimum: (minutes) => Math.min(...minutes.map((minute) => minute.minimum)),
  Maximum: (minutes) => Math.max(...minutes.map((minute) => minute.maximum)),
};

function summarise(minutes: readonly Minute[], statistic: string): number | undefined {
  if (minutes.length === 0) return undefined;
  const percentile = PERCENTILE.exec(statistic)?.[1];
  return percentile === undefined ? STATISTICS[statistic]?.(minutes) : percentileOf(minutes, Number(percentile));
}

function countOf(minutes: readonly Minute[]): number {
  return minutes.reduce((count, minute) => count + minute.count, 0);
}

/** The smallest recorded value that at least so many percent of the values do not exceed. */
function percentileOf(minutes: readonly Minute[], percent: number): number | undefined {
  const values = minutes.flatMap((minute) => [...minute.values]).sort(([left], [right]) => left - right);
  const total = values.reduce((count, [, times]) => count + times, 0);
  let seen = 0;
  for (const [value, times] of values) {
    seen += times;
    if (seen >= (total * percent) / 100) return value;
  }
  return undefined;
}

function addTo(minutes: Map<number, Minute>, value: number, at: number): void {
  const start = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  let minute = minutes.get(start);
  if (minute === undefined) {
    minute = { count: 0, sum: 0, minimum: value, maximum: value, values: new Map() };
    minutes.set(start, minute);
    for (const old of minutes.keys()) if (old < start - RETENTION_MS) minutes.delete(old);
  }
  minute.count += 1;
  minute.sum += value;
  minute.minimum = Math.min(minute.minimum, value);
  minute.maximum = Math.max(minute.maximum, value);
  const times = minute.values.get(value);
  if (times !== undefined || minute.values.size < DISTINCT_VALUES_MAX) minute.values.set(value, (times ?? 0) + 1);
}

function keyOf({ namespace, name, dimensions }: MetricId): string {
  return JSON.stringify([
    namespace,
    name,
    Object.entries(dimensions).sort(([left], [right]) => (left < right ? -1 : 1)),
  ]);
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return parsed !== null && typeof parsed === 'object' ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
