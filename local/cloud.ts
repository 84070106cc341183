import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { administrator, createAccessControl, type LocalAccessControl } from './access.ts';
import { type AlarmStatus, createAlarms } from './alarms.ts';
import { type BucketNotifications, createBucketNotifications } from './bucket-notifications.ts';
import { startEndpoint } from './endpoint.ts';
import { type DynamoDbEngine, startDynamoDb } from './engines/dynamodb.ts';
import { type S3Engine, startS3 } from './engines/s3.ts';
import { createSns, type PublishedMessage, type SnsEngine } from './engines/sns.ts';
import { type SqsEngine, startSqs } from './engines/sqs.ts';
import { startEventSources } from './event-sources.ts';
import { type ApiServer, createHttpApi, openApiServer } from './http-api.ts';
import { createAsyncInvocations } from './lambda/async-invocations.ts';
import { INSTANCES_MAX_DEFAULT, startFunctions } from './lambda/functions.ts';
import { createLogSink, type LogSink } from './lambda/log-sink.ts';
import { createMetricStore, type MetricStore, MINUTE_MS, recordEmbeddedMetrics } from './metrics.ts';
import { allStarted, createOwner, type Own } from './ownership.ts';
import { findPort } from './ports.ts';
import type { Credentials, InvokeFunction, Place, Resource, UnusedPermission } from './resources.ts';
import { startSchedules } from './schedules.ts';
import { type CallService, createServiceCalls } from './service-calls.ts';
import { createServiceMetrics } from './service-metrics.ts';
import { assumeServiceRoles } from './service-roles.ts';
import { systemClock } from './states/clock.ts';
import { createStatesEngine, type StatesEngine } from './states/engine.ts';
import { type Assembly, readAssembly } from './template/assembly.ts';
import { resolveTemplate } from './template.ts';

export interface CloudOptions {
  /** What `cdk synth` wrote: `cdk.out`. */
  readonly assemblyDirectory: string;
  /** Keeps tables, objects, messages and logs between runs; without it everything is gone after `stop`. */
  readonly dataDirectory?: string | undefined;
  /** Where the first HTTP API listens; further ones take the ports after it. Free ports when absent. */
  readonly port?: number | undefined;
  /** Where the AWS endpoint listens; a free port when absent. */
  readonly endpointPort?: number | undefined;
  /** Whether roles may do only what the template allows them. @default true */
  readonly enforceAccess?: boolean | undefined;
  /** Takes what an operator should see, one line each. @default console.log */
  readonly log?: ((line: string) => void) | undefined;
}

