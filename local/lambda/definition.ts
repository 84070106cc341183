import { randomBytes, randomUUID } from 'node:crypto';
import type { Credentials, Place, Resource } from '../resources.ts';

/** What this cloud reads of an `AWS::Lambda::Function`. */
export interface FunctionDefinition {
  readonly name: string;
  readonly arn: string;
  readonly roleArn: string;
  /** Undefined for code that is no bundle on disk. */
  readonly directory: string | undefined;
  readonly handler: string;
  readonly runtime: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly logGroup: string;
  readonly isTraced: boolean;
  /** Undefined when the template reserves none. */
  readonly reservedConcurrency: number | undefined;
  /** The queue for asynchronous events that could not be handled. */
  readonly deadLetterArn: string | undefined;
}

interface FunctionProperties {
  readonly Role: string;
  readonly Code: { readonly Directory?: string };
  readonly Handler?: string;
  readonly Runtime?: string;
  readonly Timeout?: number;
  readonly MemorySize?: number;
  readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> };
  readonly LoggingConfig?: { readonly LogGroup?: string };
  readonly TracingConfig?: { readonly Mode?: string };
  readonly ReservedConcurrentExecutions?: number;
  readonly DeadLetterConfig?: { readonly TargetArn?: string };
}

/** Lambda's own defaults, from the CreateFunction reference. */
const TIMEOUT_SECONDS_DEFAULT = 3;
const MEMORY_MEGABYTES_DEFAULT = 128;

export function readFunction({ physicalId, arn, properties }: Resource): FunctionDefinition {
  const given = properties as unknown as FunctionProperties;
  const variables = Object.entries(given.Environment?.Variables ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    name: physicalId,
    arn,
    roleArn: given.Role,
    directory: given.Code.Directory,
    handler: given.Handler ?? 'index.handler',
    runtime: given.Runtime ?? '',
    timeoutSeconds: Number(given.Timeout ?? TIMEOUT_SECONDS_DEFAULT),
    memoryMegabytes: Number(given.MemorySize ?? MEMORY_MEGABYTES_DEFAULT),
    variables: Object.fromEntries(variables),
    logGroup: given.LoggingConfig?.LogGroup ?? `/aws/lambda/${physicalId}`,
    isTraced: given.TracingConfig?.Mode === 'Active',
    reservedConcurrency: given.ReservedConcurrentExecutions,
    deadLetterArn: given.DeadLetterConfig?.TargetArn,
  };
}

/**
 * The environment variables of one instance: the template's and the ones Lambda sets, with the role's keys and this
 * cloud's endpoint for the SDK. What the machine's own user has configured for AWS stays out.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function instanceEnvironment(
  definition: FunctionDefinition,
  place: Place,
  endpointUrl: string,
  credentials: Credentials,
  logStream: string,
): Record<string, string> {
  const directory = definition.directory ?? '';
  return {
    ...definition.variables,
    _HANDLER: definition.handler,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_CONFIG_FILE: `${directory}/.no-aws-config`,
    AWS_DEFAULT_REGION: place.region,
    AWS_ENDPOINT_URL: endpointUrl,
    AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: logStream,
    AWS_REGION: place.region,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SHARED_CREDENTIALS_FILE: `${directory}/.no-aws-credentials`,
    LAMBDA_TASK_ROOT: directory,
    LANG: 'en_US.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TZ: ':UTC',
  };
}

/** `2026/11/20/[$LATEST]5f0c...`: a new one for each instance. */
export function logStreamName(now: Date): string {
  return `${now.toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`;
}

/** An X-Ray trace header for one invocation. Ids of node:crypto come out of a store of random bytes, which is for speed. */
export function traceHeader(now: Date, isSampled: boolean): string {
  const seconds = Math.floor(now.getTime() / 1000).toString(16);
  const [root, parent] = [randomHex(24), randomHex(16)];
  return `Root=1-${seconds}-${root};Parent=${parent};Sampled=${isSampled ? 1 : 0}`;
}

function randomHex(digits: number): string {
  return randomUUID().replaceAll('-', '').slice(-digits);
}
