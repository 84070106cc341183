import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

export interface ImpactAlarmProps {
  readonly topic: ITopic;
  /** With its statistic and period. */
  readonly metric: IMetric;
  /** The alarm goes off above (or, where `below` is given, below) this, never at it. */
  readonly threshold: { readonly above: number } | { readonly below: number };
  /** How many periods must all breach; with the period at most seven days (AWS limit). @default 1 */
  readonly periods?: number;
  /** What a breach costs, for somebody who is woken by it. */
  readonly impact: string;
  /** The page that says what to do, in docs/runbooks/. */
  readonly runbook: `${string}.md`;
  /** Whether no data is as bad as a breach. @default false */
  readonly missingIsBreach?: boolean;
}

/** An alarm that says what a breach costs and where the remedy is written; without either it cannot be made. */
export class ImpactAlarm extends Construct {
  constructor(scope: Construct, id: string, props: ImpactAlarmProps) {
    super(scope, id);
    const runbook = `docs/runbooks/${props.runbook}`;
    if (!existsSync(join(import.meta.dirname, '..', runbook))) {
      throw new MissingRunbook(`The alarm "${id}" points to ${runbook}, which does not exist. Write it.`);
    }
    const above = 'above' in props.threshold;
    const alarm = new Alarm(this, 'Alarm', {
      alarmDescription: `${props.impact} Runbook: ${runbook}`,
      metric: props.metric,
      threshold: 'above' in props.threshold ? props.threshold.above : props.threshold.below,
      comparisonOperator: above ? ComparisonOperator.GREATER_THAN_THRESHOLD : ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: props.periods ?? 1,
      treatMissingData: props.missingIsBreach ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(props.topic));
  }
}

export class MissingRunbook extends Error {
  override name = 'MissingRunbook';
}
