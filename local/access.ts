import { createHash } from 'node:crypto';
import {
  type Decision,
  decide,
  type Permission,
  type PolicyDocument,
  PolicyNotUnderstood,
  type PolicyStatement,
  readDocument,
  readStatement,
  type Statement,
} from './engines/iam.ts';
import {
  type AccessControl,
  AwsError,
  type Credentials,
  type Place,
  type Resource,
  type UnusedPermission,
} from './resources.ts';

/** A call that an AWS service makes in its own name, such as API Gateway invoking a function. */
export interface ServiceCall extends Permission {
  /** `apigateway.amazonaws.com`, `s3.amazonaws.com`... */
  readonly service: string;
  /** The resource in whose name the service calls: the API's route, the bucket, the topic. */
  readonly sourceArn?: string;
}

export interface LocalAccessControl extends AccessControl {
  /**
   * Asks the resource's own policy: a Lambda permission, a queue's or a topic's policy, and for `sts:AssumeRole` the
   * role's trust policy.
   * @throws AwsError `AccessDeniedException` when none of them allows the service to make the call.
   */
  assertServiceAllowed(call: ServiceCall): void;
}

/** Stands for the owner of the account, who may do everything. */
export const administrator = 'administrator';

/** Decisions kept; object keys make their number unbounded, so all are forgotten when there are this many. */
const decisionsKeptMax = 10_000;

/**
 * Reads every role and policy of the template and answers whether a caller may do something.
 * With `enforce` false everything is allowed, and what is used is still noted.
 * @throws PolicyNotUnderstood for managed policies and policy elements that cannot be evaluated here.
 */
export function createAccessControl(
  resources: readonly Resource[],
  place: Place,
  { enforce }: { enforce: boolean },
): LocalAccessControl {
  const statementsOfRole = readIdentityPolicies(resources);
  const resourcePolicies = readResourcePolicies(resources, place);
  const decisions = new Map<string, Decision>();
  const callers = new Map<string, string>();

  function credentialsOf(roleArn: string): Credentials {
    const credentials = deriveCredentials(roleArn);
    callers.set(credentials.accessKeyId, roleArn);
    return credentials;
  }

  function assertAllowed(roleArn: string, action: string, resourceArn: string): void {
    if (roleArn === administrator) return;
    const question = `${roleArn} ${action} ${resourceArn}`;
    let decision = decisions.get(question);
    if (decision === undefined) {
      const context = callContext(place, { 'aws:principalarn': roleArn, 'aws:principalaccount': place.accountId });
      decision = decide(statementsOfRole.get(roleArn) ?? [], { action, resourceArn }, context);
      if (decisions.size >= decisionsKeptMax) decisions.clear();
      decisions.set(question, decision);
    }
    if (!enforce || decision === 'allowed') return;
    const user = `arn:aws:sts::${place.accountId}:assumed-role/${roleName(roleArn)}/local`;
    throw accessDenied(`User: ${user}`, { action, resourceArn }, decision, 'identity-based');
  }

  function assertServiceAllowed({ service, sourceArn, ...permission }: ServiceCall): void {
    if (!enforce) return;
    const statements = resourcePolicies
      .filter((policy) => policy.targetArn === permission.resourceArn)
      .flatMap((policy) => policy.statements.filter(({ services }) => services.includes(service)));
    const source = sourceArn === undefined ? {} : { 'aws:sourcearn': sourceArn, 'aws:sourceaccount': place.accountId };
    const decision = decide(statements, permission, callContext(place, source));
    if (decision !== 'allowed') throw accessDenied(`Service: ${service}`, permission, decision, 'resource-based');
  }

  function unusedPermissions(): UnusedPermission[] {
    return [...statementsOfRole].flatMap(([roleArn, statements]) =>
      statements
        .filter((statement) => statement.effect === 'Allow' && statement.ownersChoice)
        .flatMap((statement) => statement.grants.filter((grant) => !grant.used))
        .map(({ action, resource }) => ({
          role: roleName(roleArn),
          action: action.text,
          resource: resource.text,
        })),
    );
  }

  for (const caller of [administrator, ...statementsOfRole.keys()]) credentialsOf(caller);
  return {
    assertAllowed,
    assertServiceAllowed,
    credentialsOf,
    roleOf: (accessKeyId) => callers.get(accessKeyId),
    unusedPermissions,
  };
}

/** Keys that follow from the role's name, so that a presigned URL outlives a restart. They guard nothing but this machine. */
function deriveCredentials(caller: string): Credentials {
  const digest = (purpose: string) => createHash('sha256').update(`${purpose} ${caller}`).digest();
  const prefix = caller === administrator ? 'AKIA' : 'ASIA';
  return {
    accessKeyId: prefix + digest('access key').toString('hex').slice(0, 16).toUpperCase(),
    secretAccessKey: digest('secret').toString('base64').slice(0, 40),
  };
}

function roleName(roleArn: string): string {
  return roleArn.slice(roleArn.lastIndexOf('/') + 1);
}

function accessDenied(caller: string, { action, resourceArn }: Permission, decision: Decision, kind: string): AwsError {
  const reason =
    decision === 'explicitly denied'
      ? `with an explicit deny in ${kind === 'identity-based' ? 'an' : 'a'} ${kind} policy`
      : `because no ${kind} policy allows the ${action} action`;
  const message = `${caller} is not authorized to perform: ${action} on resource: ${resourceArn} ${reason}`;
  return new AwsError('AccessDeniedException', message, 400);
}

/** Global condition keys. Plain HTTP on the loopback stands for the HTTPS that the same client would use on AWS. */
function callContext(place: Place, more: Record<string, string>): Record<string, string> {
  return { 'aws:securetransport': 'true', 'aws:requestedregion': place.region, ...more };
}

