import { Aws, Duration, TimeZone } from 'aws-cdk-lib';
import type { CronOptions } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke, StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

/** What is started, and when. */
export interface ScheduledStart {
  readonly name: string;
  readonly target: IStateMachine | IFunction;
  /** By this a target of several schedules knows what it is to do. */
  readonly trigger?: string;
  /** In UTC, and on the hour unless it says otherwise. */
  readonly when: CronOptions;
  readonly description: string;
}

export interface SchedulesProps {
  readonly starts: readonly ScheduledStart[];
  /** Where schedules set aside what they could not start. */
  readonly deadLetters: Queue;
}

/** Schedules with one role, which may start what they start and nothing else. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, { starts, deadLetters }: SchedulesProps) {
    super(scope, id);
    const role = new Role(this, 'Role', {
      // Only for schedules of this account: the service acts for others too.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    });
    const allow = (action: string, resource: string) =>
      role.addToPolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
    for (const { target } of starts) {
      if (isFunction(target)) allow('lambda:InvokeFunction', target.functionArn);
      else allow('states:StartExecution', target.stateMachineArn);
    }
    allow('sqs:SendMessage', deadLetters.queueArn);

    for (const { name, target, trigger, when, description } of starts) {
      const options = {
        role: role.withoutPolicyUpdates(),
        input: ScheduleTargetInput.fromObject({
          ...(trigger && { trigger }),
          scheduledTime: ContextAttribute.scheduledTime,
        }),
        deadLetterQueue: deadLetters,
        // A run is named after its day or month, so a start that comes late or twice is as good as one in time.
        maxEventAge: Duration.hours(6),
        retryAttempts: 20,
      };
      const schedule = new Schedule(this, name, {
        description,
        schedule: ScheduleExpression.cron({ minute: '0', ...when, timeZone: TimeZone.ETC_UTC }),
        target: isFunction(target)
          ? new LambdaInvoke(target, options)
          : new StepFunctionsStartExecution(target, options),
      });
      schedule.node.addDependency(role);
    }
  }
}

function isFunction(target: IStateMachine | IFunction): target is IFunction {
  return 'functionArn' in target;
}
