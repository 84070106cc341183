import { Aws, Duration, TimeZone } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface AuditSchedulesProps {
  readonly anchor: IFunction;
  readonly export: IFunction;
  /** Where schedules set aside what they could not start. */
  readonly deadLetters: Queue;
}

/**
 * Verifies the audit chain every day at 03:15 UTC and anchors its head; exports the month before on the first of each
 * month at 03:30. Both come to the same however often they are done.
 */
export class AuditSchedules extends Construct {
  constructor(scope: Construct, id: string, props: AuditSchedulesProps) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      // Only for schedules of this account: the service acts for others too.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    const allow = (action: string, ...resources: string[]) =>
      role.addToPolicy(new PolicyStatement({ actions: [action], resources }));
    allow('lambda:InvokeFunction', props.anchor.functionArn, props.export.functionArn);
    allow('sqs:SendMessage', props.deadLetters.queueArn);

    const start = (name: string, lambda: IFunction, at: { minute: string; day?: string }, description: string) => {
      const schedule = new Schedule(this, name, {
        description,
        schedule: ScheduleExpression.cron({ hour: '3', ...at, timeZone: TimeZone.ETC_UTC }),
        target: new LambdaInvoke(lambda, {
          role: role.withoutPolicyUpdates(),
          input: ScheduleTargetInput.fromObject({ scheduledTime: ContextAttribute.scheduledTime }),
          deadLetterQueue: props.deadLetters,
          maxEventAge: Duration.hours(6),
          retryAttempts: 20,
        }),
      });
      schedule.node.addDependency(role);
    };
    start('Anchor', props.anchor, { minute: '15' }, 'Verifies the audit chain and anchors its head');
    start('Export', props.export, { minute: '30', day: '1' }, 'Exports the audit records of the month before');
  }
}
