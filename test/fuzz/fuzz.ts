import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import fc from 'fast-check';
import type { Installation } from '../../bin/boot.ts';
import { dayOf } from '../../domain/time.ts';
import { bytesOf } from './hostile.ts';
import { faultsOf, kindOf, routeOf } from './oracle.ts';
import { requests, type Sent } from './requests.ts';
import { type Received, send } from './send.ts';
import { type Content, changesBetween, readTables, tablesOf } from './tables.ts';
import { prepareWorld, surroundings } from './world.ts';

/** Something that an answer or the tables must never show. */
export interface Fault {
  readonly what: string;
  readonly request: string;
  readonly answer: string;
}

export interface Outcome {
  readonly faults: readonly Fault[];
  /** Answers by operation and status. */
  readonly answers: ReadonlyMap<string, number>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly progress?: (done: number) => void;
}

/** Requests that are made at once; the next ones have a seed that follows from the first. */
const MADE_AT_ONCE = 100;

/** Sends requests to an installation that nobody else uses, one after another, and looks at every answer. */
export async function fuzz(installation: Installation, options: FuzzOptions): Promise<Outcome> {
  const today = dayOf(new Date().toISOString());
  await prepareWorld(installation, today);
  const bound = await installation.createKey({
    name: 'bound',
    scopes: ['usage:write', 'ledger:read', 'ledger:write'],
    account: 'customer:fuzz-2',
  });
  const made = requests(surroundings(today, [installation.key, bound]));
  const judge = createJudge(installation);
  const faults = new Map<string, Fault>();
  const answers = new Map<string, number>();
  try {
    for (let done = 0; done < options.requests; done += MADE_AT_ONCE) {
      const numRuns = Math.min(MADE_AT_ONCE, options.requests - done);
      for (const sent of fc.sample(made, { seed: options.seed + done, numRuns })) {
        const { received, found } = await judge.ask(sent);
        const name = `${routeOf(sent)?.id ?? 'no route'} ${received.status}`;
        answers.set(name, (answers.get(name) ?? 0) + 1);
        for (const what of found) {
          const fault = { what: `${name} ${what}`, request: written(sent), answer: received.text.slice(0, 1_000) };
          if (!faults.has(fault.what)) faults.set(fault.what, fault);
        }
      }
      options.progress?.(done + numRuns);
    }
  } finally {
    judge.stop();
  }
  return { faults: [...faults.values()], answers };
}

function createJudge(installation: Installation) {
  const { apiUrl, cloud, client } = installation;
  const owner = { endpoint: cloud.endpointUrl, region: cloud.place.region, credentials: cloud.ownerCredentials };
  const [tables, workflows] = [new DynamoDBClient(owner), new SFNClient(owner)];
  const names = tablesOf(installation);
  const read = () => readTables(tables, names);
  /** What stands in the tables, where nothing may have been written since it was read. */
  let known: Content | undefined;
  let hasBackground = false;

  async function ask(sent: Sent): Promise<{ received: Received; found: string[] }> {
    const isQuestion = sent.method === 'GET' || sent.method === 'HEAD';
    const before = isQuestion ? undefined : (known ?? (await read()));
    const received = await send(apiUrl, sent);
    const found = faultsOf(sent, received);
    if (before === undefined) return { received, found };
    if (received.status < 300) {
      await keepGoing(sent);
      known = undefined;
      return { received, found };
    }
    if (kindOf(received) === 'unavailable' && (await isAlwaysUnavailable(sent))) found.push('is never available');
    const after = await read();
    const changes = changesBetween(before, after).filter((key) => !isOfTheSweep(key));
    known = after;
    if (changes.length > 0) found.push(...(await explained(sent, changes)));
    return { received, found };
  }

  /** Nobody could find anything if the ledger stayed paused. What was started goes on behind the answer. */
  async function keepGoing(sent: Sent): Promise<void> {
    const route = routeOf(sent);
    // Only these two do all that they do before they answer.
    if (route?.function !== 'api/ledger' && route?.function !== 'api/usage') hasBackground = true;
    if (route?.id === 'setLedgerControl') await client.setLedgerControl({ body: { paused: false, reason: 'Go on.' } });
  }

  async function isAlwaysUnavailable(sent: Sent): Promise<boolean> {
    return kindOf(await send(apiUrl, sent)) === 'unavailable';
  }

  /** What changed may be the work of a workflow or a queue; then the same again, in silence, changes nothing. */
  async function explained(sent: Sent, changes: readonly string[]): Promise<string[]> {
    const isExpiry = changes.some((key) => key.includes(' resolution#'));
    if (hasBackground || isExpiry) {
      const before = await silence();
      await send(apiUrl, sent);
      known = await read();
      const again = changesBetween(before, known).filter((key) => !isOfTheSweep(key));
      return again.length === 0 ? [] : [`changes ${again.join(', ')}, once and again`];
    }
    return [`changes ${changes.join(', ')}`];
  }

  /** Waits until nothing runs in the background, and says what stands in the tables then. */
  async function silence(): Promise<Content> {
    for (let before = await read(); ; ) {
      const running = await Promise.all(machinesOf(installation).map(isRunning));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const after = await read();
      if (!running.includes(true) && changesBetween(before, after).length === 0) {
        hasBackground = false;
        return after;
      }
      before = after;
    }
  }

  async function isRunning(stateMachineArn: string): Promise<boolean> {
    const command = new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING', maxResults: 1 });
    const { executions = [] } = await workflows.send(command);
    return executions.length > 0;
  }

  return {
    ask,
    stop() {
      tables.destroy();
      workflows.destroy();
    },
  };
}

function machinesOf({ cloud }: Installation): string[] {
  return cloud.resources.filter(({ type }) => type === 'AWS::StepFunctions::StateMachine').map(({ arn }) => arn);
}

/** The sweep of what has expired comes every minute and notes how far it is. */
function isOfTheSweep(key: string): boolean {
  return key.endsWith(' sweep itself');
}

function written(sent: Sent): string {
  const { method, path, headers, body } = sent;
  const bytes = body === undefined ? 0 : bytesOf(body).length;
  const { authorization: _, ...told } = headers;
  return `${method} ${path} ${JSON.stringify(told)} ${body?.text.slice(0, 2_000) ?? ''} (${bytes} bytes)`;
}
