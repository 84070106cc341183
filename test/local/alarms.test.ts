import { describe, expect, it } from 'vitest';
import { type Alarm, createAlarms, evaluateAlarm } from '../../local/alarms.ts';
import { createMetricStore, MINUTE_MS } from '../../local/metrics.ts';
import type { Resource } from '../../local/resources.ts';

const noon = new Date('2026-11-20T12:00:30Z');
const metric = { namespace: 'Reckoner', name: 'errors', dimensions: {} };
const alarm: Alarm = {
  name: 'WriteErrors',
  description: 'Charges are refused.',
  metric,
  statistic: 'Sum',
  periodMs: 5 * MINUTE_MS,
  threshold: 5,
  operator: 'GreaterThanThreshold',
  evaluationPeriods: 1,
  datapointsToAlarm: 1,
  missingData: 'missing',
};

/** The state of an alarm when so many errors were counted so many minutes ago. */
function stateOf(changes: Partial<Alarm>, counts: Readonly<Record<number, number>>, before: 'OK' | 'ALARM' = 'OK') {
  const metrics = createMetricStore();
  for (const [minutesAgo, count] of Object.entries(counts)) {
    metrics.series(metric).add(count, noon.getTime() - Number(minutesAgo) * MINUTE_MS);
  }
  return evaluateAlarm({ ...alarm, ...changes }, metrics, noon, before).state;
}

describe('an alarm', () => {
  it('goes off above its threshold and not at it', () => {
    expect(stateOf({}, { 0: 3, 4: 3 })).toBe('ALARM');
    expect(stateOf({}, { 0: 3, 4: 2 })).toBe('OK');
  });

  it('forgets what is older than its periods', () => {
    expect(stateOf({}, { 5: 100, 0: 1 })).toBe('OK');
  });

  it('watches for too little as well', () => {
    expect(stateOf({ operator: 'LessThanThreshold' }, { 1: 4 })).toBe('ALARM');
  });

  it('waits until as many periods breach as it asks for', () => {
    const twoOfThree = { evaluationPeriods: 3, datapointsToAlarm: 2 };
    expect(stateOf(twoOfThree, { 0: 9, 6: 1, 11: 1 })).toBe('OK');
    expect(stateOf(twoOfThree, { 0: 9, 6: 1, 11: 9 })).toBe('ALARM');
  });

  it.each([
    ['missing', 'INSUFFICIENT_DATA'],
    ['notBreaching', 'OK'],
    ['breaching', 'ALARM'],
    ['ignore', 'ALARM'],
  ] as const)('treats no data as %s', (missingData, state) => {
    expect(stateOf({ missingData }, {}, 'ALARM')).toBe(state);
  });

  it('on metric math is not evaluated', () => {
    expect(stateOf({ metric: undefined }, { 0: 100 })).toBe('INSUFFICIENT_DATA');
  });
});

describe('the alarms of a template', () => {
  const resource = (properties: object): Resource => ({
    stack: 'Service',
    logicalId: 'WriteErrors',
    type: 'AWS::CloudWatch::Alarm',
    physicalId: 'Service-WriteErrors',
    arn: 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:Service-WriteErrors',
    properties: {
      AlarmDescription: 'Charges are refused.',
      Namespace: 'Reckoner',
      MetricName: 'errors',
      Statistic: 'Sum',
      Period: 300,
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      EvaluationPeriods: 1,
      ...properties,
    },
  });

  it('log one line when they go off, and none while they stay', () => {
    const metrics = createMetricStore();
    const lines: string[] = [];
    const alarms = createAlarms({ resources: [resource({})], metrics, log: (line) => lines.push(line) });
    expect(alarms.evaluate(noon)[0]?.state).toBe('INSUFFICIENT_DATA');
    metrics.series(metric).add(2, noon.getTime());
    expect(alarms.evaluate(noon)).toEqual([
      {
        name: 'Service-WriteErrors',
        description: 'Charges are refused.',
        state: 'ALARM',
        reason: 'Sum of errors > 0 per 300 s in 1 of 1 periods: 2',
      },
    ]);
    alarms.evaluate(noon);
    expect(lines).toEqual([
      'ALARM Service-WriteErrors: Charges are refused. (Sum of errors > 0 per 300 s in 1 of 1 periods: 2)',
    ]);
  });

  it.each([
    [{ Statistic: 'IQM' }, 'the statistic IQM is not evaluated locally'],
    [{ Period: 10 }, 'its period of 10 s is no multiple of 60 s'],
    [{ ComparisonOperator: 'GreaterThanUpperThreshold' }, 'GreaterThanUpperThreshold is not evaluated locally'],
  ])('are refused when they could never be right: %j', (properties, sentence) => {
    const options = { resources: [resource(properties)], metrics: createMetricStore(), log: () => {} };
    expect(() => createAlarms(options)).toThrow(`Alarm WriteErrors of stack Service: ${sentence}.`);
  });
});
