import { describe, expect, it } from 'vitest';
import { idOf, resourcesOf, statementsOf, templatesOf } from './templates.ts';

const { service } = templatesOf('prod');
const schedules = resourcesOf(service, 'AWS::Scheduler::Schedule')
  .filter(([id]) => id.startsWith('SealSchedules'))
  .map(([, { Properties }]) => Properties);
const deadLetters = { 'Fn::GetAtt': [idOf(service, 'AWS::SQS::Queue', 'SchedulesDeadLetters'), 'Arn'] };
const stateMachine = { Ref: idOf(service, 'AWS::StepFunctions::StateMachine', 'Seal') };

describe('the schedules of seals', () => {
  it.each([
    ['seal every day', 'cron(0 4 * * ? *)', 'daily'],
    ['verify every Monday', 'cron(0 5 ? * MON *)', 'weekly'],
  ])('%s, and say which day they were meant for', (_, expression, trigger) => {
    expect(schedules.find((schedule) => schedule.ScheduleExpression === expression)).toMatchObject({
      ScheduleExpressionTimezone: 'Etc/UTC',
      State: 'ENABLED',
      Target: {
        Arn: stateMachine,
        Input: `{"trigger":"${trigger}","scheduledTime":"<aws.scheduler.scheduled-time>"}`,
        RetryPolicy: { MaximumEventAgeInSeconds: 21_600, MaximumRetryAttempts: 20 },
        DeadLetterConfig: { Arn: deadLetters },
      },
    });
  });

  it('may start that state machine and set their own failures aside, nothing else', () => {
    expect(statementsOf(service, 'SealSchedulesRole')).toEqual([
      { Effect: 'Allow', Action: 'states:StartExecution', Resource: stateMachine },
      { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: deadLetters },
    ]);
  });
});

describe('the functions that seal', () => {
  it('may never delete what was sealed, nor lift its lock', () => {
    const allowed = ['PlanSeal', 'SealSlice', 'CloseSeal', 'FailSeal'].flatMap((name) =>
      statementsOf(service, `Functions${name}Role`).flatMap(({ Action }) => Action),
    );
    expect(allowed).toContain('s3:PutObject');
    expect(allowed.filter((action) => /Delete|Bypass|Retention|LegalHold/.test(action))).toEqual([]);
  });
});
