import { must } from '../invariant.ts';
import type { Simulation } from '../simulation.ts';
import { kindOf } from '../simulation.ts';
import { CAPTURE, GRANT, HOLD, isPosted, post, RELEASE, REVERSE, TRANSFER, witness } from './posting.ts';
import { chargeBody, newUse, REVENUE } from './usage.ts';

/** Transfers, reversals, holds, grants and batches. */

export async function transfer(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    known,
    newId,
  } = simulation;
  const id = newId('move');
  const debit = random.chance(0.5) ? 'platform:funding' : random.pick(known.strict);
  const others = known.strict.filter((account) => account !== debit);
  const credit = random.chance(0.9) ? random.pick(others) : REVENUE.customer;
  await post(
    simulation,
    TRANSFER,
    { body: { id, debit, credit, amount: amountUpTo(simulation, 60), asset: 'TOKEN' } },
    id,
  );
}

export function amountUpTo({ world: { random } }: Simulation, limit: number): string {
  return String(1 + random.below(limit));
}

export async function reverse(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    known,
    newId,
  } = simulation;
  if (known.transfers.length === 0) return;
  const original = random.chance(0.5) ? known.transfers.at(-1) : random.pick(known.transfers);
  if (original === undefined) return;
  const reversing = async () => {
    const id = newId('back');
    const part = random.chance(0.5) && original.amount > 1n ? { amount: ((original.amount + 1n) / 2n).toString() } : {};
    await post(simulation, REVERSE, { params: { transferId: original.id }, body: { id, ...part } }, id);
  };
  // Two people take back the same.
  await Promise.all(random.chance(0.3) ? [reversing(), reversing()] : [reversing()]);
}

/** How a hold goes on. */
const ENDS = { captured: 5, used: 4, released: 3, both: 3, left: 3 } as const;

export async function hold(simulation: Simulation): Promise<void> {
  const {
    world: { random, scheduler },
    known,
    newId,
    told,
  } = simulation;
  const id = newId('hold');
  const account = random.pick(known.strict);
  const end = random.weighted(ENDS);
  const estimate =
    end === 'used' ? { operation: 'chat', quantities: { units: amountUpTo(simulation, 20) } } : undefined;
  const asked = estimate ?? { amount: amountUpTo(simulation, 40), credit: REVENUE.customer };
  const body = { id, account, ...asked, expiresInSeconds: 1 + random.below(random.chance(0.5) ? 60 : 900) };
  const { answer, isCertain } = await simulation.send('ledger', HOLD, { body });
  if (!isPosted(answer)) {
    if (isCertain) told.refused(id);
    return;
  }
  told.hold(id);
  if (end === 'left') return;
  await scheduler.sleep(random.below(random.chance(0.2) ? 600_000 : 3_000));
  const taking = end === 'used' ? captureUse(simulation, id, account) : capture(simulation, id);
  if (end === 'captured' || end === 'used') await taking;
  else if (end === 'released') await release(simulation, id);
  else await Promise.all([taking, release(simulation, id)]);
}

async function capture(simulation: Simulation, holdId: string): Promise<void> {
  const id = `${holdId}-taken`;
  const part = simulation.world.random.chance(0.5) ? { amount: amountUpTo(simulation, 50) } : {};
  const isTaken = await post(simulation, CAPTURE, { params: { holdId }, body: { id, ...part } }, id);
  if (isTaken) simulation.told.resolution(holdId, 'captured');
}

/** What was used may be other than the estimate. It is witnessed like any use, under the id of the hold. */
async function captureUse(simulation: Simulation, holdId: string, account: string): Promise<void> {
  const { operation, units, occurredAt } = { ...newUse(simulation), operation: 'chat' };
  const at = new Date(Math.max(Date.parse(occurredAt), simulation.world.scheduler.now() - 1_000)).toISOString();
  const id = `${holdId}-used`;
  const body = { id, operation, quantities: { units: units.toString() }, effectiveAt: at };
  if (!(await post(simulation, CAPTURE, { params: { holdId }, body }, id))) return;
  simulation.told.resolution(holdId, 'captured');
  await witness(simulation, { requestId: holdId, account, operation, units, occurredAt: at });
}

const ENDED = ['hold-captured', 'hold-expired'];

