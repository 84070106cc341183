import { describe, expect, it } from 'vitest';
import { idOf, resourcesOf, statementsOf, synthesize } from './templates.ts';

const { service } = synthesize('prod');
const schedules = resourcesOf(service, 'AWS::Scheduler::Schedule')
  .filter(([id]) => id.startsWith('BillingSchedules'))
  .map(([, { Properties }]) => Properties);
const deadLetters = { 'Fn::GetAtt': [idOf(service, 'AWS::SQS::Queue', 'SchedulesDeadLetters'), 'Arn'] };
const machine = (name: string) => ({ Ref: idOf(service, 'AWS::StepFunctions::StateMachine', name) });

describe('the schedules of invoices', () => {
  it.each([
    ['make those of the month before on the second', 'cron(0 6 2 * ? *)', 'monthly', 'Invoices'],
    ['compare them with the ledger two hours later', 'cron(0 8 2 * ? *)', 'invoices', 'Reconcile'],
  ])('%s, and say which month they were meant for', (_, expression, trigger, name) => {
    expect(schedules.find((schedule) => schedule.ScheduleExpression === expression)).toMatchObject({
      ScheduleExpressionTimezone: 'Etc/UTC',
      State: 'ENABLED',
      Target: {
        Arn: machine(name),
        Input: `{"trigger":"${trigger}","scheduledTime":"<aws.scheduler.scheduled-time>"}`,
        RetryPolicy: { MaximumEventAgeInSeconds: 21_600, MaximumRetryAttempts: 20 },
        DeadLetterConfig: { Arn: deadLetters },
      },
    });
  });

  it('may start these two state machines and set their own failures aside, nothing else', () => {
    expect(statementsOf(service, 'BillingSchedulesRole')).toEqual([
      { Effect: 'Allow', Action: 'states:StartExecution', Resource: [machine('Invoices'), machine('Reconcile')] },
      { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: deadLetters },
    ]);
  });
});
