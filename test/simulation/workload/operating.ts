import { dayOf } from '../../../domain/time.ts';
import { LEDGER } from '../dynamodb/tables.ts';
import type { Item } from '../dynamodb/values.ts';
import { must } from '../invariant.ts';
import { findingsOf } from '../reconciling.ts';
import { kindOf, type Simulation } from '../simulation.ts';
import { possiblyDrifted } from '../truth.ts';
import { amountUpTo, newElements } from './moving.ts';
import { ask, isPosted, post, TRANSFER } from './posting.ts';

/** What operators do, and what somebody does past them. */

const ACCOUNTS = 'POST /v1/accounts';
const LIMIT = 'PUT /v1/accounts/{accountId}/credit-limit';
const statusRoute = (to: 'freeze' | 'unfreeze' | 'close') => `POST /v1/accounts/{accountId}/${to}`;
const REASON = { reason: 'simulation' };

/** The first day that transfers of a run may count on. */
export const OPENED_ON = '2026-11-18';

export async function openAccount(simulation: Simulation, id: string, creditLimit = 0): Promise<void> {
  const isStrict = id.startsWith('customer:');
  const body = { id, ...(isStrict && { openedOn: OPENED_ON, creditLimit: String(creditLimit) }) };
  const { answer } = await simulation.send('ledger', ACCOUNTS, { body });
  must(isPosted(answer), 'answers are those of the contract', () => JSON.stringify(answer));
  simulation.known[isStrict ? 'strict' : 'derived'].push(id);
}

export async function fund(simulation: Simulation, credit: string, amount: number): Promise<void> {
  const id = simulation.newId('fund');
  const body = { id, debit: 'platform:funding', credit, amount: String(amount), asset: 'TOKEN' };
  await post(simulation, TRANSFER, { body }, id);
}

export async function freeze(simulation: Simulation): Promise<void> {
  const {
    world: { random, scheduler },
    known,
  } = simulation;
  const request = { params: { accountId: random.pick(known.strict) }, body: REASON };
  await ask(simulation, 'ledger', statusRoute('freeze'), request, ['account-closed']);
  await scheduler.sleep(random.below(5_000));
  await ask(simulation, 'ledger', statusRoute('unfreeze'), request, ['account-closed']);
}

/** Opens an account for a while, and closes it when it is empty. */
export async function visit(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    newId,
  } = simulation;
  const id = `customer:${newId('guest')}`;
  await openAccount(simulation, id, random.below(20));
  if (random.chance(0.5)) await fund(simulation, id, 5);
  const request = { params: { accountId: id }, body: REASON };
  await ask(simulation, 'ledger', statusRoute('close'), request, ['account-not-empty', 'account-closed']);
}

/** Two operators may want other limits at once, of one account or of two. */
export async function limit(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    known,
  } = simulation;
  const change = (accountId: string) => {
    const request = { params: { accountId }, body: { creditLimit: amountUpTo(simulation, 80) } };
    return ask(simulation, 'ledger', LIMIT, request, ['account-closed', 'limit-in-use']);
  };
  const accountId = random.pick(known.strict);
  const other = random.chance(0.3) ? accountId : random.pick(known.strict);
  await Promise.all(random.chance(0.5) ? [change(accountId), change(other)] : [change(accountId)]);
}

export async function pause(simulation: Simulation): Promise<void> {
  const { scheduler, random } = simulation.world;
  const set = (paused: boolean) =>
    ask(simulation, 'operations', 'PUT /v1/controls/ledger', { body: { paused, reason: 'simulation' } }, []);
  await set(true);
  await scheduler.sleep(random.below(20_000));
  await set(false);
}

export async function bulk(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    newId,
    known,
  } = simulation;
  const id = newId('bulk');
  const elements = newElements(simulation, id, 3 + random.below(20)).map(({ element: { group: _, ...one } }) => one);
  const request = { body: { id, elements } };
  await ask(simulation, 'operations', 'POST /v1/bulk', request, []);
  known.bulks.push(id);
  known.answered.push({ to: 'operations', route: 'POST /v1/bulk', request });
}

