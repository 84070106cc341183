import { addMilliseconds } from '../../../domain/time.ts';
import { toItem } from '../../../store/items.ts';
import { ITSELF, SWEEP_PARTITION } from '../../../store/tables.ts';
import { OPERATIONS } from '../dynamodb/tables.ts';
import type { Simulation } from '../simulation.ts';
import { batch, grant, hold, reverse, transfer } from './moving.ts';
import { bulk, freeze, fund, inspect, limit, openAccount, pause, read, repeat, tamper, visit } from './operating.ts';
import { ask } from './posting.ts';
import { dearerFrom, PRICES, REVENUE, use } from './usage.ts';

/** Who calls: several at once, each one flow after the other. */

const FLOWS = {
  use,
  transfer,
  reverse,
  hold,
  grant,
  batch,
  bulk,
  freeze,
  visit,
  limit,
  pause,
  inspect,
  read,
  repeat,
  tamper,
};

const WEIGHTS: Readonly<Record<keyof typeof FLOWS, number>> = {
  ...{ use: 45, transfer: 10, reverse: 7, hold: 9, grant: 3, batch: 6, bulk: 1.5, freeze: 2, visit: 1, limit: 3 },
  ...{ pause: 0.4, inspect: 0.05, read: 5, repeat: 10, tamper: 0.5 },
};

/** How many there may be: a few, or so many that they wait for each other. */
const CLIENTS = [3, 8, 8, 20] as const;
const STRICT = ['customer:a', 'customer:b', 'customer:c', 'customer:a:team', 'customer:d'];
const DERIVED = ['postpaid:p', 'postpaid:q'];

/** Milliseconds by which the mark of the sweep stays behind, as the sweep itself keeps it. */
const SWEPT_BEFORE_MS = 2 * 60_000;

/** Publishes prices, opens accounts and pays funds in. What expires has been swept for long. */
export async function begin(simulation: Simulation): Promise<void> {
  const { engine, beginning } = simulation.world;
  const until = addMilliseconds(beginning, -SWEPT_BEFORE_MS);
  const mark = toItem({ pk: SWEEP_PARTITION, sk: ITSELF, sweptUntil: until, sweptKey: until });
  engine.edit(OPERATIONS, mark, () => mark);
  const cards = [
    { name: 'standard', asset: 'TOKEN', revenueAccount: REVENUE.customer },
    { name: 'postpaid', asset: 'USD/6', revenueAccount: REVENUE.postpaid },
  ];
  for (const card of cards) {
    for (const [version, effectiveFrom] of [
      ['first', '2026-11-01T00:00:00.000Z'],
      ['later', dearerFrom(simulation.world)],
    ] as const) {
      const operations = Object.fromEntries(
        Object.entries(PRICES).map(([name, price]) => [
          name,
          { prices: { units: { amount: price[version].toString() } } },
        ]),
      );
      const body = { ...card, effectiveFrom, operations };
      await ask(simulation, 'operations', 'PUT /v1/rate-cards', { body }, []);
    }
  }
  await Promise.all(
    [...STRICT, ...DERIVED].map((id) => openAccount(simulation, id, simulation.world.random.below(30))),
  );
  await Promise.all(STRICT.map((id) => fund(simulation, id, 300)));
}

/** Milliseconds between two flows of a client: mostly next to none, so that they meet, and now and then minutes. */
function pauseOf({ world: { random } }: Simulation): number {
  if (random.chance(0.8)) return random.below(200);
  return random.chance(0.9) ? random.below(5_000) : random.below(300_000);
}

/** Lets the clients call until so many calls were made, and every one of them has its answer. */
export async function live(simulation: Simulation, operations: number): Promise<void> {
  const { random, scheduler } = simulation.world;
  const client = async () => {
    while (simulation.operations < operations) {
      await FLOWS[random.weighted(WEIGHTS)](simulation);
      await scheduler.sleep(pauseOf(simulation));
    }
  };
  await Promise.all(Array.from({ length: random.pick(CLIENTS) }, client));
}
