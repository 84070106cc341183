import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { Schedules } from './schedules.ts';

export interface BillingSchedulesProps {
  readonly invoices: IStateMachine;
  readonly reconcile: IStateMachine;
  readonly deadLetters: Queue;
}

/**
 * Makes the invoices of a month on the second day of the next at 06:00 UTC, and compares them with the ledger at 08:00.
 * Not on the first: evidence of the last day that came late is re-checked on the second, at 03:00.
 */
export class BillingSchedules extends Schedules {
  constructor(scope: Construct, id: string, { invoices, reconcile, deadLetters }: BillingSchedulesProps) {
    super(scope, id, {
      deadLetters,
      starts: [
        {
          ...{ name: 'Monthly', target: invoices, trigger: 'monthly', when: { day: '2', hour: '6' } },
          description: 'Makes the invoices of the month before',
        },
        {
          ...{ name: 'Invoices', target: reconcile, trigger: 'invoices', when: { day: '2', hour: '8' } },
          description: 'Compares the invoices of the month before with the ledger',
        },
      ],
    });
  }
}
