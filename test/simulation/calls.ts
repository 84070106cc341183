import type { TransactWriteItemsCommandInput } from '@aws-sdk/client-dynamodb';
import { cancelled, serviceFault, timedOut } from './dynamodb/faults.ts';
import type { Instance } from './instances.ts';
import type { World } from './world.ts';

/** A call of DynamoDB on its way there and back, and whatever befalls it. */

/** What a call comes to, once it has arrived. */
type Outcome = { readonly answer: object } | { readonly error: unknown };

/** Milliseconds that a caller waits for one answer, as the functions' own client does. */
const REQUEST_MS = 1_200;
/** Milliseconds within which a call arrives that its caller has given up. */
const LATE_MS = 5_000;

export function perform(world: World, instance: Instance, command: object): Promise<object> {
  const { scheduler, chaos, random } = world;
  if (instance.isDead) return NEVER;
  const latency = chaos.strikes('slow') ? 200 + random.below(900) : 1 + random.below(8);
  const fate = fateOf(world, command);
  return new Promise((resolve, reject) => {
    const settle = (outcome: Outcome, milliseconds: number) =>
      scheduler.after(milliseconds, () => {
        if (instance.isDead) return;
        if ('answer' in outcome) resolve(outcome.answer);
        else reject(outcome.error);
      });
    if (fate === 'crash') {
      // Half of the calls that a function dies at still arrive.
      if (chaos.random.chance(0.5)) scheduler.after(latency, () => void arrive(world, instance, command));
      instance.die();
      return;
    }
    if (fate === 'lost-request' || fate === 'late-request') {
      if (fate === 'late-request') {
        instance.isAmbiguous = true;
        const late = REQUEST_MS + random.below(LATE_MS);
        scheduler.after(late, () => void arrive(world, instance, command));
      }
      settle({ error: timedOut() }, REQUEST_MS);
      return;
    }
    scheduler.after(latency, () => {
      if (typeof fate === 'object') return settle(fate, latency);
      const outcome = arrive(world, instance, command);
      if (fate !== 'lost-answer') return settle(outcome, 1 + random.below(8));
      instance.isAmbiguous = true;
      return settle({ error: timedOut() }, REQUEST_MS);
    });
  });
}

const NEVER = new Promise<never>(() => {});

type Fate = 'crash' | 'lost-request' | 'late-request' | 'lost-answer' | 'arrives' | { readonly error: Error };

function fateOf({ chaos }: World, command: object): Fate {
  const { name, input } = described(command);
  if (chaos.strikes('crash')) return 'crash';
  for (const fault of ['lost-request', 'late-request', 'lost-answer'] as const) if (chaos.strikes(fault)) return fault;
  if (chaos.strikes('server-error')) return { error: serviceFault('InternalServerError', 'Internal error.', 500) };
  const isTransaction = name === 'TransactWriteItemsCommand';
  const { TransactItems: items = [], ClientRequestToken: token } = input as TransactWriteItemsCommandInput;
  // A transaction that meets a conflict or no throughput is cancelled, and one of its items says why.
  const because = (Code: string) => {
    const struck = chaos.random.below(items.length);
    return { error: cancelled(items.map((_, index) => ({ Code: index === struck ? Code : 'None' }))) };
  };
  if (chaos.strikes('throttled')) {
    if (isTransaction && chaos.random.chance(0.5)) return because('ThrottlingError');
    return { error: serviceFault(chaos.random.pick(THROTTLES), 'Slow down.') };
  }
  if (chaos.strikes('conflict')) {
    if (isTransaction) return because('TransactionConflict');
    if (WRITES.has(name)) return { error: serviceFault('TransactionConflictException', 'Another has it.') };
  }
  if (chaos.strikes('in-progress') && token !== undefined) {
    return { error: serviceFault('TransactionInProgressException', 'It is under way.') };
  }
  return 'arrives';
}

const THROTTLES = ['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded'] as const;
const WRITES: ReadonlySet<string> = new Set(['PutItemCommand', 'UpdateItemCommand']);

export function described(command: object): { readonly name: string; readonly input: object } {
  const { constructor: kind, input } = command as {
    readonly constructor: { readonly name: string };
    readonly input: object;
  };
  return { name: kind.name, input };
}

/** Performs a call that has arrived, at this moment. */
function arrive(world: World, instance: Instance, command: object): Outcome {
  const { name, input } = described(command);
  const { engine, trace, scheduler } = world;
  const outcome = attempt(() => engine.perform(name, input));
  const told = 'answer' in outcome ? 'ok' : (outcome.error as Error).name;
  trace.note(scheduler.now(), instance.name, name, subjectOf(input), told);
  return name === 'BatchGetItemCommand' ? partly(world, outcome) : outcome;
}

function attempt(perform: () => object): Outcome {
  try {
    return { answer: { $metadata: {}, ...perform() } };
  } catch (error) {
    return { error };
  }
}

/** Leaves some items of many out, to be asked for again. */
function partly({ chaos }: World, outcome: Outcome): Outcome {
  if (!('answer' in outcome) || !chaos.strikes('unprocessed')) return outcome;
  const { Responses = {} } = outcome.answer as { Responses?: Record<string, { pk: object }[]> };
  const [[table, items] = ['', []]] = Object.entries(Responses);
  if (items.length < 2) return outcome;
  const left = items.slice(1).map(({ pk }) => ({ pk }));
  return {
    answer: {
      Responses: { [table]: items.slice(0, 1) },
      UnprocessedKeys: { [table]: { Keys: left, ConsistentRead: true } },
    },
  };
}

/** What a call is about, in a few words. */
function subjectOf(input: object): string {
  const {
    TransactItems = [],
    Key,
    Item,
    TableName,
    IndexName,
    ExpressionAttributeValues,
  } = input as {
    TransactItems?: { Put?: Named; Update?: Named }[];
    ExpressionAttributeValues?: Record<string, { S?: string }>;
    IndexName?: string;
  } & Named;
  if (TransactItems.length > 0) return TransactItems.map(({ Put, Update }) => subjectOf(Put ?? Update ?? {})).join(',');
  const key = Item ?? Key;
  if (key !== undefined) return `${key.pk?.S ?? ''}${key.sk === undefined ? '' : `/${key.sk.S}`}`;
  return `${IndexName ?? TableName ?? ''}[${Object.values(ExpressionAttributeValues ?? {})[0]?.S ?? ''}]`;
}

interface Named {
  readonly Key?: Record<string, { S?: string }>;
  readonly Item?: Record<string, { S?: string }>;
  readonly TableName?: string;
}
