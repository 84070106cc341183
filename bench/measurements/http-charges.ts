import { type Charge, chargeFunction, chargesOf } from '../charges.ts';
import { type Figure, median, medianRatio, takeTurns } from '../figures.ts';
import { apiMessage, engineMessage, ratePerSecond, send } from '../load.ts';
import { processorMs } from '../processor.ts';
import { dynamoDbClient, type Setting } from '../setting.ts';
import { divertWrites } from '../taps.ts';

const CHARGES = 400;
const ROUNDS = 5;
/** Callers that each wait for their answer. */
const AT_ONCE = 16;
/** Before the first round: enough for every instance of the function to have been compiled where it matters. */
const WARM_UP_CHARGES = 2_000;

/**
 * Strict charges through the API, against the very transactions that they make sent to the same engine with nothing
 * between. Two steps of the way are measured beside them, so that a loss can be told where it is.
 */
export async function measure(setting: Setting): Promise<Figure[]> {
  const [direct, proxied] = [dynamoDbClient(setting), dynamoDbClient(setting, setting.endpointUrl)];
  const contender = (name: string, perform: (charges: readonly Charge[]) => Promise<number>) => (round: number) =>
    perform(chargesOf(setting, `${name}-${round}`, CHARGES));
  const byFunction = (charge: (one: Charge) => Promise<number>) => (charges: readonly Charge[]) =>
    ratePerSecond(charges, AT_ONCE, charge);
  const spent = { cloud: [] as number[], caller: [] as number[] };
  const overHttp = async (charges: readonly Charge[]) => {
    const messages = charges.map((charge) => apiMessage(setting, charge));
    const [cloud, caller] = [processorMs(setting.cloudPid), processorMs(process.pid)];
    const rate = await ratePerSecond(messages, AT_ONCE, send);
    spent.cloud.push((processorMs(setting.cloudPid) - cloud) / charges.length);
    spent.caller.push((processorMs(process.pid) - caller) / charges.length);
    return rate;
  };

  await overHttp(chargesOf(setting, 'http-warm-up', WARM_UP_CHARGES));
  // Of the rounds alone.
  Object.assign(spent, { cloud: [], caller: [] });
  const rates = await takeTurns(ROUNDS, {
    raw: contender('raw', async (charges) => {
      const messages = (await writesOf(setting, charges)).map((write) => engineMessage(setting, write));
      return ratePerSecond(messages, AT_ONCE, send);
    }),
    direct: contender('direct', byFunction(chargeFunction(setting, direct))),
    proxied: contender('proxied', byFunction(chargeFunction(setting, proxied))),
    http: contender('http', overHttp),
  });
  direct.destroy();
  proxied.destroy();
  return [
    {
      name: 'charges through HTTP, against the same transactions sent raw',
      measured: medianRatio(rates.http, rates.raw),
      target: { atLeast: 0.7 },
      note: `${AT_ONCE} callers, ${CHARGES} charges by turns, ${ROUNDS} rounds; the function's two ratios are without gateway and worker, in the caller's own process; the cores give the local cloud what engine and caller leave`,
      details: {
        'raw per second': median(rates.raw),
        'HTTP per second': median(rates.http),
        'the function alone': medianRatio(rates.direct, rates.raw),
        'the function by the AWS endpoint': medianRatio(rates.proxied, rates.raw),
        ...known('ms of CPU of a charge in the local cloud', median(spent.cloud)),
        ...known('ms of CPU of a charge in its caller', median(spent.caller)),
      },
    },
  ];
}

/** The writes that the charge function makes for these charges; none is done. */
async function writesOf(setting: Setting, charges: readonly Charge[]) {
  const client = dynamoDbClient(setting);
  const writes = divertWrites(client);
  const charge = chargeFunction(setting, client);
  for (const one of charges) await charge(one);
  client.destroy();
  return writes;
}

/** Left out where the machine does not tell it. */
function known(name: string, value: number): Record<string, number> {
  return Number.isNaN(value) ? {} : { [name]: value };
}
