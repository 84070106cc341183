import { createHash } from 'node:crypto';
import type { Place } from '../resources.ts';

/** What other resources can know of a resource before it is made. */
export interface Identity {
  /** What `Ref` gives. */
  readonly physicalId: string;
  /** Empty for resources that have none. */
  readonly arn: string;
  /** What `Fn::GetAtt` gives, by attribute name. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface IdentityInput {
  readonly type: string;
  readonly stack: string;
  readonly logicalId: string;
  readonly place: Place;
  /** Where this cloud's AWS endpoint listens; queue URLs begin with it. */
  readonly endpointUrl: string;
  /** Where an HTTP API of the template listens. */
  readonly apiUrl: (stack: string, logicalId: string) => string;
  /** A property of the resource as text, resolved; undefined when the template does not set it. */
  readonly property: (name: string) => string | undefined;
}

/**
 * Gives a resource its physical id, ARN and attributes. Names that the template leaves open are `<stack>-<logical id>`,
 * shortened with a digest where AWS allows fewer characters, so they are the same in every run.
 *
 * @returns undefined when this cloud does not know the resource type
 */
export function identify(input: IdentityInput): Identity | undefined {
  const kind = KINDS[input.type];
  if (kind !== undefined) return kind(input);
  if (!WITHOUT_ARN.has(input.type)) return undefined;
  return { physicalId: generatedName(input, NAME_LENGTH_DEFAULT), arn: '', attributes: {} };
}

type Kind = (input: IdentityInput) => Identity;

/** Characters that AWS allows in names, by type; from the CreateX reference of each service. */
const NAME_LENGTH = {
  table: 255,
  bucket: 63,
  queue: 80,
  function: 64,
  role: 64,
  stateMachine: 80,
  schedule: 64,
  topic: 256,
};
const NAME_LENGTH_DEFAULT = 128;
/** API Gateway's own ids are ten characters of lower case letters and digits. */
const GATEWAY_ID_LENGTH = 10;

/** Types that only tie other resources together, and types that are understood and do nothing here. */
const WITHOUT_ARN: ReadonlySet<string> = new Set([
  'AWS::IAM::Policy',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Permission',
  'AWS::SQS::QueuePolicy',
  'Custom::S3BucketNotifications',
  // Nothing happens here for those below.
  'AWS::CDK::Metadata',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::KMS::Alias',
  'AWS::Logs::QueryDefinition',
  'AWS::Logs::ResourcePolicy',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::TopicPolicy',
  'Custom::S3AutoDeleteObjects',
]);

const KINDS: Readonly<Record<string, Kind>> = {
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::S3::Bucket': bucket,
  'AWS::SQS::Queue': queue,
  'AWS::Lambda::Function': (input) => {
    const name = input.property('FunctionName') ?? generatedName(input, NAME_LENGTH.function);
    return named(name, regional(input.place, 'lambda', `function:${name}`));
  },
  'AWS::Lambda::Version': qualifiedFunction('1'),
  'AWS::Lambda::Alias': (input) => qualifiedFunction(input.property('Name') ?? 'alias')(input),
  'AWS::IAM::Role': (input) => {
    const name = input.property('RoleName') ?? generatedName(input, NAME_LENGTH.role);
    const path = input.property('Path') ?? '/';
    const arn = `arn:aws:iam::${input.place.accountId}:role${path}${name}`;
    return named(name, arn, { RoleId: `AROA${digest(input).slice(0, 16).toUpperCase()}` });
  },
  'AWS::IAM::ManagedPolicy': (input) => {
    const name = input.property('ManagedPolicyName') ?? generatedName(input, NAME_LENGTH_DEFAULT);
    const arn = `arn:aws:iam::${input.place.accountId}:policy/${name}`;
    return { physicalId: arn, arn, attributes: { PolicyArn: arn } };
  },
  'AWS::StepFunctions::StateMachine': (input) => {
    const name = input.property('StateMachineName') ?? generatedName(input, NAME_LENGTH.stateMachine);
    const arn = regional(input.place, 'states', `stateMachine:${name}`);
    return { physicalId: arn, arn, attributes: { Arn: arn, Name: name } };
  },
  'AWS::Scheduler::ScheduleGroup': (input) => {
    const name = input.property('Name') ?? generatedName(input, NAME_LENGTH.schedule);
    return named(name, regional(input.place, 'scheduler', `schedule-group/${name}`));
  },
  'AWS::Scheduler::Schedule': (input) => {
    const name = input.property('Name') ?? generatedName(input, NAME_LENGTH.schedule);
    return named(
      name,
      regional(input.place, 'scheduler', `schedule/${input.property('GroupName') ?? 'default'}/${name}`),
    );
  },
  'AWS::ApiGatewayV2::Api': (input) => {
    const id = gatewayId(input);
    const arn = `arn:aws:apigateway:${input.place.region}::/apis/${id}`;
    const endpoint = input.apiUrl(input.stack, input.logicalId);
    return { physicalId: id, arn, attributes: { ApiId: id, ApiEndpoint: endpoint } };
  },
  'AWS::ApiGatewayV2::Stage': (input) => named(input.property('StageName') ?? '$default', ''),
  'AWS::ApiGatewayV2::Route': gatewayPart,
  'AWS::ApiGatewayV2::Integration': gatewayPart,
  'AWS::ApiGatewayV2::Authorizer': gatewayPart,
  'AWS::Logs::LogGroup': (input) => {
    const name = input.property('LogGroupName') ?? generatedName(input, NAME_LENGTH_DEFAULT);
    return named(name, regional(input.place, 'logs', `log-group:${name}:*`));
  },
  'AWS::CloudWatch::Alarm': (input) => {
    const name = input.property('AlarmName') ?? generatedName(input, NAME_LENGTH_DEFAULT);
    return named(name, regional(input.place, 'cloudwatch', `alarm:${name}`));
  },
  'AWS::SNS::Topic': (input) => {
    const name = input.property('TopicName') ?? generatedName(input, NAME_LENGTH.topic);
    const arn = regional(input.place, 'sns', name);
    return { physicalId: arn, arn, attributes: { TopicArn: arn, TopicName: name } };
  },
  'AWS::KMS::Key': (input) => {
    const id = digest(input).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
    return named(id, regional(input.place, 'kms', `key/${id}`), { KeyId: id });
  },
};

