import { describe, expect, it } from 'vitest';
import { idOf, resourceOf, statementsOf, templatesOf } from './templates.ts';

const { service } = templatesOf('prod');
const schedule = resourceOf(service, 'AWS::Scheduler::Schedule', 'Sweeps').Properties;
const deadLetters = { 'Fn::GetAtt': [idOf(service, 'AWS::SQS::Queue', 'SweepsDeadLetters'), 'Arn'] };
const sweep = { 'Fn::GetAtt': [idOf(service, 'AWS::Lambda::Function', 'FunctionsSweepExpiredFunction'), 'Arn'] };

describe('the sweep of what has expired', () => {
  it('starts every minute, and gives a start up where the next one does the same', () => {
    expect(schedule).toMatchObject({
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: {
        Arn: sweep,
        Input: '{}',
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 },
        DeadLetterConfig: { Arn: deadLetters },
      },
    });
  });

  it('may be started by its schedule, which may set its own failures aside and nothing else', () => {
    expect(statementsOf(service, 'SweepsRole')).toEqual([
      { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: sweep },
      { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: deadLetters },
    ]);
  });

  it('reads the index of what expires, and no other', () => {
    const queries = statementsOf(service, 'FunctionsSweepExpired').filter(({ Action }) => Action === 'dynamodb:Query');
    expect(JSON.stringify(queries)).toContain('/index/byCredit');
    expect(JSON.stringify(queries)).not.toMatch(/byDebit|byBucket/);
  });
});
