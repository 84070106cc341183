import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { Schedules } from './schedules.ts';

export interface AuditSchedulesProps {
  readonly anchor: IFunction;
  readonly export: IFunction;
  readonly deadLetters: Queue;
}

/**
 * Verifies the audit chain every day at 03:15 UTC and anchors its head; exports the month before on the first of each
 * month at 03:30. Both come to the same however often they are done.
 */
export class AuditSchedules extends Schedules {
  constructor(scope: Construct, id: string, props: AuditSchedulesProps) {
    super(scope, id, {
      deadLetters: props.deadLetters,
      starts: [
        {
          ...{ name: 'Anchor', target: props.anchor, when: { hour: '3', minute: '15' } },
          description: 'Verifies the audit chain and anchors its head',
        },
        {
          ...{ name: 'Export', target: props.export, when: { day: '1', hour: '3', minute: '30' } },
          description: 'Exports the audit records of the month before',
        },
      ],
    });
  }
}
