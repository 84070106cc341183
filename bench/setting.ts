import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { boot, type Installation, synthesize } from '../bin/boot.ts';
import { expectOk, prepare } from '../demo/play.ts';
import { addDays, type Day, dayOf } from '../domain/time.ts';
import { functions } from '../lib/functions.ts';
import { startDynamoDb } from '../local/engines/dynamodb.ts';
import { newDynamoDb } from '../store/dynamodb.ts';
import type { Figure } from './figures.ts';

/** What measurements stand on. Plain data: each measurement runs in a process of its own. */
export interface Setting {
  /** The DynamoDB engine itself, with nothing between. */
  readonly engineUrl: string;
  /** The local cloud's AWS endpoint, by which its functions reach the engine. */
  readonly endpointUrl: string;
  readonly apiUrl: string;
  /** The process in which the local cloud runs: gateway, endpoint and functions. */
  readonly cloudPid: number;
  readonly key: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly tables: {
    readonly ledger: string;
    readonly usage: string;
    readonly operations: string;
    readonly billing: string;
  };
  readonly artifactsBucket: string;
  /** The file that is deployed as the charge function. */
  readonly ledgerBundle: string;
  /** The day that charges are made for. Accounts are open and prices in force since the day before. */
  readonly day: Day;
}

export type Measure = (setting: Setting) => Promise<Figure[]>;

/** Boots the whole product on an engine of its own, which measurements can reach directly. Access is not enforced. */
export async function openSetting(): Promise<{ readonly setting: Setting; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'reckoner-bench-'));
  const engine = await startDynamoDb({ resources: [] });
  // The cloud uses the engine that this names instead of starting one that only it knows.
  process.env.DYNAMODB_ENDPOINT = engine.url;
  synthesize(directory);
  const installation = await boot({ assemblyDirectory: directory, enforceAccess: false, log: () => undefined });
  const day = addDays(dayOf(new Date().toISOString()), -1);
  await prepare(installation.client, addDays(day, -1));
  await publishPostpaidPrices(installation, addDays(day, -1));
  return {
    setting: settingOf(installation, engine.url, day),
    async stop() {
      await installation.stop();
      await engine.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A client as the functions use it: the store does the retrying. */
export function dynamoDbClient(setting: Setting, endpoint = setting.engineUrl): DynamoDBClient {
  const { region, credentials } = setting;
  return newDynamoDb({ endpoint, region, credentials });
}

async function publishPostpaidPrices({ client }: Installation, from: Day): Promise<void> {
  const prices = { input_tokens: { amount: 3, per: 1 }, output_tokens: { amount: 15, per: 1 } };
  const card = { name: 'postpaid', asset: 'USD/6', revenueAccount: 'platform:usage:revenue' };
  const body = { ...card, effectiveFrom: `${from}T00:00:00.000Z`, operations: { completion: { prices } } };
  expectOk(await client.publishRateCard({ body }));
}

function settingOf({ cloud, apiUrl, key }: Installation, engineUrl: string, day: Day): Setting {
  const output = (name: string) => {
    const value = cloud.outputs[name];
    if (value === undefined) throw new Error(`The stacks have no output "${name}".`);
    return value;
  };
  return {
    engineUrl,
    endpointUrl: cloud.endpointUrl,
    apiUrl,
    cloudPid: process.pid,
    key,
    region: cloud.place.region,
    credentials: cloud.ownerCredentials,
    tables: {
      ledger: output('LedgerTableName'),
      usage: output('UsageTableName'),
      operations: output('OperationsTableName'),
      billing: output('BillingTableName'),
    },
    artifactsBucket: output('ArtifactsBucketName'),
    ledgerBundle: join(ledgerDirectory(cloud), 'index.mjs'),
    day,
  };
}

function ledgerDirectory({ resources }: Installation['cloud']): string {
  const purpose = functions['api/ledger'].purpose;
  const found = resources.find(
    ({ type, properties }) => type === 'AWS::Lambda::Function' && properties.Description === purpose,
  );
  const code = found?.properties.Code as { readonly Directory?: string } | undefined;
  if (code?.Directory === undefined) throw new Error(`The stacks have no bundled function for "${purpose}".`);
  return code.Directory;
}
