import type * as z from 'zod';
import { EFFECT_EVENTS_MAX } from '../../contract/limits.ts';
import type { rateCardEffect } from '../../contract/schemas/price-questions.ts';
import { type Chart, type ChartEntry, chartEntryOf } from '../../domain/chart.ts';
import { addEffects, createReasons, type EffectTally, effectOn, NO_EFFECT } from '../../domain/rating/effect.ts';
import { type RateCard, rateByVersion, versionName } from '../../domain/rating.ts';
import { startedAhead } from '../../domain/reconciliation/in-order.ts';
import type { ExpectedOf } from '../../domain/reconciliation/judge.ts';
import { percent } from '../../domain/reconciliation/outcome.ts';
import { createPricers } from '../../domain/reconciliation/pricing.ts';
import type { EvidenceRow, Pages } from '../../domain/reconciliation/rows.ts';
import { addDays, type Day, daysOf } from '../../domain/time.ts';
import { type EvidenceBook, readEvidence } from '../../store/books.ts';
import { readSettings, type SettingsStore } from '../../store/settings.ts';
import { type Answer, type FieldError, invalid, ok, problem } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { chartErrors } from './rate-card-rules.ts';

export interface EffectDeps {
  readonly settings: SettingsStore;
  readonly evidence: Omit<EvidenceBook, 'pageRows' | 'deadlineMs'>;
  readonly chart: Chart;
}

/** Days whose first pages are asked for before their turn comes; hides the network's latency where days are quiet. */
const DAYS_AHEAD = 16;

/** Rows of a page, a third of a megabyte: it arrives before the client gives a request up. */
const PAGE_ROWS = 1_000;

/** Milliseconds that one page is tried again for: somebody waits for the answer. */
const PAGE_DEADLINE_MS = 3_000;

/**
 * What a proposed version would have charged for past usage, beside what the published versions charge. Reads evidence
 * and writes nothing. In order of precedence: 400 where the question breaks a rule, 422 where there is more usage than
 * one answer covers, 200.
 */
export async function rateCardEffectOn(
  deps: EffectDeps,
  { body }: ApiRequest<BodyOf<'rateCardEffect'>>,
): Promise<Answer> {
  const { proposal, startDate, endDate } = body;
  const errors = [...chartErrors(deps.chart, proposal, 'proposal'), ...accountErrors(deps.chart, body)];
  if (errors.length > 0) return invalid(errors);

  const { rateCards } = await readSettings(deps.settings);
  const publishedOf = createPricers(rateCards);
  const reasons = createReasons();
  const book = { ...deps.evidence, pageRows: PAGE_ROWS, deadlineMs: PAGE_DEADLINE_MS };
  const days = daysOf({ start: startDate, end: addDays(endDate, 1) });
  const accounts: { account: string; effect: EffectTally }[] = [];
  let left = EFFECT_EVENTS_MAX;
  try {
    for (const account of body.accounts) {
      const entry = chartEntryOf(deps.chart, account) ?? ONE_SHARD;
      const evidence = upTo(left, readDays(book, account, entry, days));
      const prices = { published: publishedOf(proposal.name, account), proposed: proposedFor(proposal, account) };
      const effect = await effectOn(evidence, prices, reasons.note);
      left -= effect.events;
      accounts.push({ account, effect });
    }
  } catch (error) {
    if (!(error instanceof TooMuchUsageError)) throw error;
    const rule = `have more than ${EFFECT_EVENTS_MAX} usage events in this period; ask for fewer accounts or days`;
    return problem('too-much-usage', `The accounts ${rule}.`, [{ field: 'accounts', rule }]);
  }
  return ok(200, render(proposal, { startDate, endDate }, accounts, reasons.list()));
}

const ONE_SHARD: Pick<ChartEntry, 'shards'> = { shards: 1 };

/** A proposal is in force over the whole period, whatever its date. */
function proposedFor(proposal: RateCard, account: string): ExpectedOf {
  return ({ operation, quantities }) => {
    const rating = rateByVersion(proposal, { account, operation, quantities });
    return rating.kind === 'priced' ? rating.amount : { unpriced: rating.rule };
  };
}

function accountErrors(chart: Chart, { accounts, proposal }: BodyOf<'rateCardEffect'>): FieldError[] {
  return accounts.flatMap((account, index) =>
    chartEntryOf(chart, account)?.rateCard === proposal.name
      ? []
      : [{ field: `accounts.${index}`, rule: `must be an account that the chart prices by "${proposal.name}"` }],
  );
}

async function* readDays(
  book: EvidenceBook,
  account: string,
  entry: Pick<ChartEntry, 'shards'>,
  days: readonly Day[],
): Pages<EvidenceRow> {
  for (const day of startedAhead(days, DAYS_AHEAD, (each) => readEvidence(book, account, each, entry))) yield* day;
}

class TooMuchUsageError extends Error {
  override name = 'TooMuchUsageError';
}

/** @throws TooMuchUsageError as soon as more rows have been read than are left. */
async function* upTo(left: number, pages: Pages<EvidenceRow>): Pages<EvidenceRow> {
  let read = 0;
  for await (const page of pages) {
    read += page.length;
    if (read > left) throw new TooMuchUsageError();
    yield page;
  }
}

function render(
  proposal: RateCard,
  period: { readonly startDate: Day; readonly endDate: Day },
  accounts: readonly { readonly account: string; readonly effect: EffectTally }[],
  reasons: z.infer<typeof rateCardEffect>['reasons'],
): z.infer<typeof rateCardEffect> {
  const total = accounts.reduce((sum, { effect }) => addEffects(sum, effect), NO_EFFECT);
  return {
    rateCard: versionName(proposal),
    asset: proposal.asset,
    ...period,
    accounts: accounts.map(({ account, effect }) => ({ account, ...renderTally(effect) })),
    total: renderTally(total),
    reasons,
  };
}

function renderTally({ published, proposed, ...counts }: EffectTally) {
  const difference = proposed - published;
  return {
    ...counts,
    published: published.toString(),
    proposed: proposed.toString(),
    difference: difference.toString(),
    percent: percent(difference, published),
  };
}
