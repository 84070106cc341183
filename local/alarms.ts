import { isStatistic, type MetricId, type MetricStore, MINUTE_MS } from './metrics.ts';
import type { Resource } from './resources.ts';

export interface AlarmStatus {
  readonly name: string;
  readonly description: string;
  readonly state: AlarmState;
  /** One sentence: which figures led to the state. */
  readonly reason: string;
}

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export interface Alarms {
  /** Brings every alarm up to date and lists them in the template's order. */
  evaluate(now: Date): readonly AlarmStatus[];
}

export interface AlarmsOptions {
  readonly resources: readonly Resource[];
  readonly metrics: MetricStore;
  readonly log: (line: string) => void;
}

/** The template's alarms. One line is logged when an alarm goes off, with what its description says a breach costs. */
export function createAlarms({ resources, metrics, log }: AlarmsOptions): Alarms {
  const alarms = resources.filter(({ type }) => type === 'AWS::CloudWatch::Alarm').map(readAlarm);
  const states = new Map<string, AlarmState>();

  return {
    evaluate(now) {
      return alarms.map((alarm) => {
        const before = states.get(alarm.name) ?? 'INSUFFICIENT_DATA';
        const status = evaluateAlarm(alarm, metrics, now, before);
        states.set(alarm.name, status.state);
        if (status.state === 'ALARM' && before !== 'ALARM') {
          log(`ALARM ${status.name}: ${status.description} (${status.reason})`);
        }
        return status;
      });
    },
  };
}

export interface Alarm {
  readonly name: string;
  readonly description: string;
  /** Undefined when the alarm combines several metrics, which is not evaluated here. */
  readonly metric: MetricId | undefined;
  readonly statistic: string;
  readonly periodMs: number;
  readonly threshold: number;
  readonly operator: keyof typeof OPERATORS;
  readonly evaluationPeriods: number;
  /** How many of the periods must breach. */
  readonly datapointsToAlarm: number;
  readonly missingData: 'breaching' | 'notBreaching' | 'ignore' | 'missing';
}

const OPERATORS = {
  GreaterThanOrEqualToThreshold: { breaches: (value: number, threshold: number) => value >= threshold, sign: '>=' },
  GreaterThanThreshold: { breaches: (value: number, threshold: number) => value > threshold, sign: '>' },
  LessThanThreshold: { breaches: (value: number, threshold: number) => value < threshold, sign: '<' },
  LessThanOrEqualToThreshold: { breaches: (value: number, threshold: number) => value <= threshold, sign: '<=' },
} as const;

/**
 * The state of one alarm at one moment. The periods end with the current minute, so that a breach shows at once.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
 */
export function evaluateAlarm(alarm: Alarm, metrics: MetricStore, now: Date, before: AlarmState): AlarmStatus {
  const status = (state: AlarmState, reason: string): AlarmStatus => ({
    name: alarm.name,
    description: alarm.description,
    state,
    reason,
  });
  const { metric, periodMs, missingData, threshold } = alarm;
  if (metric === undefined) return status('INSUFFICIENT_DATA', 'alarms on metric math are not evaluated locally');

  const end = (Math.floor(now.getTime() / MINUTE_MS) + 1) * MINUTE_MS;
  const datapoints = Array.from({ length: alarm.evaluationPeriods }, (_, index) =>
    metrics.statistic(metric, alarm.statistic, end - (index + 1) * periodMs, end - index * periodMs),
  );
  const present = datapoints.filter((value) => value !== undefined);
  if (present.length === 0 && (missingData === 'missing' || missingData === 'ignore')) {
    return status(missingData === 'ignore' ? before : 'INSUFFICIENT_DATA', `nothing was recorded for ${metric.name}`);
  }

  const { breaches, sign } = OPERATORS[alarm.operator];
  const breaching = datapoints.filter((value) =>
    value === undefined ? missingData === 'breaching' : breaches(value, threshold),
  );
  const shown = datapoints.map((value) => value ?? 'missing').join(', ');
  const rule = `${alarm.statistic} of ${metric.name} ${sign} ${threshold} per ${periodMs / 1000} s`;
  const state = breaching.length >= alarm.datapointsToAlarm ? 'ALARM' : 'OK';
  return status(state, `${rule} in ${breaching.length} of ${datapoints.length} periods: ${shown}`);
}

interface AlarmProperties {
  readonly AlarmDescription?: string;
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly Period?: number;
  readonly Metrics?: readonly {
    readonly MetricStat?: {
      readonly Metric: Pick<AlarmProperties, 'Namespace' | 'MetricName' | 'Dimensions'>;
      readonly Period: number;
      readonly Stat: string;
    };
  }[];
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: Alarm['missingData'];
}

/** @throws Error for a period, a statistic or an operator that is not evaluated here */
function readAlarm(resource: Resource): Alarm {
  const properties = resource.properties as unknown as AlarmProperties;
  const [only, another] = properties.Metrics ?? [];
  const nested = another === undefined ? only?.MetricStat : undefined;
  const source = nested?.Metric ?? properties;
  const statistic = nested?.Stat ?? properties.Statistic ?? properties.ExtendedStatistic ?? 'Sum';
  const periodMs = (nested?.Period ?? properties.Period ?? 60) * 1000;

  const refuse = (sentence: string) =>
    new Error(`Alarm ${resource.logicalId} of stack ${resource.stack}: ${sentence}.`);
  if (!isOperator(properties.ComparisonOperator)) {
    throw refuse(`${properties.ComparisonOperator} is not evaluated locally`);
  }
  if (!isStatistic(statistic)) throw refuse(`the statistic ${statistic} is not evaluated locally`);
  if (periodMs % MINUTE_MS !== 0) throw refuse(`its period of ${periodMs / 1000} s is no multiple of 60 s`);

  return {
    name: resource.physicalId,
    description: properties.AlarmDescription ?? '',
    metric: source.MetricName === undefined ? undefined : metricOf(source),
    statistic,
    periodMs,
    threshold: properties.Threshold,
    operator: properties.ComparisonOperator,
    evaluationPeriods: properties.EvaluationPeriods,
    datapointsToAlarm: properties.DatapointsToAlarm ?? properties.EvaluationPeriods,
    missingData: properties.TreatMissingData ?? 'missing',
  };
}

function metricOf({ Namespace = '', MetricName = '', Dimensions = [] }: Partial<AlarmProperties>): MetricId {
  const dimensions = Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value]));
  return { namespace: Namespace, name: MetricName, dimensions };
}

function isOperator(operator: string): operator is keyof typeof OPERATORS {
  return operator in OPERATORS;
}
