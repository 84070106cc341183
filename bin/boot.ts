import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type Client, createClient } from '../contract/client.ts';
import { type Scope, scopes } from '../contract/scopes.ts';
import { buildApp } from '../lib/app.ts';
import { type Cloud, type CloudOptions, startCloud } from '../local/cloud.ts';

/** Reckoner, whole, on this machine: the deployable's own stacks in a local cloud. */
export interface Installation {
  readonly cloud: Cloud;
  readonly apiUrl: string;
  /** A key that may do everything. */
  readonly key: string;
  /** Calls the API with that key. */
  readonly client: Client;
  /** Makes a further key, the way the owner of an AWS account does. */
  createKey(request: { name: string; scopes: readonly Scope[]; account?: string }): Promise<string>;
  stop(): Promise<void>;
}

/** Writes the stacks of a stage, functions bundled, to a directory, as `cdk synth` does with what is deployed. */
export function synthesize(directory: string, stage = 'dev'): void {
  buildApp(stage, { outdir: directory, isLocal: true }).synth();
}

/** Starts a synthesized assembly here. @throws Error in one sentence when a port is taken or an engine is missing. */
export async function boot(options: CloudOptions): Promise<Installation> {
  const cloud = await startCloud(options);
  try {
    const apiUrl = cloud.outputs.ApiUrl ?? '';
    const createKey = (request: object) => invokeCreateKey(cloud, request);
    const key = await createKey({ name: 'development', scopes });
    return { cloud, apiUrl, key, client: createClient({ baseUrl: apiUrl, key }), createKey, stop: cloud.stop };
  } catch (error) {
    await cloud.stop();
    throw error;
  }
}

async function invokeCreateKey(cloud: Cloud, request: object): Promise<string> {
  const lambda = new LambdaClient({
    endpoint: cloud.endpointUrl,
    region: cloud.place.region,
    credentials: cloud.ownerCredentials,
  });
  try {
    const { FunctionError, Payload } = await lambda.send(
      new InvokeCommand({ FunctionName: cloud.outputs.CreateKeyFunctionName, Payload: JSON.stringify(request) }),
    );
    const text = Payload?.transformToString() ?? '';
    if (FunctionError !== undefined) throw new Error(`The function that makes API keys failed: ${text}`);
    return (JSON.parse(text) as { key: string }).key;
  } finally {
    lambda.destroy();
  }
}
