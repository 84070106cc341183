import type { Simulation } from '../simulation.ts';
import type { World } from '../world.ts';
import { CHARGE, post, witness } from './posting.ts';

/** What customers use: charged by the one hand, witnessed by the other, and sometimes only by one of them. */

export const REVENUE = { customer: 'platform:revenue:usage', postpaid: 'platform:usage:revenue' } as const;

/** What an operation costs by the unit: from `later` on, a chat costs more. */
export const PRICES = { chat: { first: 1n, later: 3n }, lookup: { first: 0n, later: 0n } } as const;
/** When a chat begins to cost more. */
export function dearerFrom({ beginning }: World): string {
  return new Date(Date.parse(beginning) + 15 * 60_000).toISOString();
}

/** An operation that no rate card knows. */
export const UNPRICED = 'mystery';

/** How a use goes. */
const WAYS = {
  'charged first': 30,
  'witnessed first': 20,
  'both at once': 20,
  'witnessed twice': 3,
  'never charged': 2,
  'never witnessed': 2,
  'charged twice': 2,
  'charged at another time': 2,
  'witnessed differently': 2,
} as const;

export interface Use {
  readonly requestId: string;
  readonly account: string;
  readonly operation: string;
  readonly units: bigint;
  readonly occurredAt: string;
}

/** Milliseconds back that a use may lie when it is told of. */
const AGO_MS = 5 * 60_000;

export function newUse({ world: { random, scheduler }, known, newId }: Simulation): Use {
  const account = random.pick(random.chance(0.7) ? known.strict : known.derived);
  return {
    requestId: newId('use'),
    account,
    operation: random.chance(0.02) ? UNPRICED : random.chance(0.1) ? 'lookup' : 'chat',
    units: BigInt(1 + random.below(random.chance(0.1) ? 300 : 20)),
    occurredAt: new Date(scheduler.now() - random.below(AGO_MS)).toISOString(),
  };
}

export async function use(simulation: Simulation): Promise<void> {
  const { random } = simulation.world;
  const used = newUse(simulation);
  const charging = () => charge(simulation, used);
  const witnessing = () => witness(simulation, used);
  switch (random.weighted(WAYS)) {
    case 'charged first':
      if (await charging()) await witnessing();
      return;
    case 'witnessed first':
      await witnessing();
      await charging();
      return;
    case 'both at once':
      await Promise.all([charging(), witnessing()]);
      return;
    case 'witnessed twice':
      await Promise.all([charging(), witnessing(), witnessing()]);
      return;
    case 'never charged':
      return witnessing();
    case 'never witnessed':
      await charging();
      return;
    case 'charged twice':
      await Promise.all([charging(), witnessing(), charge(simulation, used, `${used.requestId}-again`)]);
      return;
    case 'charged at another time': {
      await witnessing();
      const occurredAt = new Date(Date.parse(used.occurredAt) - 1 - random.below(AGO_MS)).toISOString();
      await charge(simulation, { ...used, occurredAt });
      return;
    }
    case 'witnessed differently':
      await Promise.all([charging(), witnessing(), witness(simulation, { ...used, units: used.units + 1n })]);
  }
}

export function chargeBody({ requestId, account, operation, units, occurredAt }: Use, id = requestId) {
  const said = id === requestId ? {} : { requestId };
  return { id, account, operation, quantities: { units: units.toString() }, effectiveAt: occurredAt, ...said };
}

function charge(simulation: Simulation, used: Use, id = used.requestId): Promise<boolean> {
  return post(simulation, CHARGE, { body: chargeBody(used, id) }, id);
}
