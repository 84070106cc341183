import { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { acknowledge } from './acknowledgement.ts';
import { METRICS_NAMESPACE, SERVICE_NAME } from './house-function.ts';
import { ImpactAlarm, type ImpactAlarmProps } from './impact-alarm.ts';

export interface AlarmsProps {
  readonly stage: Stage;
  readonly api: HttpApi;
  readonly reconcile: IStateMachine;
  readonly seal: IStateMachine;
  readonly repair: IStateMachine;
  readonly invoices: IStateMachine;
  readonly importDeadLetters: IQueue;
  readonly bulkQueue: IQueue;
  readonly bulkDeadLetters: IQueue;
  readonly scheduleDeadLetters: IQueue;
  readonly sweepDeadLetters: IQueue;
  /** By a name that can stand in an alarm's name. */
  readonly functions: Readonly<Record<string, IFunction>>;
}

const FIVE_MINUTES = Duration.minutes(5);

/** Every alarm of the service, and the topic that carries them to people. */
export class Alarms extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { enforceSSL: true });
    if (props.stage.alarmEmail !== undefined) subscribe(this.topic, props.stage.alarmEmail);
    this.watchTheBooks();
    this.watchTheInvoices(props);
    this.watchTheMachinery(props);
  }

  /** Numbers that Reckoner counts itself: do the books agree, and were they compared at all. */
  private watchTheBooks(): void {
    this.alarm('LedgerWriteErrors', {
      metric: counted('ledger_write_errors', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 5 },
      impact: 'Charges are refused after all retries: usage is served that nobody is charged for until callers repeat.',
      runbook: 'ledger-write-errors.md',
    });
    this.alarm('Discrepancy', {
      metric: counted('reconciliation_discrepancy_percent', Stats.MAXIMUM, FIVE_MINUTES),
      threshold: { above: 1 },
      impact: 'Charges and usage differ by more than 1 percent: invoices made now would be wrong by as much.',
      runbook: 'discrepancy.md',
    });
    this.alarm('BalanceDrift', {
      metric: counted('balance_drift_findings', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact: 'A balance is not the sum of its transfers: limits are enforced against a wrong number.',
      runbook: 'balance-drift.md',
    });
    this.alarm('BalancesNotChecked', {
      metric: counted('balances_not_checked', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact: 'Balances moved too fast to be compared with their transfers: a drift in them would not be seen.',
      runbook: 'balances-not-checked.md',
    });
    this.alarm('SpotCheckFindings', {
      metric: counted('spot_check_findings', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact:
        'A sample of accounts disagrees in days that were reconciled before: what is wrong there is in many more accounts.',
      runbook: 'spot-check.md',
    });
    this.alarm('AuditChainBroken', {
      metric: counted('audit_chain_broken', Stats.MAXIMUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact:
        'A record of the audit chain was edited, removed or inserted: who did what can no longer be proved from it.',
      runbook: 'audit-chain-broken.md',
    });
    this.alarm('SealsBroken', {
      metric: counted('seals_broken', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact:
        'The ledger, or the chain of its seals, was changed after it was sealed: what it says cannot be relied on.',
      runbook: 'seal-broken.md',
    });
    this.alarm('SealMissing', {
      metric: counted('daily_seal_completed', Stats.SUM, Duration.days(1)),
      threshold: { below: 1 },
      missingIsBreach: true,
      impact: 'No seal was made for a day: what is changed in the ledger now would leave no trace.',
      runbook: 'seal-missing.md',
    });
    this.alarm('SealVerificationMissing', {
      metric: counted('weekly_seal_verification_completed', Stats.SUM, Duration.days(1)),
      threshold: { below: 1 },
      periods: 7,
      missingIsBreach: true,
      impact: 'Seals were not verified for a week: what was changed in the ledger would not be found.',
      runbook: 'seal-missing.md',
    });
    this.alarm('EntriesNotSealed', {
      metric: counted('entries_not_sealed', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact: 'Days have entries that no seal holds: what is changed in them leaves no trace.',
      runbook: 'seal-missing.md',
    });
    this.alarm('AuditCheckMissing', {
      metric: counted('audit_chain_broken', Stats.SAMPLE_COUNT, Duration.days(1)),
      threshold: { below: 1 },
      missingIsBreach: true,
      impact: 'The audit chain was not verified for a day, nor its head kept: what is written anew would not show.',
      runbook: 'audit-check-missing.md',
    });
    this.alarm('ImportFailed', {
      metric: counted('import_failed', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact: 'A usage file was refused whole or broke off: what it holds is missing from the evidence.',
      runbook: 'import-failed.md',
    });
    this.alarm('ExpirySweepLag', {
      metric: counted('expiry_sweep_lag_seconds', Stats.MAXIMUM, Duration.minutes(15)),
      threshold: { above: 600 },
      missingIsBreach: true,
      impact: 'Holds have expired and still reserve what they held: customers are refused what they have.',
      runbook: 'expiry-sweep.md',
    });
    this.alarm('ReconciliationMissing', {
      metric: counted('daily_reconciliation_completed', Stats.SUM, Duration.days(1)),
      threshold: { below: 1 },
      missingIsBreach: true,
      impact: 'No reconciliation has finished for a day: the books may drift and nobody would know.',
      runbook: 'reconciliation-missing.md',
    });
  }

  /** Are there invoices, do they tie out, and do they say what the ledger says. */
  private watchTheInvoices({ invoices }: AlarmsProps): void {
    this.alarm('InvoicesBlocked', {
      metric: counted('invoices_blocked', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact: 'Invoices do not tie out with the ledger: they cannot be sent until what does not tie is repaired.',
      runbook: 'invoices-blocked.md',
    });
    this.alarm('InvoiceDiscrepancy', {
      metric: counted('invoice_findings', Stats.SUM, FIVE_MINUTES),
      threshold: { above: 0 },
      impact: 'Invoices do not say what the ledger says: customers would be asked for too much or too little.',
      runbook: 'invoice-discrepancy.md',
    });
    // An alarm looks back on seven days at most (CloudWatch limit) and a month is longer: so the daily reconciliation
    // looks whether the month before has its invoices, and its own silence is ReconciliationMissing.
    this.alarm('InvoicesMissing', {
      metric: counted('invoices_missing', Stats.MAXIMUM, Duration.days(1)),
      threshold: { above: 0 },
      impact: 'The invoices of the last month were not made: nobody is asked to pay for it.',
      runbook: 'invoices-missing.md',
    });
    const failed = {
      impact: 'A billing run broke off: what it was to make, finalize or send is done in part, until it is run again.',
      runbook: 'invoices-failed.md',
    } as const;
    this.alarm('InvoicesFailed', {
      metric: invoices.metricFailed({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...failed,
    });
    this.alarm('InvoicesTimedOut', {
      metric: invoices.metricTimedOut({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...failed,
    });
  }

  /** Numbers that AWS counts: does everything run. */
  private watchTheMachinery(props: AlarmsProps): void {
    const failed = {
      impact: 'A reconciliation run broke off: its period stays unchecked until a run for it completes.',
      runbook: 'reconciliation-failed.md',
    } as const;
    this.alarm('ReconciliationFailed', {
      metric: props.reconcile.metricFailed({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...failed,
    });
    this.alarm('ReconciliationTimedOut', {
      metric: props.reconcile.metricTimedOut({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...failed,
    });
    const sealFailed = {
      impact: 'A seal was not made, or a verification not done: what is changed in the ledger may go unseen.',
      runbook: 'seal-failed.md',
    } as const;
    this.alarm('SealFailed', {
      metric: props.seal.metricFailed({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...sealFailed,
    });
    this.alarm('SealTimedOut', {
      metric: props.seal.metricTimedOut({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...sealFailed,
    });
    const repairFailed = {
      impact: 'A repair broke off: a part of it may be posted and the rest not, until it is applied again.',
      runbook: 'repair-failed.md',
    } as const;
    this.alarm('RepairFailed', {
      metric: props.repair.metricFailed({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...repairFailed,
    });
    this.alarm('RepairTimedOut', {
      metric: props.repair.metricTimedOut({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 0 },
      ...repairFailed,
    });
    this.alarm('ImportDeadLetters', {
      metric: waiting(props.importDeadLetters),
      threshold: { above: 0 },
      impact: 'A usage file could not be read in: what it holds is missing from the evidence.',
      runbook: 'import-dead-letters.md',
    });
    this.alarm('BulkDeadLetters', {
      metric: waiting(props.bulkDeadLetters),
      threshold: { above: 0 },
      impact: 'A part of a bulk was set aside: charges and transfers that callers were promised are not posted.',
      runbook: 'bulk-dead-letters.md',
    });
    const late = 'parts of bulks wait: charges and transfers are posted later than callers expect.';
    for (const [id, parts] of [
      ['BulkQueueDepth', 100],
      ['BulkQueueDepthHigh', 500],
    ] as const) {
      this.alarm(id, {
        metric: waiting(props.bulkQueue),
        threshold: { above: parts },
        impact: `More than ${parts} ${late}`,
        runbook: 'bulk-queue-depth.md',
      });
    }
    this.alarm('ScheduleDeadLetters', {
      metric: waiting(props.scheduleDeadLetters),
      threshold: { above: 0 },
      impact:
        'A scheduled reconciliation, seal, audit check, export or billing run could not be started: it was not done.',
      runbook: 'schedule-dead-letters.md',
    });
    this.alarm('SweepDeadLetters', {
      metric: waiting(props.sweepDeadLetters),
      threshold: { above: 0 },
      impact: 'A sweep of what has expired could not be started: held funds stay held until one runs.',
      runbook: 'expiry-sweep.md',
    });
    this.alarm('ApiErrors', {
      metric: props.api.metricServerError({ statistic: Stats.SUM, period: FIVE_MINUTES }),
      threshold: { above: 5 },
      impact: 'Callers get errors that are not their own: charges and usage reach Reckoner only when they repeat.',
      runbook: 'api-errors.md',
    });
    for (const [name, lambda] of Object.entries(props.functions)) {
      this.alarm(`${name}Errors`, {
        metric: lambda.metricErrors({ statistic: Stats.SUM, period: FIVE_MINUTES }),
        threshold: { above: 0 },
        impact: `The function ${name} threw, ran out of time or of memory: what it was asked to do was not done.`,
        runbook: 'function-errors.md',
      });
    }
  }

  private alarm(id: string, props: Omit<ImpactAlarmProps, 'topic'>): void {
    new ImpactAlarm(this, id, { topic: this.topic, ...props });
  }
}

/** One of Reckoner's own metrics; they all have the service's name as their only dimension. */
function counted(metricName: string, statistic: string, period: Duration): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { service: SERVICE_NAME },
    statistic,
    period,
  });
}

function waiting(queue: IQueue): Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: FIVE_MINUTES });
}

function subscribe(topic: ITopic, address: string): void {
  const subscription = topic.addSubscription(new EmailSubscription(address));
  acknowledge(subscription, {
    'Serverless-SNSRedrivePolicy': 'Mail that cannot be delivered is lost; the alarm itself stays red in CloudWatch.',
  });
}
