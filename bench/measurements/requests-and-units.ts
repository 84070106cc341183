import { BATCH_ELEMENTS_MAX } from '../../contract/limits.ts';
import { batchFunction, type Charge, chargeFunction, chargesOf, DERIVED_ACCOUNT, STRICT_ACCOUNTS } from '../charges.ts';
import { CHARGE_MODEL, costOfCharges, totalOf } from '../cost.ts';
import type { Figure } from '../figures.ts';
import { PRICES_DATE } from '../prices.ts';
import { dynamoDbClient, type Setting } from '../setting.ts';
import { type Meter, meter, resetMeter } from '../taps.ts';

/** Charges of each kind; they are all alike, so few are enough. */
const CHARGES = 50;
const MILLION = 1_000_000;

/** A kind of charge, by how its account keeps its balance, and what it may cost. */
const KINDS = [
  { kind: 'strict', account: undefined, writeUnitsMax: 5 },
  { kind: 'derived', account: DERIVED_ACCOUNT, writeUnitsMax: 2 },
];

/** Requests and capacity units of a charge, counted at the client and as the engine tells them, and what they cost. */
export async function measure(setting: Setting): Promise<Figure[]> {
  const client = dynamoDbClient(setting);
  const counted = meter(client);
  const charge = chargeFunction(setting, client);
  const figures: Figure[] = [];
  for (const { kind, account, writeUnitsMax } of KINDS) {
    const charges = chargesOf(setting, `units-${kind}`, CHARGES, account);
    // Reads the settings and lists the account, which later charges need not do.
    await expectStatus(charge, 201, chargesOf(setting, `units-${kind}-first`, 1, account));

    const created = await count(counted, CHARGES, () => expectStatus(charge, 201, charges));
    const replayed = await count(counted, CHARGES, () => expectStatus(charge, 200, charges));
    const conflicting = charges.map((one) => ({ ...one, quantities: { output_tokens: '7' } }));
    const conflict = await count(counted, CHARGES, () => expectStatus(charge, 422, conflicting));
    const requests = { new: created.requests, replay: replayed.requests, conflict: conflict.requests };
    // Only a strict balance has a limit that refuses.
    const refusal =
      kind === 'strict' && (await count(counted, CHARGES, () => expectStatus(charge, 402, unpayable(setting))));

    const all = { ...requests, ...(refusal !== false && { refusal: refusal.requests }) };
    figures.push(
      {
        name: `requests to the table per ${kind} charge`,
        measured: Math.max(...Object.values(all)),
        target: { atMost: 1 },
        details: all,
        note: 'the most of any outcome; settings are read beside the charges, every 5 seconds, and are not counted',
      },
      {
        name: `write units per ${kind} charge`,
        measured: created.total,
        target: { atMost: writeUnitsMax },
        details: created.units,
        note: 'new charges; as the engine counts, a transaction writes twice to the table and once to an index',
      },
      costFigure(kind, created.total),
    );
  }
  const batch = batchFunction(setting, client);
  figures.push(await batchedFigure(setting, counted, batch));
  client.destroy();
  return figures;
}

/** Batches as large as they may be, each of one account, which is what a hot account is charged by. */
async function batchedFigure(
  setting: Setting,
  counted: Meter,
  batch: (charges: readonly Charge[]) => Promise<unknown>,
): Promise<Figure> {
  const [account] = STRICT_ACCOUNTS;
  // Reads the settings, which later batches need not do.
  await batch(chargesOf(setting, 'units-batched-first', 1, account));
  const charges = chargesOf(setting, 'units-batched', BATCH_ELEMENTS_MAX, account);
  const { requests, units, total } = await count(counted, BATCH_ELEMENTS_MAX, async () => {
    const counts = JSON.stringify(await batch(charges));
    const wanted = JSON.stringify({ created: BATCH_ELEMENTS_MAX });
    if (counts !== wanted) throw new Error(`A batch came to ${counts} and not ${wanted}.`);
  });
  return {
    name: 'write units per batched strict charge',
    measured: total,
    target: { atMost: 3.1 },
    details: { ...units, 'requests per charge': requests },
    note: `a batch of ${BATCH_ELEMENTS_MAX} charges of one account: two transactions, in which the balance is updated once each`,
  };
}

function costFigure(kind: string, writeUnits: number): Figure {
  const cost = costOfCharges(MILLION, writeUnits);
  const note = `prices of ${PRICES_DATE}; ${CHARGE_MODEL}`;
  return { name: `a million ${kind} charges`, measured: totalOf(cost), unit: 'USD', details: cost, note };
}

/** Charges beyond what any account has. */
function unpayable(setting: Setting): Charge[] {
  const quantities = { input_tokens: '900000000000' };
  return chargesOf(setting, 'units-unpayable', CHARGES).map((one) => ({ ...one, quantities }));
}

/** What each of so many charges took on average. */
async function count(counted: Meter, charges: number, perform: () => Promise<void>) {
  resetMeter(counted);
  await perform();
  const units = Object.entries(counted.writeUnits).map(([where, sum]): [string, number] => [where, sum / charges]);
  return {
    requests: counted.requests / charges,
    units: Object.fromEntries(units),
    total: units.reduce((sum, [, value]) => sum + value, 0),
  };
}

async function expectStatus(charge: (one: Charge) => Promise<number>, wanted: number, charges: readonly Charge[]) {
  for (const one of charges) {
    const status = await charge(one);
    if (status !== wanted) throw new Error(`The charge ${one.id} was answered ${status} and not ${wanted}.`);
  }
}
