import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { Schedules } from './schedules.ts';

export interface SealSchedulesProps {
  readonly seal: IStateMachine;
  readonly deadLetters: Queue;
}

/**
 * Seals the ledger every day at 04:00 UTC, after the reconciliations: the day before, and once more the seven days before
 * that, because corrections come late, and older days that something was recorded for since. Verifies the last 35 days
 * and one older month every Monday at 05:00 UTC.
 */
export class SealSchedules extends Schedules {
  constructor(scope: Construct, id: string, { seal: target, deadLetters }: SealSchedulesProps) {
    super(scope, id, {
      deadLetters,
      starts: [
        {
          ...{ name: 'Daily', target, trigger: 'daily', when: { hour: '4' } },
          description: 'Seals the day before, and the seven days before that once more',
        },
        {
          ...{ name: 'Weekly', target, trigger: 'weekly', when: { hour: '5', weekDay: 'MON' } },
          description: 'Verifies the seals of the last 35 days and of one older month',
        },
      ],
    });
  }
}
