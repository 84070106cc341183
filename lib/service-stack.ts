import { join } from 'node:path';
import { CfnOutput, Lazy, Stack, type StackProps } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { routes } from '../contract/routes.ts';
import { acknowledge } from './acknowledgement.ts';
import { Alarms } from './alarms.ts';
import { RECONCILIATIONS_PREFIX } from './buckets.ts';
import type { DataStack } from './data-stack.ts';
import { HttpApi } from './http-api.ts';
import { ReconciliationSchedules } from './reconciliation-schedules.ts';
import { ServiceFunctions } from './service-functions.ts';
import { StateMachine } from './state-machine.ts';

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
    });
    const reconcile = this.addReconcile(stage, data, functions);
    const { api } = new HttpApi(this, 'HttpApi', {
      stage,
      routes,
      authorizer: functions.named('api/authorizer'),
      functionNamed: (name) => functions.named(name),
    });
    this.feedImports(stage, data, functions);
    const schedules = new ReconciliationSchedules(this, 'Schedules', { reconcile });
    const alarms = new Alarms(this, 'Alarms', {
      stage,
      api,
      reconcile,
      importDeadLetters: data.importQueue.deadLetters,
      scheduleDeadLetters: schedules.deadLetters,
      functions: functions.byPascalName(),
    });

    new CfnOutput(this, 'ApiUrl', { value: api.apiEndpoint });
    new CfnOutput(this, 'ReconcileStateMachineArn', { value: reconcile.stateMachineArn });
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
}