async function release(simulation: Simulation, holdId: string): Promise<void> {
  const { answer } = await simulation.send('ledger', RELEASE, { params: { holdId }, body: {} });
  if (answer.status === 200) simulation.told.resolution(holdId, 'released');
  else must(ENDED.includes(kindOf(answer)), 'answers are those of the contract', () => JSON.stringify(answer));
}

/** Accounts that are given grants; of the others, what is available says all. */
const GRANTED = ['customer:a', 'customer:b', 'customer:a:team'];

export async function grant(simulation: Simulation): Promise<void> {
  const {
    world: { random, scheduler },
    newId,
  } = simulation;
  const id = newId('grant');
  const expiresAt = new Date(scheduler.now() + 60_000 + random.below(1_800_000)).toISOString();
  const body = {
    ...{ id, account: random.pick(GRANTED), source: 'platform:promotions', amount: amountUpTo(simulation, 50) },
    ...(random.chance(0.7) && { expiresAt }),
    ...(random.chance(0.5) && { priority: random.below(4) }),
  };
  await post(simulation, GRANT, { body }, id);
}

/** What of a batch or a bulk is asked for: uses and transfers, some of them linked, some twice. */
export function newElements(simulation: Simulation, prefix: string, count: number) {
  const {
    world: { random },
    known,
  } = simulation;
  const account = random.pick(known.strict);
  return Array.from({ length: count }, (_, index) => {
    const id = `${prefix}.${random.chance(0.05) ? Math.max(0, index - 1) : index}`;
    const group = random.chance(0.3) ? { group: `g${random.below(3)}` } : {};
    const used = { ...newUse(simulation), requestId: id, ...(random.chance(0.6) && { account }) };
    const moves = {
      ...{ type: 'transfer', id, debit: random.chance(0.5) ? account : 'platform:funding', asset: 'TOKEN' },
      ...{ credit: random.pick(known.strict.filter((other) => other !== account)), amount: amountUpTo(simulation, 30) },
    };
    const isUse = random.chance(0.7);
    return {
      used: isUse ? used : undefined,
      element: { ...(isUse ? { type: 'charge', ...chargeBody(used) } : moves), ...group },
    };
  });
}

export async function batch(simulation: Simulation): Promise<void> {
  const {
    world: { random },
    newId,
    told,
  } = simulation;
  const elements = distinct(newElements(simulation, newId('batch'), 2 + random.below(12)));
  const body = { elements: elements.map(({ element }) => element) };
  // A batch is told element by element, and those that could not be decided are asked for again, all of them.
  for (;;) {
    const { answer, isCertain } = await simulation.send('ledger', 'POST /v1/batches', { body });
    must(answer.status === 200, 'answers are those of the contract', () => JSON.stringify(answer));
    const results = answer.body.results as { result: string; transfer?: Record<string, unknown> }[];
    const undecided = results.some(({ result }) => result === 'unavailable' || result === 'internal-error');
    const faulty = results.find(({ result }) => result === 'internal-error');
    must(faulty === undefined, 'no fault is the service’s own', () => JSON.stringify(faulty));
    for (const [index, { result, transfer: posted }] of results.entries()) {
      const id = elements[index]?.element.id ?? '';
      if (posted !== undefined) {
        told.transfer(id, posted);
        simulation.known.transfers.push({ id, amount: BigInt(String(posted.amount)) });
      } else if (isCertain && !undecided && result !== 'conflict') told.refused(id);
    }
    if (!undecided) {
      await witnessAll(simulation, elements, results);
      return;
    }
    await simulation.world.scheduler.sleep(1_000);
  }
}

async function witnessAll(
  simulation: Simulation,
  elements: ReturnType<typeof newElements>,
  results: readonly { readonly transfer?: object }[],
): Promise<void> {
  const charged = elements.filter(({ used }, index) => used !== undefined && results[index]?.transfer !== undefined);
  await Promise.all(charged.map(({ used }) => used && witness(simulation, used)));
}

/** No id twice in one group, which nobody could post. */
function distinct(elements: ReturnType<typeof newElements>): ReturnType<typeof newElements> {
  const seen = new Set<string>();
  return elements.filter(({ element }) => {
    const isNew = !seen.has(element.id);
    seen.add(element.id);
    return isNew;
  });
}
