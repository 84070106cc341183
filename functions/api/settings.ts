import type { Chart } from '../../domain/chart.ts';
import type { Instant } from '../../domain/time.ts';
import {
  publishRateCard as publish,
  putLedgerControl,
  readSettings,
  type SettingsStore,
} from '../../store/settings.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { assetError, entryOf } from './chart-entries.ts';
import { renderRateCard } from './render.ts';

export interface SettingsDeps {
  readonly settings: SettingsStore;
  readonly chart: Chart;
  readonly now: () => Instant;
}

export async function listRateCards({ settings }: SettingsDeps): Promise<Answer> {
  const { rateCards } = await readSettings(settings);
  return ok(200, { rateCards: rateCards.map(renderRateCard) });
}

/** A published version never changes: charges and reconciliations of its time stand on it. */
export async function publishRateCard(
  { settings, chart, now }: SettingsDeps,
  { body }: ApiRequest<BodyOf<'publishRateCard'>>,
): Promise<Answer> {
  const revenue = entryOf(chart, 'revenueAccount', body.revenueAccount);
  if (!revenue.ok) return revenue.answer;
  if (revenue.entry.party !== 'platform') {
    const rule = 'must be an account of the platform: a customer cannot be paid for being charged';
    return invalid([{ field: 'revenueAccount', rule }]);
  }
  const wrongAsset = assetError('revenue', body.asset, revenue.entry);
  if (wrongAsset !== undefined) return invalid([wrongAsset]);
  const priced = chart.find((entry) => entry.rateCard === body.name && entry.asset !== body.asset);
  if (priced !== undefined) {
    return invalid([
      { field: 'asset', rule: `must be "${priced.asset}", the asset of "${priced.pattern}", which this card prices` },
    ]);
  }
  const result = await publish(settings, body, now());
  if (result.kind === 'created') return ok(201, renderRateCard(body));
  if (result.kind === 'replayed') return replayed(renderRateCard(body));
  const rule = 'differs from the published version; publish a new one with a later effectiveFrom';
  return problem('conflict', `"${body.name}" of ${body.effectiveFrom} was published with other prices.`, [
    { field: result.field, rule },
  ]);
}

export async function getLedgerControl({ settings }: SettingsDeps): Promise<Answer> {
  return ok(200, (await readSettings(settings)).ledgerControl);
}

export async function setLedgerControl(
  { settings, now }: SettingsDeps,
  { body, caller }: ApiRequest<BodyOf<'setLedgerControl'>>,
): Promise<Answer> {
  const control = { ...body, changedAt: now(), changedBy: caller.keyId };
  await putLedgerControl(settings, control);
  return ok(200, control);
}
