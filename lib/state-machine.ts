import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Arn, ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine as Machine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Stage } from '../config/stages.ts';
import { acknowledgePattern } from './acknowledgement.ts';

export interface StateMachineProps {
  readonly stage: Stage;
  /** Path of the definition, an `.asl.json` file. */
  readonly file: string;
  /** The functions it invokes, each by the name that stands for its ARN in the definition. */
  readonly functions: Readonly<Record<string, IFunction>>;
  /** What else the definition names, by the names it uses. */
  readonly names?: Readonly<Record<string, string>>;
  /** The objects that its Distributed Map reads its items from, where it has one, and why they are given by a pattern. */
  readonly items?: { readonly arn: string; readonly patternReason: string };
}

/**
 * A state machine from a file, with everything logged and traced, and a role of its own that may invoke the functions
 * named and, where it has a Distributed Map, read its items and run its children.
 */
export class StateMachine extends Construct {
  readonly machine: Machine;

  constructor(scope: Construct, id: string, props: StateMachineProps) {
    super(scope, id);
    const functionArns = Object.entries(props.functions).map(([name, { functionArn }]) => [name, functionArn] as const);
    const substitutions = { ...Object.fromEntries(functionArns), ...props.names };
    checkSubstitutions(props.file, Object.keys(substitutions));

    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    const allow = (actions: string[], resources: string[]) =>
      role.addToPolicy(new PolicyStatement({ actions, resources }));
    allow(
      ['lambda:InvokeFunction'],
      functionArns.map(([, arn]) => arn),
    );
    if (props.items !== undefined) {
      allow(['s3:GetObject'], [props.items.arn]);
      acknowledgePattern(role, props.items.arn, props.items.patternReason);
    }
    allow(LOG_DELIVERY_ACTIONS, ['*']);
    allow(TRACE_ACTIONS, ['*']);
    acknowledgePattern(
      role,
      '*',
      'Log delivery and X-Ray know no resources: their actions can only be allowed on all.',
    );

    const logGroup = new LogGroup(this, 'Log', {
      retention: props.stage.logRetentionDays,
      removalPolicy: props.stage.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.machine = new Machine(this, 'Machine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromFile(props.file),
      definitionSubstitutions: substitutions,
      logs: { destination: logGroup, level: LogLevel.ALL, includeExecutionData: true },
      tracingEnabled: true,
      // All permissions are here; this keeps the construct from adding its own.
      role: role.withoutPolicyUpdates(),
    });
    this.machine.node.addDependency(role);
    if (props.items !== undefined) this.allowDistributedMap(role);
  }

  /** In a policy apart: it names the state machine, which is made after the role's own policy. */
  private allowDistributedMap(role: Role): void {
    const executions = Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${Arn.split(this.machine.stateMachineArn, ArnFormat.COLON_RESOURCE_NAME).resourceName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const policy = new Policy(this, 'DistributedMapPolicy', {
      roles: [role],
      statements: [
        new PolicyStatement({ actions: ['states:StartExecution'], resources: [this.machine.stateMachineArn] }),
        new PolicyStatement({ actions: ['states:DescribeExecution', 'states:StopExecution'], resources: [executions] }),
      ],
    });
    acknowledgePattern(policy, executions, 'The executions of this state machine alone; AWS names each as it starts.');
  }
}

export class SubstitutionMismatch extends Error {
  override name = 'SubstitutionMismatch';
}

/** CloudFormation would leave an unknown `${Name}` standing in the definition for the first execution to trip over. */
function checkSubstitutions(file: string, given: readonly string[]): void {
  const used = new Set([...readFileSync(file, 'utf8').matchAll(/\$\{(\w+)\}/g)].map((match) => match[1] ?? ''));
  const unknown = [...used].filter((name) => !given.includes(name));
  const unused = given.filter((name) => !used.has(name));
  if (unknown.length === 0 && unused.length === 0) return;
  const differences = `only the file has [${unknown.join(', ')}], only the construct has [${unused.join(', ')}]`;
  throw new SubstitutionMismatch(`${basename(file)} and the construct that uses it disagree: ${differences}.`);
}

/** What Step Functions needs to write an execution log, as its Developer Guide lists it. */
const LOG_DELIVERY_ACTIONS = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];

/** What Step Functions needs to trace executions, as its Developer Guide lists it. */
const TRACE_ACTIONS = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
];
