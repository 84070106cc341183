import { existsSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import { stageNamed } from '../../config/stages.ts';
import { functionNames, pascalName } from '../../lib/functions.ts';
import { ImpactAlarm } from '../../lib/impact-alarm.ts';
import { idOf, resourceOf, resourcesOf, templatesOf } from './templates.ts';

const { data, service } = templatesOf('prod');

const alarmNamed = (name: string) => resourceOf(service, 'AWS::CloudWatch::Alarm', `Alarms${name}Alarm`).Properties;
const ofReckoner = [{ Name: 'service', Value: 'reckoner' }];

describe('every alarm', () => {
  const all = resourcesOf(service, 'AWS::CloudWatch::Alarm');

  it.each(all)('%s says what a breach costs, names a runbook that exists, and tells people', (_id, { Properties }) => {
    const [, impact = '', runbook = ''] =
      /^(.+\.) Runbook: (docs\/runbooks\/[a-z-]+\.md)$/.exec(String(Properties.AlarmDescription)) ?? [];
    expect(impact).not.toBe('');
    expect(existsSync(runbook)).toBe(true);
    expect(Properties.AlarmActions).toEqual([{ Ref: idOf(service, 'AWS::SNS::Topic') }]);
  });
});

describe('the alarms about the books', () => {
  it('go off when more than 5 ledger writes fail within 300 seconds', () => {
    expect(alarmNamed('LedgerWriteErrors')).toMatchObject({
      Namespace: 'Reckoner',
      MetricName: 'ledger_write_errors',
      Dimensions: ofReckoner,
      Statistic: 'Sum',
      Period: 300,
      EvaluationPeriods: 1,
      Threshold: 5,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
  });

  it('go off when usage and charges differ by more than 1 percent', () => {
    expect(alarmNamed('Discrepancy')).toMatchObject({
      Namespace: 'Reckoner',
      MetricName: 'reconciliation_discrepancy_percent',
      Dimensions: ofReckoner,
      Statistic: 'Maximum',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    });
  });

  it('go off at the first finding of a spot check', () => {
    expect(alarmNamed('SpotCheckFindings')).toMatchObject({
      MetricName: 'spot_check_findings',
      Dimensions: ofReckoner,
      Statistic: 'Sum',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
    });
  });

  it('go off at the first balance that is not the sum of its transfers', () => {
    expect(alarmNamed('BalanceDrift')).toMatchObject({
      MetricName: 'balance_drift_findings',
      Dimensions: ofReckoner,
      Statistic: 'Sum',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
    });
  });

  it('go off when no reconciliation finished for a day, silence included', () => {
    expect(alarmNamed('ReconciliationMissing')).toMatchObject({
      MetricName: 'daily_reconciliation_completed',
      Dimensions: ofReckoner,
      Statistic: 'Sum',
      Period: 86_400,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });
});

describe('the alarms about invoices', () => {
  it.each([
    ['InvoicesBlocked', 'invoices_blocked', 'Sum'],
    ['InvoiceDiscrepancy', 'invoice_findings', 'Sum'],
    ['InvoicesMissing', 'invoices_missing', 'Maximum'],
  ])('%s goes off at the first', (name, metric, statistic) => {
    expect(alarmNamed(name)).toMatchObject({
      MetricName: metric,
      Dimensions: ofReckoner,
      Statistic: statistic,
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
  });

  it('watch billing runs that fail or take too long', () => {
    const machine = [
      { Name: 'StateMachineArn', Value: { Ref: idOf(service, 'AWS::StepFunctions::StateMachine', 'Invoices') } },
    ];
    expect(alarmNamed('InvoicesFailed')).toMatchObject({ MetricName: 'ExecutionsFailed', Dimensions: machine });
    expect(alarmNamed('InvoicesTimedOut')).toMatchObject({ MetricName: 'ExecutionsTimedOut', Dimensions: machine });
  });
});

describe('the alarms on the silence of those who verify', () => {
  it('go off when the audit chain was not checked for a day', () => {
    expect(alarmNamed('AuditCheckMissing')).toMatchObject({
      MetricName: 'audit_chain_broken',
      Statistic: 'SampleCount',
      Period: 86_400,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  it('go off when no seal was verified for a week, which is the longest that an alarm may look back', () => {
    const alarm = alarmNamed('SealVerificationMissing');
    expect(alarm).toMatchObject({
      MetricName: 'weekly_seal_verification_completed',
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
    expect(Number(alarm.Period) * Number(alarm.EvaluationPeriods)).toBe(604_800);
  });
});

describe('the alarm about what has expired', () => {
  it('goes off when the sweep is ten minutes behind, silence included', () => {
    expect(alarmNamed('ExpirySweepLag')).toMatchObject({
      MetricName: 'expiry_sweep_lag_seconds',
      Dimensions: ofReckoner,
      Statistic: 'Maximum',
      Period: 900,
      Threshold: 600,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
    });
  });
});

describe('the alarms about the machinery', () => {
  it('watch every dead letter queue', () => {
    const watched = ['ImportDeadLetters', 'BulkDeadLetters', 'ScheduleDeadLetters', 'SweepDeadLetters'].map(alarmNamed);
    for (const alarm of watched) {
      expect(alarm).toMatchObject({ MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 0 });
    }
    const queues = [data, service].flatMap((template) => resourcesOf(template, 'AWS::SQS::Queue'));
    expect(queues.filter(([id]) => id.includes('DeadLetters'))).toHaveLength(watched.length);
  });

  it('go off when more than 100 parts of bulks wait, and once more at 500', () => {
    for (const [name, Threshold] of [
      ['BulkQueueDepth', 100],
      ['BulkQueueDepthHigh', 500],
    ] as const) {
      expect(resourceOf(service, 'AWS::CloudWatch::Alarm', `Alarms${name}Alarm`).Properties).toMatchObject({
        MetricName: 'ApproximateNumberOfMessagesVisible',
        ComparisonOperator: 'GreaterThanThreshold',
        Threshold,
      });
    }
  });

  it.each(functionNames)('watch the errors of %s', (name) => {
    expect(alarmNamed(`${pascalName(name)}Errors`)).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Threshold: 0,
      Dimensions: [
        {
          Name: 'FunctionName',
          Value: { Ref: idOf(service, 'AWS::Lambda::Function', `Functions${pascalName(name)}Function`) },
        },
      ],
    });
  });

  it('watch runs that fail or take too long, and errors that callers see', () => {
    expect(alarmNamed('ReconciliationFailed')).toMatchObject({ MetricName: 'ExecutionsFailed', Threshold: 0 });
    expect(alarmNamed('ReconciliationTimedOut')).toMatchObject({ MetricName: 'ExecutionsTimedOut', Threshold: 0 });
    expect(alarmNamed('ApiErrors')).toMatchObject({ Namespace: 'AWS/ApiGateway', MetricName: '5xx', Threshold: 5 });
  });
});

describe('the topic of the alarms', () => {
  it('sends mail where the stage has an address', () => {
    const stage = { ...stageNamed('dev'), alarmEmail: 'owner@example.com' };
    expect(resourceOf(templatesOf(stage).service, 'AWS::SNS::Subscription').Properties).toMatchObject({
      Protocol: 'email',
      Endpoint: 'owner@example.com',
    });
    expect(resourcesOf(service, 'AWS::SNS::Subscription')).toEqual([]);
  });
});

describe('an alarm', () => {
  it('cannot point to a runbook that was not written', () => {
    const stack = new Stack(new App(), 'Stack');
    const make = () =>
      new ImpactAlarm(stack, 'Unheard', {
        topic: new Topic(stack, 'Topic'),
        metric: new Metric({ namespace: 'Test', metricName: 'unheard' }),
        threshold: { above: 0 },
        impact: 'None.',
        runbook: 'no-such-page.md',
      });
    expect(make).toThrow(/"Unheard" points to docs\/runbooks\/no-such-page.md, which does not exist/);
  });
});
