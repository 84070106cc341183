import { randomUUID } from 'node:crypto';
import { chart } from '../../config/chart.ts';
import { id as idSchema } from '../../contract/schemas/common.ts';
import { ChartChangedError } from '../../domain/accounts.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { type Rating, rate } from '../../domain/rating.ts';
import type { TransferClaims } from '../../domain/transfers.ts';
import { postTransfer, replayOf } from '../../store/ledger.ts';
import type { Posting } from '../../store/posting.ts';
import { systemClock } from '../../store/retry.ts';
import { type Answer, invalid, problem } from '../runtime/answers.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { countMetric } from '../runtime/metrics.ts';
import { type ApiRequest, apiHandler, type BodyOf } from '../runtime/pipeline.ts';
import { type Caller, idempotencyKey, maySee } from '../runtime/requests.ts';
import { createSettingsCache } from '../runtime/settings.ts';
import { changeStatus, getAccount, openAccount, setCreditLimit } from './accounts.ts';
import { assetError, entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { answerOf, fieldOf, unknownAccount } from './outcomes.ts';
import { ahead, isAhead, post } from './posting.ts';
import { getTransferWithReversals, reverseTransfer } from './reversals.ts';
import { getBalance, getStatement, getUsage } from './statements.ts';

export const makeHandler = (deps: LedgerDeps) =>
  apiHandler('api/ledger', {
    openAccount: (request) => openAccount(deps, request),
    getAccount: (request) => getAccount(deps, request),
    freezeAccount: (request) => changeStatus(deps, 'freeze', request),
    unfreezeAccount: (request) => changeStatus(deps, 'unfreeze', request),
    closeAccount: (request) => changeStatus(deps, 'close', request),
    setCreditLimit: (request) => setCreditLimit(deps, request),
    getStatement: (request) => getStatement(deps, request),
    getBalance: (request) => getBalance(deps, request),
    getUsage: (request) => getUsage(deps, request),
    postCharge: (request) => charge(deps, request),
    postTransfer: (request) => transfer(deps, request),
    getTransfer: (request) => getTransferWithReversals(deps, request),
    reverseTransfer: (request) => reverseTransfer(deps, request),
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
  const usage = { account: body.account, operation: body.operation, quantities: body.quantities, at: effectiveAt };
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
  return postOnce(deps, caller, {
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
      ...(caller.keyId !== '' && { key: caller.keyId }),
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
  return postOnce(deps, caller, {
    transfer: { ...said, id: key.value, effectiveAt, recordedAt: now },
    claims: { ...said, ...(body.effectiveAt !== undefined && { effectiveAt }) },
    debitEntry: debit.entry,
    creditEntry: credit.entry,
  });
}

function postOnce(deps: LedgerDeps, caller: Caller, posting: Posting): Promise<Answer> {
  const { transfer, claims } = posting;
  return post(deps, caller, { ...transfer, claims }, () => postTransfer(deps.store, posting));
}

/** A refusal that is decided before the write, and only told when the id is not a replay. */
function unpriced({ field, rule }: Extract<Rating, { kind: 'unpriced' }>): Answer {
  countMetric('transfers_refused');
  return problem('unpriced', `Nothing was charged: ${rule}.`, [{ field: fieldOf('charge', field), rule }]);
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
