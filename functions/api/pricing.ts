import { ChartChangedError } from '../../domain/accounts.ts';
import { type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { type RateCard, type Rating, rate, type Unpriced, type Usage } from '../../domain/rating.ts';
import { type Answer, problem } from '../runtime/answers.ts';
import { countMetric } from '../runtime/metrics.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { type Asked, fieldOf } from './outcomes.ts';

/** The price by the rate card in force. It may have been published a moment ago: nothing is refused on old knowledge. */
export async function price(
  deps: Pick<LedgerDeps, 'settings'>,
  { rateCard }: ChartEntry,
  usage: Usage,
): Promise<Rating> {
  const rating = rate((await deps.settings.get()).rateCards, rateCard, usage);
  return rating.kind === 'priced' ? rating : rate((await deps.settings.refresh()).rateCards, rateCard, usage);
}

/** What the chart says of the account that a card pays. @throws ChartChangedError when it does not fit the card. */
export function revenueEntry({ chart }: Pick<LedgerDeps, 'chart'>, card: RateCard, charged: ChartEntry): ChartEntry {
  const revenue = chartEntryOf(chart, card.revenueAccount);
  if (revenue !== undefined && card.asset === charged.asset) return revenue;
  throw new ChartChangedError(`The chart changed under rate card "${card.name}" of ${card.effectiveFrom}.`);
}

/** A refusal that is decided before the write, and only told when the id is not a replay. */
export function unpriced({ field, rule }: Unpriced, kind: Asked['kind']): Answer {
  countMetric(kind === 'hold' ? 'holds_refused' : 'transfers_refused');
  const nothing = kind === 'hold' ? 'Nothing was held' : 'Nothing was charged';
  return problem('unpriced', `${nothing}: ${rule}.`, [{ field: fieldOf(kind, field), rule }]);
}
