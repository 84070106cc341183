import type { Chart } from '../../domain/chart.ts';
import { type RateCard, type Rating, rate, rateByVersion, type Unpriced } from '../../domain/rating.ts';
import type { Instant } from '../../domain/time.ts';
import { publishRateCard as publish, readSettings, type SettingsStore } from '../../store/settings.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { maySee } from '../runtime/requests.ts';
import { entryOf } from './chart-entries.ts';
import { unknownAccount } from './outcomes.ts';
import { chartErrors } from './rate-card-rules.ts';
import { renderPreview, renderRateCard } from './render-prices.ts';

export interface RateCardDeps {
  readonly settings: SettingsStore;
  readonly chart: Chart;
  readonly now: () => Instant;
}

/** A key that is bound to an account is not shown what others have agreed. */
export async function listRateCards({ settings }: RateCardDeps, { caller }: ApiRequest<undefined>): Promise<Answer> {
  const { rateCards } = await readSettings(settings);
  return ok(200, { rateCards: rateCards.map((card) => renderRateCard(card, caller.account)) });
}

/**
 * A published version never changes: charges and reconciliations of its time stand on it. In order of precedence: 400
 * where it breaks a rule, 201 published, 200 published before with the same content, 422 with other content.
 */
export async function publishRateCard(
  { settings, chart, now }: RateCardDeps,
  { body, caller }: ApiRequest<BodyOf<'publishRateCard'>>,
): Promise<Answer> {
  const errors = chartErrors(chart, body);
  if (errors.length > 0) return invalid(errors);
  const result = await publish(settings, body, now(), caller.keyId);
  if (result.kind === 'created') return ok(201, renderRateCard(body));
  if (result.kind === 'replayed') return replayed(renderRateCard(body));
  const rule = 'differs from the published version; publish a new one with a later effectiveFrom';
  return problem('conflict', `"${body.name}" of ${body.effectiveFrom} was published with other prices.`, [
    { field: result.field, rule },
  ]);
}

/**
 * What a request would cost, by the published versions or by a proposal as if it were in force. In order of precedence:
 * 400 where the question breaks a rule, 404 for an account that the key may not see, 404 for a card without a version,
 * 422 where there is no price, 200.
 */
export async function previewPrice(
  deps: RateCardDeps,
  { body, caller }: ApiRequest<BodyOf<'previewPrice'>>,
): Promise<Answer> {
  const { account, proposal, operation, quantities } = body;
  const errors = proposal === undefined ? [] : chartErrors(deps.chart, proposal, 'proposal');
  if (errors.length > 0) return invalid(errors);
  let cardName = body.rateCard;
  if (account !== undefined) {
    const known = entryOf(deps.chart, 'account', account);
    if (!known.ok) return known.answer;
    if (!maySee(caller, account)) return unknownAccount(account);
    cardName = known.entry.rateCard;
    if (proposal !== undefined && cardName !== proposal.name) {
      return invalid([{ field: 'account', rule: `must be an account that the chart prices by "${proposal.name}"` }]);
    }
  }
  const usage = { account, operation, quantities };
  if (proposal !== undefined) return previewAnswer(rateByVersion(proposal, usage), quantities, true);

  const { rateCards } = await readSettings(deps.settings);
  if (body.rateCard !== undefined && !hasVersion(rateCards, body.rateCard)) {
    const rule = 'names a card that has no published version';
    return problem('not-found', `There is no rate card "${body.rateCard}".`, [{ field: 'rateCard', rule }]);
  }
  return previewAnswer(rate(rateCards, cardName, { ...usage, at: body.at ?? deps.now() }), quantities, false);
}

function hasVersion(cards: readonly RateCard[], name: string): boolean {
  return cards.some((card) => card.name === name);
}

function previewAnswer(rating: Rating, quantities: BodyOf<'previewPrice'>['quantities'], isProposal: boolean): Answer {
  if (rating.kind === 'priced') return ok(200, renderPreview(rating, quantities, isProposal));
  return problem('unpriced', `There is no price: ${rating.rule}.`, [{ field: fieldOf(rating), rule: rating.rule }]);
}

/** The preview calls the time of a request `at`. */
function fieldOf({ field }: Unpriced): string {
  return field === 'occurredAt' ? 'at' : field;
}
