import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DeadLetterQueue } from './dead-letter-queue.ts';

/** Sweeps what has expired, every minute. */
export class SweepSchedule extends Construct {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: { readonly sweep: IFunction }) {
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
    allow('lambda:InvokeFunction', props.sweep.functionArn);
    allow('sqs:SendMessage', this.deadLetters.queueArn);

    const schedule = new Schedule(this, 'EveryMinute', {
      description: 'Ends what has expired: holds and grants',
      schedule: ScheduleExpression.rate(Duration.minutes(1)),
      target: new LambdaInvoke(props.sweep, {
        role: role.withoutPolicyUpdates(),
        // It goes by its own clock and mark, so a start that comes late or twice is as good as one in time.
        input: ScheduleTargetInput.fromObject({}),
        deadLetterQueue: this.deadLetters,
        // The next start does all that this one would have done.
        maxEventAge: Duration.minutes(1),
        retryAttempts: 2,
      }),
    });
    schedule.node.addDependency(role);
  }
}
