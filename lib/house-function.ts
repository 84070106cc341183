import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Code, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { acknowledge, acknowledgePattern } from './acknowledgement.ts';

export interface HouseFunctionProps {
  readonly stage: Stage;
  readonly code: Code;
  readonly description: string;
  readonly memoryMiB: number;
  readonly timeoutSeconds: number;
  /** Beyond what every function is told: its stage and where its logs and metrics belong. */
  readonly environment: Readonly<Record<string, string>>;
  /** Beyond what every function may do: write its own log and its traces. */
  readonly permissions: readonly Permission[];
}

export interface Permission {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Why resources are named by a pattern, where they are. */
  readonly patternReason?: string;
}

/** Logs, traces and metrics of all functions stand under this name; metrics have no other dimension. */
export const SERVICE_NAME = 'reckoner';
export const METRICS_NAMESPACE = 'Reckoner';

/**
 * A Lambda function as this house makes them: Node 24 on arm64, its own log group that forgets in time, traces, and a
 * role of its own that may do what is listed and nothing else.
 */
export class HouseFunction extends Construct {
  readonly lambda: LambdaFunction;

  constructor(scope: Construct, id: string, props: HouseFunctionProps) {
    super(scope, id);

    const logGroup = new LogGroup(this, 'Log', {
      retention: props.stage.logRetentionDays,
      removalPolicy: props.stage.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });

    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    grant(role, { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] });
    grant(role, {
      actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
      resources: ['*'],
      patternReason: 'X-Ray knows no resources: its actions can only be allowed on all of them.',
    });
    for (const permission of props.permissions) grant(role, permission);

    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: props.code,
      memorySize: props.memoryMiB,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: Tracing.ACTIVE,
      logGroup,
      // All permissions are above; this keeps the construct from adding its own.
      role: role.withoutPolicyUpdates(),
      environment: {
        STAGE: props.stage.name,
        POWERTOOLS_SERVICE_NAME: SERVICE_NAME,
        POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
        ...props.environment,
      },
    });
    // The function must not run before it may do what it should.
    this.lambda.node.addDependency(role);

    acknowledge(this.lambda, {
      'Serverless-LambdaDLQ':
        'Catches asynchronous invocations only. The API, the state machine and the owner wait for the answer, and the import queue has its own dead letter queue. The functions that schedules invoke are tried three times by Lambda and may be invoked again at any time; an alarm tells that one threw.',
    });
  }
}

function grant(role: Role, permission: Permission): void {
  role.addToPolicy(new PolicyStatement({ actions: [...permission.actions], resources: [...permission.resources] }));
  if (permission.patternReason !== undefined) {
    for (const resource of permission.resources) acknowledgePattern(role, resource, permission.patternReason);
  }
}