/** A running copy of what the templates describe. */
export interface Cloud {
  /** What clients set as `AWS_ENDPOINT_URL`. */
  readonly endpointUrl: string;
  /** Where each HTTP API listens, by its logical id. */
  readonly apiUrls: Readonly<Record<string, string>>;
  /** The templates' outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: readonly Resource[];
  readonly place: Place;
  /** Keys of the account's owner, who may do everything. */
  readonly ownerCredentials: Credentials;
  /**
   * Does what a schedule does at its time.
   *
   * @param name the schedule's name or logical id
   * @param at the scheduled time that the target is told; now when absent
   * @returns the target's answer, such as `{ executionArn }`
   */
  fireSchedule(name: string, at?: Date): Promise<unknown>;
  /** When each enabled schedule is due next, by its name. */
  nextRuns(): ReadonlyMap<string, Date>;
  /** The state of every alarm now. */
  alarms(): Promise<readonly AlarmStatus[]>;
  /** The last lines that a function wrote, oldest first, by its name. */
  functionLog(functionName: string): readonly string[];
  /** The last messages that a topic took, oldest first, by its ARN. */
  published(topicArn: string): readonly PublishedMessage[];
  unusedPermissions(): readonly UnusedPermission[];
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
/** What the template leaves open, as the CDK does with stacks that name no environment. */
const PLACE_DEFAULT: Place = { accountId: '000000000000', region: 'us-east-1' };

/**
 * Boots what an assembly says, and ends what it has started when that fails half way.
 *
 * @throws Error in one sentence: what the template asks for and cannot be had here, or which port is in use
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { own, stop } = createOwner();
  try {
    return { ...(await boot(options, own)), stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

async function boot(options: CloudOptions, own: Own): Promise<Omit<Cloud, 'stop'>> {
  const { dataDirectory, enforceAccess = true, log = console.log } = options;
  const isFirstRun = dataDirectory === undefined || !existsSync(dataDirectory);
  const network = await openNetwork(options, own);
  const { resources, place } = network;
  const access = createAccessControl(resources, place, { enforce: enforceAccess });
  assumeServiceRoles({ resources, place, access, log });

  const metrics = createMetricStore();
  const logs = createLogSink({
    directory: dataDirectory === undefined ? undefined : join(dataDirectory, 'logs'),
    onLine: (line) => recordEmbeddedMetrics(metrics, line),
  });
  own({ stop: logs.close });
  const tools = { log, now: () => new Date(), newId: randomUUID, sleep };
  const ground: Ground = { ...tools, ...network, access, metrics, logs };

  const engines = await startEngines(ground, dataDirectory, own);
  const compute = await startCompute(ground, engines, own);
  own(startEventSources({ ...ground, ...compute, region: place.region }));
  const schedules = own(startSchedules({ ...ground, ...compute }));
  const alarms = own(watchAlarms(ground, engines, compute));
  if (isFirstRun) await engines.notifications.sendTestEvents(ground.now());
  serveApis(ground, compute, own);

  return {
    endpointUrl: network.endpointUrl,
    apiUrls: Object.fromEntries(network.apis.map(({ api, server }) => [api.logicalId, server.url])),
    outputs: network.outputs,
    resources,
    place,
    ownerCredentials: access.credentialsOf(administrator),
    fireSchedule: schedules.fire,
    nextRuns: schedules.nextRuns,
    alarms: alarms.current,
    functionLog: logs.lines,
    published: engines.sns.published,
    unusedPermissions: access.unusedPermissions,
  };
}

/** What everything in the cloud stands on. */
interface Ground extends Network {
  readonly access: LocalAccessControl;
  readonly metrics: MetricStore;
  readonly logs: LogSink;
  readonly log: (line: string) => void;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

interface Network {
  readonly place: Place;
  readonly apis: readonly { readonly api: ApiId; readonly server: ApiServer }[];
  readonly endpointPort: number;
  readonly endpointUrl: string;
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, string>>;
}

interface ApiId {
  readonly stack: string;
  readonly logicalId: string;
}

/** Opens the ports, and resolves the templates, which may speak of them. */
async function openNetwork(options: CloudOptions, own: Own): Promise<Network> {
  const { assemblyDirectory, port = 0, endpointPort: wanted = 0 } = options;
  const assembly = readAssembly(assemblyDirectory);
  const { accountId = PLACE_DEFAULT.accountId, region = PLACE_DEFAULT.region } = assembly;
  const place = { accountId, region };

  const apis: { readonly api: ApiId; readonly server: ApiServer }[] = [];
  for (const api of apisOf(assembly)) {
    const server = own(await openApiServer({ host: HOST, port: port === 0 ? 0 : port + apis.length }));
    apis.push({ api, server });
  }
  const endpointPort = await findPort(HOST, wanted);
  const endpointUrl = `http://${HOST}:${endpointPort}`;
  const apiUrl = (stack: string, logicalId: string) =>
    apis.find(({ api }) => api.stack === stack && api.logicalId === logicalId)?.server.url ?? '';
  const { resources, outputs } = resolveTemplate(assembly, { place, endpointUrl, apiUrl });
  return { place, apis, endpointPort, endpointUrl, resources, outputs };
}

function apisOf({ stacks }: Assembly): ApiId[] {
  return stacks.flatMap(({ name, template }) =>
    Object.entries(template.Resources ?? {})
      .filter(([, { Type }]) => Type === 'AWS::ApiGatewayV2::Api')
      .map(([logicalId]) => ({ stack: name, logicalId })),
  );
}

interface Engines {
  readonly dynamoDb: DynamoDbEngine;
  readonly s3: S3Engine;
  readonly sqs: SqsEngine;
  readonly sns: SnsEngine;
  readonly notifications: BucketNotifications;
}

/** What keeps data. */
async function startEngines(ground: Ground, directory: string | undefined, own: Own): Promise<Engines> {
  const { resources, place } = ground;
  const sqs = own(await startSqs({ resources, place, directory }));
  const notifications = createBucketNotifications({ ...ground, sqs });
  const [dynamoDb, s3] = await allStarted([
    startDynamoDb({ resources, directory }).then(own),
    startS3({ resources, place, directory, onObjectCreated: notifications.objectCreated }).then(own),
  ]);
  return { dynamoDb, s3, sqs, sns: createSns(ground), notifications };
}

interface Compute {
  readonly invoke: InvokeFunction;
  readonly states: StatesEngine;
  readonly callService: CallService;
}

/** What runs: functions, state machines, and the endpoint by which they and everybody else reach the services. */
async function startCompute(ground: Ground, engines: Engines, own: Own): Promise<Compute> {
  const { resources, place, access } = ground;
  const { dynamoDb, s3, sqs, sns } = engines;
  const { invoke } = own(startFunctions(ground));
  // They know each other: state machines call services, and Step Functions is one of them.
  const callService: CallService = (call) => services(call);
  const states = startStates(resources, place, callService);
  const asynchronous = createAsyncInvocations({ ...ground, invoke, callService });
  const services = createServiceCalls({ ...ground, sqs, states, invoke, invokeAsync: asynchronous.invokeAsync });
  const served = {
    place,
    access,
    dynamoDbUrl: dynamoDb.url,
    dynamoDbBackups: dynamoDb.backups,
    s3,
    sqs,
    sns,
    invoke,
    invokeAsync: asynchronous.invokeAsync,
    states,
  };
  own(await startEndpoint({ ...served, host: HOST, port: ground.endpointPort }));
  own(states);
  own(asynchronous);
  return { invoke, states, callService };
}

function startStates(resources: readonly Resource[], place: Place, callService: CallService): StatesEngine {
  const engine = createStatesEngine({
    place,
    callService,
    clock: systemClock,
    random: Math.random,
    // Tasks that wait in line for a function's instance would use up their own time limits.
    concurrencyCeiling: INSTANCES_MAX_DEFAULT,
  });
  for (const { type, stack, logicalId, arn, properties } of resources) {
    if (type !== 'AWS::StepFunctions::StateMachine') continue;
    const { RoleArn, DefinitionString } = properties as { RoleArn: string; DefinitionString: string };
    try {
      engine.register({ name: arn.split(':').at(-1) ?? '', arn, roleArn: RoleArn, definition: DefinitionString });
    } catch (error) {
      throw new Error(`In stack ${stack}, resource ${logicalId}: ${(error as Error).message}`);
    }
  }
  return engine;
}

/** Evaluates the alarms every minute, and whenever they are asked for. */
function watchAlarms(ground: Ground, { sqs }: Engines, { states }: Compute) {
  const { now, log } = ground;
  const alarms = createAlarms(ground);
  const sample = createServiceMetrics({ ...ground, sqs, states, startedAt: now() });
  const current = async () => {
    await sample(now());
    return alarms.evaluate(now());
  };
  const timer = setInterval(() => {
    current().catch((error: Error) => log(`The alarms could not be evaluated: ${error.message}`));
  }, MINUTE_MS).unref();
  return { current, stop: () => clearInterval(timer) };
}

function serveApis(ground: Ground, { invoke }: Compute, own: Own): void {
  for (const { api: id, server } of ground.apis) {
    const api = ground.resources.find(({ stack, logicalId }) => stack === id.stack && logicalId === id.logicalId);
    // One whose condition does not hold is no resource: its port only answers that nothing is there.
    if (api === undefined) continue;
    server.serve(createHttpApi({ ...ground, api, invoke }));
    // Once more, as the last that was started: requests end before what answers them does.
    own(server);
  }
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
}
