import { Aws, Duration, TimeZone } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface BillingSchedulesProps {
  readonly invoices: IStateMachine;
  readonly reconcile: IStateMachine;
  /** Where schedules set aside what they could not start. */
  readonly deadLetters: Queue;
}

/**
 * Makes the invoices of a month on the second day of the next at 06:00 UTC, and compares them with the ledger at 08:00.
 * Not on the first: evidence of the last day that came late is re-checked on the second, at 03:00.
 */
export class BillingSchedules extends Construct {
  constructor(scope: Construct, id: string, props: BillingSchedulesProps) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      // Only for schedules of this account: the service acts for others too.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    const allow = (action: string, resources: string[]) =>
      role.addToPolicy(new PolicyStatement({ actions: [action], resources }));
    allow('states:StartExecution', [props.invoices.stateMachineArn, props.reconcile.stateMachineArn]);
    allow('sqs:SendMessage', [props.deadLetters.queueArn]);

    const start = (name: string, machine: IStateMachine, trigger: string, hour: string, description: string) => {
      const schedule = new Schedule(this, name, {
        description,
        schedule: ScheduleExpression.cron({ minute: '0', hour, day: '2', timeZone: TimeZone.ETC_UTC }),
        target: new StepFunctionsStartExecution(machine, {
          role: role.withoutPolicyUpdates(),
          input: ScheduleTargetInput.fromObject({ trigger, scheduledTime: ContextAttribute.scheduledTime }),
          deadLetterQueue: props.deadLetters,
          // A run is named after its month, so a start that comes late or twice is as good as one in time.
          maxEventAge: Duration.hours(6),
          retryAttempts: 20,
        }),
      });
      schedule.node.addDependency(role);
    };
    start('Monthly', props.invoices, 'monthly', '6', 'Makes the invoices of the month before');
    start('Invoices', props.reconcile, 'invoices', '8', 'Compares the invoices of the month before with the ledger');
  }
}
