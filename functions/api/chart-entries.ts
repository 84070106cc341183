import { type Chart, type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { type FieldError, invalid } from '../runtime/answers.ts';

/** What the chart says of an account id that a field of the request names. */
export function entryOf(known: Chart, field: string, account: string) {
  const entry = chartEntryOf(known, account);
  if (entry !== undefined) return { ok: true as const, entry };
  return { ok: false as const, answer: invalid([{ field, rule: 'fits no pattern of the chart of accounts' }]) };
}

export function assetError(field: string, asset: string, entry: ChartEntry): FieldError | undefined {
  if (asset === entry.asset) return undefined;
  return { field: 'asset', rule: `must be "${entry.asset}", the asset that the chart gives the ${field} account` };
}
