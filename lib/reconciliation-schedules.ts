import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { Schedules } from './schedules.ts';

export interface ReconciliationSchedulesProps {
  readonly reconcile: IStateMachine;
  readonly deadLetters: Queue;
}

/**
 * Starts reconciliations: every day at 02:00 UTC that of the day before, late enough for most late evidence; and an hour
 * later once more the seven days before that, because some evidence comes later still. Every Monday a sample of accounts
 * is looked at anew, over the week before: what all runs passed over when it was young would show.
 */
export class ReconciliationSchedules extends Schedules {
  constructor(scope: Construct, id: string, { reconcile: target, deadLetters }: ReconciliationSchedulesProps) {
    super(scope, id, {
      deadLetters,
      starts: [
        {
          ...{ name: 'Daily', target, trigger: 'daily', when: { hour: '2' } },
          description: 'Reconciles the day before',
        },
        {
          ...{ name: 'Recheck', target, trigger: 'recheck', when: { hour: '3' } },
          description: 'Reconciles the seven days before that once more',
        },
        {
          ...{ name: 'SpotCheck', target, trigger: 'spot', when: { hour: '4', weekDay: 'MON' } },
          description: 'Reconciles a sample of accounts over the week before',
        },
      ],
    });
  }
}
