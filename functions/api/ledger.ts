import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { CLOCK_SKEW_MS_MAX } from '../../contract/limits.ts';
import { id as idSchema } from '../../contract/schemas/common.ts';
import { ChartChangedError } from '../../domain/accounts.ts';
import { type Chart, chartEntryOf } from '../../domain/chart.ts';
import { type Rating, rate } from '../../domain/rating.ts';
import { addMilliseconds, type Instant } from '../../domain/time.ts';
import type { TransferClaims } from '../../domain/transfers.ts';
import { getTransfer, type LedgerStore, type Posting, postTransfer, replayOf } from '../../store/ledger.ts';
import { systemClock } from '../../store/retry.ts';
import { type Answer, invalid, ok, problem } from '../runtime/answers.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric } from '../runtime/metrics.ts';
import { type ApiRequest, apiHandler, type BodyOf } from '../runtime/pipeline.ts';
import { type Caller, idempotencyKey, maySee, printable } from '../runtime/requests.ts';
import { createSettingsCache, type SettingsCache } from '../runtime/settings.ts';
import { getAccount, openAccount } from './accounts.ts';
import { assetError, entryOf } from './chart-entries.ts';
import { answerOf, fieldOf, unknownAccount } from './outcomes.ts';
import { renderTransfer } from './render.ts';

/** What the operations of the ledger stand on. */
export interface LedgerDeps {
  readonly store: LedgerStore;
  readonly settings: SettingsCache;
  readonly chart: Chart;
  readonly now: () => Instant;
}

export const makeHandler = (deps: LedgerDeps) =>
  apiHandler('api/ledger', {
    openAccount: (request) => openAccount(deps, request),
    getAccount: (request) => getAccount(deps, request),
    postCharge: (request) => charge(deps, request),
    postTransfer: (request) => transfer(deps, request),
    getTransfer: (request) => showTransfer(deps, request),
  });

export const handler = lazily(() => makeHandler(productionDeps()));

/** Prices usage by the rate card in force when it happened, and posts the charge once. */
async function charge(deps: LedgerDeps, { body, caller, event }: ApiRequest<BodyOf<'postCharge'>>): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const account = entryOf(deps.chart, 'account', body.account);
  if (!account.ok) return account.answer;
  if (!maySee(caller, body.account)) return unknownAccount(body.account);

  const now = deps.now();
  const effectiveAt = body.effectiveAt ?? now;
  if (isAhead(effectiveAt, now)) return ahead('effectiveAt');
  const requestId = body.requestId ?? key.value;
  const usage = { operation: body.operation, quantities: body.quantities, at: effectiveAt };
  const claims: TransferClaims = {
    kind: 'charge',
    debit: body.account,
    operation: body.operation,
    quantities: body.quantities,
    ...(body.requestId !== undefined && { requestId }),
    ...(body.effectiveAt !== undefined && { effectiveAt }),
  };

  let rating = rate((await deps.settings.get()).rateCards, account.entry.rateCard, usage);
  // A price may have been published a moment ago; nothing is refused on old knowledge.
  if (rating.kind === 'unpriced')
    rating = rate((await deps.settings.refresh()).rateCards, account.entry.rateCard, usage);
  if (rating.kind === 'unpriced') {
    const replay = await replayOf(deps.store, key.value, claims);
    return replay === undefined ? unpriced(rating) : answerOf(replay, caller, { kind: 'charge' });
  }
  const { card, amount } = rating;
  const revenue = chartEntryOf(deps.chart, card.revenueAccount);
  if (revenue === undefined || card.asset !== account.entry.asset) {
    throw new ChartChangedError(`The chart changed under rate card "${card.name}" of ${card.effectiveFrom}.`);
  }
  return post(deps, caller, {
    transfer: {
      id: key.value,
      kind: 'charge',
      debit: body.account,
      credit: card.revenueAccount,
      asset: card.asset,
      amount,
      effectiveAt,
      recordedAt: now,
      requestId,
      operation: body.operation,
      quantities: body.quantities,
      rateCard: `${card.name}@${card.effectiveFrom}`,
    },
    claims,
    debitEntry: account.entry,
    creditEntry: revenue,
  });
}

async function transfer(
  deps: LedgerDeps,
  { body, caller, event }: ApiRequest<BodyOf<'postTransfer'>>,
): Promise<Answer> {
  const key = idempotencyKey(event, body.id, idSchema);
  if (!key.ok) return key.answer;
  const debit = entryOf(deps.chart, 'debit', body.debit);
  if (!debit.ok) return debit.answer;
  const credit = entryOf(deps.chart, 'credit', body.credit);
  if (!credit.ok) return credit.answer;
  const wrongAsset = assetError('debit', body.asset, debit.entry) ?? assetError('credit', body.asset, credit.entry);
  if (wrongAsset !== undefined) return invalid([wrongAsset]);

  const now = deps.now();
  const effectiveAt = body.effectiveAt ?? now;
  if (isAhead(effectiveAt, now)) return ahead('effectiveAt');
  const said = {
    kind: 'transfer' as const,
    debit: body.debit,
    credit: body.credit,
    asset: body.asset,
    amount: body.amount,
    ...(body.description !== undefined && { description: body.description }),
  };
  return post(deps, caller, {
    transfer: { ...said, id: key.value, effectiveAt, recordedAt: now },
    claims: { ...said, ...(body.effectiveAt !== undefined && { effectiveAt }) },
    debitEntry: debit.entry,
    creditEntry: credit.entry,
  });
}

/** The one way into the ledger; a paused ledger still answers replays, because they change nothing. */
async function post(deps: LedgerDeps, caller: Caller, posting: Posting): Promise<Answer> {
  const { transfer, claims } = posting;
  logger.appendKeys({ transferId: transfer.id });
  const { paused, reason } = (await deps.settings.get()).ledgerControl;
  const result = paused
    ? ((await replayOf(deps.store, transfer.id, claims)) ?? { kind: 'ledger-paused', reason })
    : await postTransfer(deps.store, posting);
  return answerOf(result, caller, transfer);
}

/** A refusal that is decided before the write, and only told when the id is not a replay. */
function unpriced({ field, rule }: Extract<Rating, { kind: 'unpriced' }>): Answer {
  countMetric('transfers_refused');
  return problem('unpriced', `Nothing was charged: ${rule}.`, [{ field: fieldOf('charge', field), rule }]);
}

async function showTransfer(deps: LedgerDeps, { params, caller }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.transferId ?? '';
  const found = idSchema.safeParse(id).success ? await getTransfer(deps.store, id) : undefined;
  const visible = found !== undefined && (maySee(caller, found.debit) || maySee(caller, found.credit));
  return visible ? ok(200, renderTransfer(found)) : problem('not-found', `There is no transfer "${printable(id)}".`);
}

function isAhead(at: Instant, now: Instant): boolean {
  return at > addMilliseconds(now, CLOCK_SKEW_MS_MAX);
}

function ahead(field: string): Answer {
  return invalid([{ field, rule: `must not be more than ${CLOCK_SKEW_MS_MAX / 60_000} minutes in the future` }]);
}

function productionDeps(): LedgerDeps {
  const { LEDGER_TABLE, OPERATIONS_TABLE } = environment('LEDGER_TABLE', 'OPERATIONS_TABLE');
  const client = dynamoDb();
  return {
    store: { client, ledgerTable: LEDGER_TABLE, clock: systemClock, newId: randomUUID, listed: new Set() },
    settings: createSettingsCache({ client, operationsTable: OPERATIONS_TABLE }, Date.now),
    chart,
    now: () => new Date().toISOString(),
  };
}
