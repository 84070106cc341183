import { Aws, Duration, TimeZone } from 'aws-cdk-lib';
import type { CronOptions } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { DeadLetterQueue } from './dead-letter-queue.ts';

/**
 * Starts reconciliations: every day at 02:00 UTC that of the day before, late enough for most late evidence; and an hour
 * later once more the seven days before that, because some evidence comes later still. Every Monday a sample of accounts
 * is looked at anew, over the week before: what all runs passed over when it was young would show.
 */
export class ReconciliationSchedules extends Construct {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: { readonly reconcile: IStateMachine }) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters').queue;

    const role = new Role(this, 'Role', {
      // Only for schedules of this account: the service acts for others too.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    const allow = (action: string, resource: string) =>
      role.addToPolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
    allow('states:StartExecution', props.reconcile.stateMachineArn);
    allow('sqs:SendMessage', this.deadLetters.queueArn);

    const start = (name: string, trigger: 'daily' | 'recheck' | 'spot', when: CronOptions, description: string) => {
      const schedule = new Schedule(this, name, {
        description,
        schedule: ScheduleExpression.cron({ minute: '0', ...when, timeZone: TimeZone.ETC_UTC }),
        target: new StepFunctionsStartExecution(props.reconcile, {
          role: role.withoutPolicyUpdates(),
          input: ScheduleTargetInput.fromObject({ trigger, scheduledTime: ContextAttribute.scheduledTime }),
          deadLetterQueue: this.deadLetters,
          // A run is named after its day, so a start that comes late or twice is as good as one in time.
          maxEventAge: Duration.hours(6),
          retryAttempts: 20,
        }),
      });
      schedule.node.addDependency(role);
    };
    start('Daily', 'daily', { hour: '2' }, 'Reconciles the day before');
    start('Recheck', 'recheck', { hour: '3' }, 'Reconciles the seven days before that once more');
    start('SpotCheck', 'spot', { hour: '4', weekDay: 'MON' }, 'Reconciles a sample of accounts over the week before');
  }
}
