import { chargesOf } from '../charges.ts';
import { type Figure, percentile } from '../figures.ts';
import { apiMessage, latenciesOf, send } from '../load.ts';
import type { Setting } from '../setting.ts';

/** A third of what one such machine can do: percentiles of a saturated service say only that it is saturated. */
const LOAD = { perSecond: 100, atOnceMax: 64 };
const WARM_UP_SECONDS = 2;
const SECONDS = 10;

/** How long a charge through HTTP takes, from when it arrives, at a steady modest rate. */
export async function measure(setting: Setting): Promise<Figure[]> {
  const arrivals = (series: string, seconds: number) =>
    chargesOf(setting, series, LOAD.perSecond * seconds).map((charge) => apiMessage(setting, charge));
  await latenciesOf(arrivals('latency-warm-up', WARM_UP_SECONDS), LOAD, send);
  const { latencies, missed, failed } = await latenciesOf(arrivals('latency', SECONDS), LOAD, send);
  if (latencies.length === 0) throw new Error('Not one charge was answered.');
  const percentiles = [50, 90, 95, 99, 100].map((percent) => [`p${percent}`, percentile(latencies, percent)]);
  return [
    {
      name: `charge through HTTP at ${LOAD.perSecond}/s, median from arrival`,
      measured: percentile(latencies, 50),
      unit: 'ms',
      details: { ...Object.fromEntries(percentiles), 'missed arrivals': missed, failed },
    },
  ];
}