interface RoleProperties {
  readonly AssumeRolePolicyDocument?: PolicyDocument;
  readonly Policies?: readonly { readonly PolicyDocument: PolicyDocument }[];
  readonly ManagedPolicyArns?: readonly string[];
  readonly PermissionsBoundary?: string;
}

interface PolicyProperties {
  readonly PolicyDocument: PolicyDocument;
  readonly Roles?: readonly string[];
  readonly Queues?: readonly string[];
  readonly Topics?: readonly string[];
}

interface LambdaPermissionProperties {
  readonly FunctionName: string;
  readonly Action: string;
  readonly Principal: string;
  readonly SourceArn?: string;
  readonly SourceAccount?: string;
}

/** The statements of each role, by the role's ARN. */
function readIdentityPolicies(resources: readonly Resource[]): ReadonlyMap<string, readonly Statement[]> {
  const policies = ofType<PolicyProperties>(resources, 'AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy');
  return new Map(
    ofType<RoleProperties>(resources, 'AWS::IAM::Role').map((role) => {
      const { Policies = [], ManagedPolicyArns = [], PermissionsBoundary } = role.properties;
      if (PermissionsBoundary !== undefined) {
        const hint = 'Permissions boundaries are not evaluated by the local cloud; leave it out of the local stage.';
        throw new PolicyNotUnderstood(`Role ${role.logicalId} has a PermissionsBoundary. ${hint}`);
      }
      const attached = policies.filter(
        ({ properties, arn }) => properties.Roles?.includes(role.physicalId) || ManagedPolicyArns.includes(arn),
      );
      const documents = [...Policies, ...attached.map((policy) => policy.properties)];
      const managedByAws = ManagedPolicyArns.filter((arn) => !attached.some((policy) => policy.arn === arn));
      return [
        role.arn,
        [
          ...documents.flatMap(({ PolicyDocument }) => readDocument(PolicyDocument, role.logicalId)),
          ...managedByAws.map((arn) => readAwsManagedPolicy(arn, role)),
        ],
      ];
    }),
  );
}

const logActions = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];

/** What the AWS-managed policies that functions usually carry allow, from the AWS Managed Policy Reference. */
const awsManagedPolicies: Readonly<Record<string, readonly string[]>> = {
  AWSLambdaBasicExecutionRole: logActions,
  AWSLambdaSQSQueueExecutionRole: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', ...logActions],
  AWSXRayDaemonWriteAccess: [
    'xray:PutTraceSegments',
    'xray:PutTelemetryRecords',
    'xray:GetSamplingRules',
    'xray:GetSamplingTargets',
    'xray:GetSamplingStatisticSummaries',
  ],
};

function readAwsManagedPolicy(policyArn: string, role: Resource): Statement {
  const actions = awsManagedPolicies[policyArn.slice(policyArn.lastIndexOf('/') + 1)];
  if (!/^arn:[^:]+:iam::aws:policy\//.test(policyArn) || actions === undefined) {
    const hint = `grant its permissions in the template, or use one of ${Object.keys(awsManagedPolicies).join(', ')}.`;
    throw new PolicyNotUnderstood(`Role ${role.logicalId} has the managed policy ${policyArn}, unknown here: ${hint}`);
  }
  const statement = readStatement({ Effect: 'Allow', Action: actions, Resource: '*' }, role.logicalId);
  // AWS chose these permissions, so that one of them is unused is nothing the owner could act on.
  return { ...statement, ownersChoice: false };
}

interface ResourcePolicy {
  readonly targetArn: string;
  readonly statements: readonly Statement[];
}

function readResourcePolicies(resources: readonly Resource[], place: Place): ResourcePolicy[] {
  const arnOf = (id: string) => resources.find(({ physicalId, arn }) => physicalId === id || arn === id)?.arn ?? id;
  const trust = ofType<RoleProperties>(resources, 'AWS::IAM::Role').map((role) => {
    const document = role.properties.AssumeRolePolicyDocument;
    return { targetArn: role.arn, statements: document === undefined ? [] : readDocument(document, role.logicalId) };
  });
  const invocation = ofType<LambdaPermissionProperties>(resources, 'AWS::Lambda::Permission').map((permission) => {
    const { FunctionName: name } = permission.properties;
    const targetArn = name.startsWith('arn:')
      ? name
      : `arn:aws:lambda:${place.region}:${place.accountId}:function:${name}`;
    return { targetArn, statements: [readStatement(lambdaStatement(permission.properties), permission.logicalId)] };
  });
  const documents = ofType<PolicyProperties>(resources, 'AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy').flatMap(
    (policy) => {
      const { Queues = [], Topics = [], PolicyDocument } = policy.properties;
      const statements = readDocument(PolicyDocument, policy.logicalId);
      return [...Queues, ...Topics].map((target) => ({ targetArn: arnOf(target), statements }));
    },
  );
  return [...trust, ...invocation, ...documents];
}

function lambdaStatement({ Action, Principal, SourceArn, SourceAccount }: LambdaPermissionProperties): PolicyStatement {
  const condition = {
    ...(SourceArn !== undefined && { ArnLike: { 'aws:SourceArn': SourceArn } }),
    ...(SourceAccount !== undefined && { StringEquals: { 'aws:SourceAccount': SourceAccount } }),
  };
  return { Effect: 'Allow', Principal: { Service: Principal }, Action, Condition: condition };
}

function ofType<Properties>(
  resources: readonly Resource[],
  ...types: readonly string[]
): (Omit<Resource, 'properties'> & { properties: Properties & Resource['properties'] })[] {
  return resources
    .filter(({ type }) => types.includes(type))
    .map((resource) => ({ ...resource, properties: resource.properties as Properties & Resource['properties'] }));
}
