import type { LocalAccessControl } from './access.ts';
import type { Place, Resource } from './resources.ts';

export interface ServiceRolesOptions {
  readonly resources: readonly Resource[];
  readonly place: Place;
  readonly access: Pick<LocalAccessControl, 'assertAllowed' | 'assertServiceAllowed'>;
  readonly log: (line: string) => void;
}

/** Who assumes the role that a resource names, and the ARN under which the service then acts. */
interface Assumption {
  readonly service: string;
  readonly roleArn: string;
  readonly sourceArn: string;
}

/**
 * Does with roles what the services do at deployment: assumes them, and has state machines set up their logs. So what
 * AWS would refuse is refused, and permissions that serve this purpose count as used.
 *
 * @throws Error naming the resource whose role does not do
 */
export function assumeServiceRoles({ resources, place, access, log }: ServiceRolesOptions): void {
  for (const resource of resources) {
    const assumption = assumptionOf(resource, place);
    if (assumption === undefined) continue;
    const { service, roleArn, sourceArn } = assumption;
    try {
      access.assertServiceAllowed({ service, action: 'sts:AssumeRole', resourceArn: roleArn, sourceArn });
      if (resource.type === 'AWS::StepFunctions::StateMachine') setUpLogs(resource, roleArn, access);
    } catch (error) {
      const { stack, logicalId } = resource;
      throw new Error(`In stack ${stack}, resource ${logicalId}: its role does not do: ${(error as Error).message}`);
    }
    if (resource.type === 'AWS::StepFunctions::StateMachine') setUpTraces(resource, roleArn, access, log);
  }
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy */
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
/** https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html */
const TRACE_ACTIONS = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
];

type Access = ServiceRolesOptions['access'];

function assumptionOf({ type, arn, properties }: Resource, { region, accountId }: Place): Assumption | undefined {
  switch (type) {
    case 'AWS::Lambda::Function':
      return { service: 'lambda.amazonaws.com', roleArn: String(properties.Role), sourceArn: arn };
    case 'AWS::StepFunctions::StateMachine':
      return { service: 'states.amazonaws.com', roleArn: String(properties.RoleArn), sourceArn: arn };
    case 'AWS::Scheduler::Schedule': {
      const { RoleArn } = properties.Target as { RoleArn: string };
      const group = String(properties.GroupName ?? 'default');
      const sourceArn = `arn:aws:scheduler:${region}:${accountId}:schedule-group/${group}`;
      return { service: 'scheduler.amazonaws.com', roleArn: RoleArn, sourceArn };
    }
    default:
      return undefined;
  }
}

function setUpLogs({ properties }: Resource, roleArn: string, access: Access): void {
  const logging = properties.LoggingConfiguration as { readonly Level?: string } | undefined;
  if (logging === undefined || logging.Level === 'OFF') return;
  for (const action of LOG_DELIVERY_ACTIONS) access.assertAllowed(roleArn, action, '*');
}

/** A state machine without these permissions runs, and is not traced. */
function setUpTraces(
  { logicalId, properties }: Resource,
  roleArn: string,
  access: Access,
  log: (line: string) => void,
) {
  if ((properties.TracingConfiguration as { readonly Enabled?: boolean } | undefined)?.Enabled !== true) return;
  for (const action of TRACE_ACTIONS) {
    try {
      access.assertAllowed(roleArn, action, '*');
    } catch (error) {
      log(`State machine ${logicalId} cannot send traces: ${(error as Error).message}`);
    }
  }
}