/** Asks for a reconciliation while everybody goes on: what is on its way is no drift of a balance. */
export async function inspect(simulation: Simulation): Promise<void> {
  const { world, newId } = simulation;
  const id = newId('inspection');
  const [startDate, endDate] = [dayOf(world.beginning), dayOf(new Date(world.scheduler.now()).toISOString())];
  for (;;) {
    const request = { body: { id, startDate, endDate } };
    // The clock of a function may still be on the day before.
    const { answer } = await simulation.send('operations', 'POST /v1/reconciliations', request);
    const { status } = answer.body;
    must(answer.status < 300 || kindOf(answer) === 'invalid-request', 'answers are those of the contract', () =>
      JSON.stringify(answer),
    );
    if (status === 'succeeded') break;
    await world.scheduler.sleep(30_000);
  }
  const ours = possiblyDrifted(world);
  const drifted = findingsOf(simulation, id).filter(
    ({ kind, account }) => kind === 'balance-drift' && !ours.has(account),
  );
  must(drifted.length === 0, 'a balance that moves is no drift', () => JSON.stringify(drifted));
}

const READS = [
  'GET /v1/accounts/{accountId}',
  'GET /v1/accounts/{accountId}/balance',
  'GET /v1/accounts/{accountId}/statement',
  'GET /v1/accounts/{accountId}/usage',
  'GET /v1/accounts/{accountId}/holds',
  'GET /v1/accounts/{accountId}/grants',
] as const;

export async function read(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    known,
  } = simulation;
  const accountId = random.pick(known.strict);
  const route = random.pick(READS);
  const { answer } = await ask(simulation, 'ledger', route, { params: { accountId } }, []);
  if (route !== READS[0] || simulation.world.watch.edited.has(accountId)) return;
  const [credits, debits, held, creditLimit, available] = ['credits', 'debits', 'held', 'creditLimit', 'available'].map(
    (name) => BigInt(String(answer.body[name] ?? 0)),
  ) as [bigint, bigint, bigint, bigint, bigint];
  // What has expired of grants is not available, and still there.
  const most = credits - debits - held + creditLimit;
  must(available >= 0n && available <= most, 'every limit is kept', () => JSON.stringify(answer.body));
}

/** Sends what was answered before once more, as it was or with another content. */
export async function repeat(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    known,
    told,
  } = simulation;
  if (known.answered.length === 0) return;
  const { to, route, request } = random.pick(known.answered);
  const body = request.body as Record<string, unknown>;
  const isChanged = to === 'ledger' && random.chance(0.3);
  const changed = changedBody(body);
  const asked = isChanged && changed !== undefined ? { ...request, body: changed } : request;
  const { answer } = await simulation.send(to, route, asked);
  if (asked !== request) {
    must(kindOf(answer) === 'conflict', 'an id has one content', () => `${route} ${JSON.stringify([asked, answer])}`);
    return;
  }
  const isReplayed = answer.status === 200 && answer.headers['idempotent-replayed'] === 'true';
  must(isReplayed, 'a replay answers the same', () => `${route} ${JSON.stringify([request, answer])}`);
  if (to === 'ledger') told.transfer(String(body.id), answer.body);
}

/** Something else under the same id; undefined where the call says too little to be contradicted. */
function changedBody(body: Record<string, unknown>): object | undefined {
  if (body.quantities !== undefined) return { ...body, quantities: { units: '999999' } };
  return body.amount === undefined ? undefined : { ...body, amount: '999999' };
}

/** Changes a balance or an amount with no record of it, as nobody may. */
export async function tamper(simulation: Simulation): Promise<void> {
  const {
    world: { random, engine },
    known,
  } = simulation;
  const by = BigInt(1 + random.below(50));
  const edit = (pk: string, change: (item: Item) => Item) =>
    engine.edit(LEDGER, { pk: { S: pk } }, (item) => {
      if (item === undefined) throw new Error(`There is nothing to edit: ${pk}.`);
      return change(item);
    });
  const plus = (item: Item, name: string, sum: bigint) => ({ N: (BigInt(item[name]?.N ?? '0') + sum).toString() });
  if (random.chance(0.5)) {
    edit(`account#${random.pick(known.strict)}`, (item) => {
      return { ...item, credits: plus(item, 'credits', by), available: plus(item, 'available', by) };
    });
    return;
  }
  const charge = known.transfers.find(({ id }) => id.startsWith('use-') && !simulation.world.watch.edited.has(id));
  if (charge === undefined) return;
  edit(`transfer#${charge.id}`, (item) => ({ ...item, amount: plus(item, 'amount', by) }));
  known.transfers.splice(known.transfers.indexOf(charge), 1);
}
