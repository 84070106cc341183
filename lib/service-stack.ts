import { join } from 'node:path';
import { CfnOutput, Lazy, Stack, type StackProps } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { routes } from '../contract/routes.ts';
import { acknowledge } from './acknowledgement.ts';
import { Alarms } from './alarms.ts';
import { AuditSchedules } from './audit-schedules.ts';
import { BillingSchedules } from './billing-schedules.ts';
import { BILLING_RUNS_PREFIX, RECONCILIATIONS_PREFIX, SEALS_PREFIX } from './buckets.ts';
import { BULK_CONCURRENCY_MAX } from './bulk-queue.ts';
import type { DataStack } from './data-stack.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import { HttpApi } from './http-api.ts';
import { ReconciliationSchedules } from './reconciliation-schedules.ts';
import { SealSchedules } from './seal-schedules.ts';
import { ServiceFunctions } from './service-functions.ts';
import { StateMachine } from './state-machine.ts';
import { SweepSchedule } from './sweep-schedule.ts';

export interface ServiceStackProps extends StackProps {
  readonly stage: Stage;
  readonly data: DataStack;
}

/** What runs: it can be deleted and deployed anew without losing anything of the books. */
export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, props: ServiceStackProps) {
    const { stage, data } = props;
    super(scope, id, {
      description: `Reckoner ${stage.name}: functions, API, workflows, schedule and alarms`,
      terminationProtection: stage.keepData,
    });
    this.addStackDependency(data);

    // The state machine is made of functions, one of which starts it: its ARN is known to them only in the end.
    const functions = new ServiceFunctions(this, 'Functions', {
      stage,
      data,
      reconcileArn: Lazy.string({ produce: () => reconcile.stateMachineArn }),
      sealArn: Lazy.string({ produce: () => seal.stateMachineArn }),
      repairArn: Lazy.string({ produce: () => repair.stateMachineArn }),
      invoicesArn: Lazy.string({ produce: () => invoices.stateMachineArn }),
    });
    const reconcile = this.addReconcile(stage, data, functions);
    const seal = this.addSeal(stage, data, functions);
    const repair = this.addRepair(stage, functions);
    const invoices = this.addInvoices(stage, data, functions);
    const { api } = new HttpApi(this, 'HttpApi', {
      stage,
      routes,
      authorizer: functions.named('api/authorizer'),
      functionNamed: (name) => functions.named(name),
    });
    this.feedImports(stage, data, functions);
    this.feedBulks(data, functions);
    const { queue: deadLetters } = new DeadLetterQueue(this, 'SchedulesDeadLetters');
    new ReconciliationSchedules(this, 'Schedules', { reconcile, deadLetters });
    new AuditSchedules(this, 'AuditSchedules', {
      anchor: functions.named('events/anchor-audit'),
      export: functions.named('events/export-audit'),
      deadLetters,
    });
    const sweeps = new SweepSchedule(this, 'Sweeps', { sweep: functions.named('workflow/sweep-expired') });
    new SealSchedules(this, 'SealSchedules', { seal, deadLetters });
    new BillingSchedules(this, 'BillingSchedules', { invoices, reconcile, deadLetters });
    const alarms = new Alarms(this, 'Alarms', {
      stage,
      api,
      reconcile,
      seal,
      repair,
      invoices,
      importDeadLetters: data.importQueue.deadLetters,
      bulkQueue: data.bulkQueue.queue,
      bulkDeadLetters: data.bulkQueue.deadLetters,
      scheduleDeadLetters: deadLetters,
      sweepDeadLetters: sweeps.deadLetters,
      functions: functions.byPascalName(),
    });

    new CfnOutput(this, 'ApiUrl', { value: api.apiEndpoint });
    new CfnOutput(this, 'ReconcileStateMachineArn', { value: reconcile.stateMachineArn });
    new CfnOutput(this, 'SealStateMachineArn', { value: seal.stateMachineArn });
    new CfnOutput(this, 'RepairStateMachineArn', { value: repair.stateMachineArn });
    new CfnOutput(this, 'InvoicesStateMachineArn', { value: invoices.stateMachineArn });
    new CfnOutput(this, 'CreateKeyFunctionName', { value: functions.named('admin/create-key').functionName });
    new CfnOutput(this, 'AlarmTopicArn', { value: alarms.topic.topicArn });
  }

  private addReconcile(stage: Stage, data: DataStack, functions: ServiceFunctions) {
    const { machine } = new StateMachine(this, 'Reconcile', {
      stage,
      file: join(import.meta.dirname, '..', 'statemachines', 'reconcile.asl.json'),
      functions: {
        PlanFunctionArn: functions.named('workflow/plan-reconciliation'),
        SliceFunctionArn: functions.named('workflow/reconcile-slice'),
        SummariseFunctionArn: functions.named('workflow/summarise-reconciliation'),
        FailFunctionArn: functions.named('workflow/fail-reconciliation'),
      },
      names: { ArtifactsBucket: data.buckets.artifacts.bucketName },
      items: {
        arn: `${data.exportValue(data.buckets.artifacts.bucketArn)}/${RECONCILIATIONS_PREFIX}*`,
        patternReason: "The files that list a run's slices, whose keys are made of run ids.",
      },
    });
    return machine;
  }

  private addSeal(stage: Stage, data: DataStack, functions: ServiceFunctions) {
    const { machine } = new StateMachine(this, 'Seal', {
      stage,
      file: join(import.meta.dirname, '..', 'statemachines', 'seal.asl.json'),
      functions: {
        PlanFunctionArn: functions.named('workflow/plan-seal'),
        SliceFunctionArn: functions.named('workflow/seal-slice'),
        CloseFunctionArn: functions.named('workflow/close-seal'),
        FailFunctionArn: functions.named('workflow/fail-seal'),
      },
      names: { ArtifactsBucket: data.buckets.artifacts.bucketName },
      items: {
        arn: `${data.exportValue(data.buckets.artifacts.bucketArn)}/${SEALS_PREFIX}*`,
        patternReason:
          'The files that list the slices of sealings and verifications, whose keys are made of their ids.',
      },
    });
    return machine;
  }

  private addRepair(stage: Stage, functions: ServiceFunctions) {
    const { machine } = new StateMachine(this, 'Repair', {
      stage,
      file: join(import.meta.dirname, '..', 'statemachines', 'repair.asl.json'),
      functions: {
        PlanFunctionArn: functions.named('workflow/plan-repair'),
        TakeFunctionArn: functions.named('workflow/take-repair'),
        PartFunctionArn: functions.named('workflow/apply-repair-part'),
        BackupFunctionArn: functions.named('workflow/back-up-ledger'),
        VerifyFunctionArn: functions.named('workflow/verify-repair'),
        FinishFunctionArn: functions.named('workflow/finish-repair'),
        FailFunctionArn: functions.named('workflow/fail-repair'),
      },
    });
    return machine;
  }

  private addInvoices(stage: Stage, data: DataStack, functions: ServiceFunctions) {
    const { machine } = new StateMachine(this, 'Invoices', {
      stage,
      file: join(import.meta.dirname, '..', 'statemachines', 'invoices.asl.json'),
      functions: {
        PlanFunctionArn: functions.named('workflow/plan-invoices'),
        WorkFunctionArn: functions.named('workflow/work-invoices'),
        CloseFunctionArn: functions.named('workflow/close-invoices'),
        FailFunctionArn: functions.named('workflow/fail-invoices'),
      },
      names: { ArtifactsBucket: data.buckets.artifacts.bucketName },
      items: {
        arn: `${data.exportValue(data.buckets.artifacts.bucketArn)}/${BILLING_RUNS_PREFIX}*`,
        patternReason: 'The files that list the slices of billing runs, whose keys are made of run ids.',
      },
    });
    return machine;
  }

  /** Has Lambda read the import queue; the function's role carries the permissions, in functions.ts. */
  private feedImports(stage: Stage, data: DataStack, functions: ServiceFunctions): void {
    const mapping = new EventSourceMapping(this, 'ImportFeed', {
      target: functions.named('events/import-usage'),
      eventSourceArn: data.importQueue.queue.queueArn,
      // A file may take minutes, and one that fails must not have its neighbours read again.
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: stage.importConcurrency,
    });
    acknowledge(mapping, {
      'Serverless-LambdaEventSourceMappingDestination':
        'Queues have no destinations: what fails goes to the dead letter queue of the import queue.',
    });
  }

  /** Has Lambda work through the lanes of the bulk queue, each in order and by one worker at a time. */
  private feedBulks(data: DataStack, functions: ServiceFunctions): void {
    const mapping = new EventSourceMapping(this, 'BulkFeed', {
      target: functions.named('events/post-bulk'),
      eventSourceArn: data.bulkQueue.queue.queueArn,
      // The most that a FIFO queue hands out at once (AWS limit), which also knows no batching window.
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: BULK_CONCURRENCY_MAX,
    });
    acknowledge(mapping, {
      'Serverless-LambdaEventSourceMappingDestination':
        'Queues have no destinations: what fails goes to the dead letter queue of the bulk queue.',
    });
  }
}
