import { describe, expect, it } from 'vitest';
import { idOf, statementsOf, templatesOf } from './templates.ts';

const { service } = templatesOf('prod');
const schedules = Object.values(service.Resources)
  .filter(({ Type }) => Type === 'AWS::Scheduler::Schedule')
  .map(({ Properties }) => Properties);
const deadLetters = { 'Fn::GetAtt': [idOf(service, 'AWS::SQS::Queue', 'SchedulesDeadLetters'), 'Arn'] };
const arnOf = (name: string) => ({ 'Fn::GetAtt': [idOf(service, 'AWS::Lambda::Function', name), 'Arn'] });

describe('the schedules of the audit chain', () => {
  it.each([
    ['verify and anchor it every day', 'cron(15 3 * * ? *)', 'FunctionsAnchorAudit'],
    ['export the month before on the first of each month', 'cron(30 3 1 * ? *)', 'FunctionsExportAudit'],
  ])('%s, and say when they were due', (_, expression, name) => {
    expect(schedules.find((schedule) => schedule.ScheduleExpression === expression)).toMatchObject({
      ScheduleExpressionTimezone: 'Etc/UTC',
      State: 'ENABLED',
      Target: {
        Arn: arnOf(name),
        Input: '{"scheduledTime":"<aws.scheduler.scheduled-time>"}',
        DeadLetterConfig: { Arn: deadLetters },
      },
    });
  });

  it('may invoke those two functions and set their own failures aside, nothing else', () => {
    expect(statementsOf(service, 'AuditSchedulesRole')).toEqual([
      {
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        Resource: [arnOf('FunctionsAnchorAudit'), arnOf('FunctionsExportAudit')],
      },
      { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: deadLetters },
    ]);
  });
});