function table(input: IdentityInput): Identity {
  const name = input.property('TableName') ?? generatedName(input, NAME_LENGTH.table);
  const arn = regional(input.place, 'dynamodb', `table/${name}`);
  return named(name, arn, { StreamArn: `${arn}/stream/2000-01-01T00:00:00.000` });
}

function bucket(input: IdentityInput): Identity {
  const name = input.property('BucketName') ?? generatedName(input, NAME_LENGTH.bucket).toLowerCase();
  const { region } = input.place;
  return named(name, `arn:aws:s3:::${name}`, {
    DomainName: `${name}.s3.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${region}.amazonaws.com`,
  });
}

function queue(input: IdentityInput): Identity {
  const suffix = input.property('FifoQueue') === 'true' ? '.fifo' : '';
  const name = input.property('QueueName') ?? generatedName(input, NAME_LENGTH.queue - suffix.length) + suffix;
  const url = `${input.endpointUrl}/${input.place.accountId}/${name}`;
  const arn = regional(input.place, 'sqs', name);
  return { physicalId: url, arn, attributes: { Arn: arn, QueueName: name, QueueUrl: url } };
}

/** Versions and aliases are the function itself here; their ARNs carry the qualifier. */
function qualifiedFunction(qualifier: string): Kind {
  return (input) => {
    const name = (input.property('FunctionName') ?? '').split(':function:').at(-1);
    const arn = regional(input.place, 'lambda', `function:${name}:${qualifier}`);
    return { physicalId: arn, arn, attributes: { FunctionArn: arn, AliasArn: arn, Version: qualifier } };
  };
}

function gatewayPart(input: IdentityInput): Identity {
  const id = gatewayId(input);
  return { physicalId: id, arn: '', attributes: { AuthorizerId: id, RouteId: id, IntegrationId: id } };
}

function named(name: string, arn: string, attributes: Readonly<Record<string, string>> = {}): Identity {
  return { physicalId: name, arn, attributes: { Arn: arn, ...attributes } };
}

function regional({ region, accountId }: Place, service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${resource}`;
}

/** Logical ids hold no hyphen, so two resources never share `<stack>-<logical id>`. */
function generatedName(input: IdentityInput, lengthMax: number): string {
  const name = `${input.stack}-${input.logicalId}`;
  if (name.length <= lengthMax) return name;
  const tail = digest(input).slice(0, 8);
  return `${name.slice(0, lengthMax - tail.length - 1)}-${tail}`;
}

function gatewayId(input: IdentityInput): string {
  return BigInt(`0x${digest(input)}`)
    .toString(36)
    .slice(0, GATEWAY_ID_LENGTH);
}

function digest({ stack, logicalId }: IdentityInput): string {
  return createHash('sha256').update(`${stack}/${logicalId}`).digest('hex');
}
