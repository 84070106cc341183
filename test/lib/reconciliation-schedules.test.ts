import { describe, expect, it } from 'vitest';
import { idOf, statementsOf, templatesOf } from './templates.ts';

const { service } = templatesOf('prod');
const schedules = Object.entries(service.Resources)
  .filter(([id, { Type }]) => Type === 'AWS::Scheduler::Schedule' && id.startsWith('Schedules'))
  .map(([, { Properties }]) => Properties);
const deadLetters = { 'Fn::GetAtt': [idOf(service, 'AWS::SQS::Queue', 'SchedulesDeadLetters'), 'Arn'] };
const stateMachine = { Ref: idOf(service, 'AWS::StepFunctions::StateMachine', 'Reconcile') };

describe('the scheduled reconciliations', () => {
  it.each([
    ['the day before', 'cron(0 2 * * ? *)', 'daily'],
    ['the seven days before that, once more', 'cron(0 3 * * ? *)', 'recheck'],
    ['a sample of accounts over the week before', 'cron(0 4 ? * MON *)', 'spot'],
  ])('compare %s, and say which day they were meant for', (_, expression, trigger) => {
    expect(schedules.find((schedule) => schedule.ScheduleExpression === expression)).toMatchObject({
      ScheduleExpressionTimezone: 'Etc/UTC',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: { Arn: stateMachine, Input: `{"trigger":"${trigger}","scheduledTime":"<aws.scheduler.scheduled-time>"}` },
    });
  });

  it('are tried again for hours, then set aside where an alarm looks', () => {
    for (const { Target } of schedules) {
      expect(Target).toMatchObject({
        RetryPolicy: { MaximumEventAgeInSeconds: 21_600, MaximumRetryAttempts: 20 },
        DeadLetterConfig: { Arn: deadLetters },
      });
    }
  });

  it('may start that state machine and set their own failures aside, nothing else', () => {
    expect(statementsOf(service, 'SchedulesRole')).toEqual([
      { Effect: 'Allow', Action: 'states:StartExecution', Resource: stateMachine },
      { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: deadLetters },
    ]);
  });
});
