import { Aws, Duration, TimeZone } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface SealSchedulesProps {
  readonly seal: IStateMachine;
  /** Where schedules set aside what they could not start. */
  readonly deadLetters: Queue;
}

/**
 * Seals the ledger every day at 04:00 UTC, after the reconciliations: the day before, and once more the seven days before
 * that, because corrections come late, and older days that something was recorded for since. Verifies the last 35 days
 * and one older month every Monday at 05:00 UTC.
 */
export class SealSchedules extends Construct {
  constructor(scope: Construct, id: string, props: SealSchedulesProps) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      // Only for schedules of this account: the service acts for others too.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    const allow = (action: string, resource: string) =>
      role.addToPolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
    allow('states:StartExecution', props.seal.stateMachineArn);
    allow('sqs:SendMessage', props.deadLetters.queueArn);

    const start = (
      name: string,
      trigger: 'daily' | 'weekly',
      at: { readonly hour: string; readonly weekDay?: string },
      description: string,
    ) => {
      const schedule = new Schedule(this, name, {
        description,
        schedule: ScheduleExpression.cron({ minute: '0', ...at, timeZone: TimeZone.ETC_UTC }),
        target: new StepFunctionsStartExecution(props.seal, {
          role: role.withoutPolicyUpdates(),
          input: ScheduleTargetInput.fromObject({ trigger, scheduledTime: ContextAttribute.scheduledTime }),
          deadLetterQueue: props.deadLetters,
          // It is named after its day, so a start that comes late or twice is as good as one in time.
          maxEventAge: Duration.hours(6),
          retryAttempts: 20,
        }),
      });
      schedule.node.addDependency(role);
    };
    start('Daily', 'daily', { hour: '4' }, 'Seals the day before, and the seven days before that once more');
    start(
      'Weekly',
      'weekly',
      { hour: '5', weekDay: 'MON' },
      'Verifies the seals of the last 35 days and of one older month',
    );
  }
}
