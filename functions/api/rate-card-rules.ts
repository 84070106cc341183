import { type Chart, chartEntryOf } from '../../domain/chart.ts';
import type { RateCard } from '../../domain/rating.ts';
import type { FieldError } from '../runtime/answers.ts';
import { assetError } from './chart-entries.ts';

/**
 * What the chart of accounts has against a version of a rate card, whether it is published or only proposed.
 * @param at the field that holds the version; left out where it is the body itself.
 */
export function chartErrors(chart: Chart, card: RateCard, at?: string): FieldError[] {
  const named = ({ field, rule }: FieldError) => ({ field: at === undefined ? field : `${at}.${field}`, rule });
  return [...revenueErrors(chart, card), ...assetErrors(chart, card), ...overrideErrors(chart, card)].map(named);
}

function revenueErrors(chart: Chart, { revenueAccount, asset }: RateCard): FieldError[] {
  const entry = chartEntryOf(chart, revenueAccount);
  if (entry === undefined) return [{ field: 'revenueAccount', rule: 'fits no pattern of the chart of accounts' }];
  if (entry.party !== 'platform') {
    const rule = 'must be an account of the platform: a customer cannot be paid for being charged';
    return [{ field: 'revenueAccount', rule }];
  }
  const wrong = assetError('revenue', asset, entry);
  return wrong === undefined ? [] : [wrong];
}

function assetErrors(chart: Chart, { name, asset }: RateCard): FieldError[] {
  const priced = chart.find((entry) => entry.rateCard === name && entry.asset !== asset);
  if (priced === undefined) return [];
  const rule = `must be "${priced.asset}", the asset of "${priced.pattern}", which this card prices`;
  return [{ field: 'asset', rule }];
}

/** An override that no charge could ever come to is a typing error in an account id. */
function overrideErrors(chart: Chart, { name, overrides = {} }: RateCard): FieldError[] {
  return Object.keys(overrides)
    .filter((account) => chartEntryOf(chart, account)?.rateCard !== name)
    .map((account) => ({
      field: `overrides.${account}`,
      rule: `must be an account that the chart prices by "${name}"`,
    }));
}
