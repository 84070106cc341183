import {
  CLOCK_SKEW_MS_MAX,
  STATEMENT_DAYS_DEFAULT,
  STATEMENT_DAYS_MAX,
  STATEMENT_ROWS_DEFAULT,
  SUMMED_TRANSFERS_MAX,
} from '../../contract/limits.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { balance, statement, usageSummary } from '../../contract/schemas/statements.ts';
import { usableOf } from '../../domain/accounts.ts';
import { listedDays, listedDaysUntil, type UsageFigures } from '../../domain/statements.ts';
import { addDays, addMilliseconds, type Day, dayOf } from '../../domain/time.ts';
import { readStatement, type StatementLine, sumTransfersAsOf, sumUsage } from '../../store/statements.ts';
import { type Answer, invalid, ok } from '../runtime/answers.ts';
import type { ApiRequest, QueryOf } from '../runtime/pipeline.ts';
import type { Caller, Read } from '../runtime/requests.ts';
import {
  findAccount,
  findTree,
  type ListedAccount,
  orTooMany,
  type ReadingDeps,
  TOO_MANY_TRANSFERS,
  tooManyDays,
  tooMuch,
} from './listed-accounts.ts';
import { renderTransfer } from './render.ts';
import { readCursor, writeCursor } from './statement-cursors.ts';

type Reading<Id extends 'getStatement' | 'getBalance' | 'getUsage'> = ApiRequest<undefined, QueryOf<Id>>;

/** A page of an account's transfers in order of the time that they count. */
export async function getStatement(
  deps: ReadingDeps,
  { params, caller, query }: Reading<'getStatement'>,
): Promise<Answer> {
  const id = params.accountId ?? '';
  const range = statementRange(deps, id, query);
  if (!range.ok) return range.answer;
  const found = await findAccount(deps, caller, id);
  if (!found.ok) return found.answer;
  const { from, to, order, after } = range.value;
  const days = listedDays(found.value.history, { start: from, end: addDays(to, 1) });
  const limit = query.limit ?? STATEMENT_ROWS_DEFAULT;
  const { lines, more } = await readStatement(deps.store, found.value.listed, { days, order, after, limit });
  const last = lines.at(-1);
  const body: OutputOf<typeof statement> = {
    account: id,
    asset: found.value.history.account.asset,
    from,
    to,
    order,
    transfers: lines.map(renderLine),
    ...(more && last !== undefined && { next: writeCursor(id, { from, to, order, after: last }) }),
  };
  return ok(200, body);
}

/** What an account's transfers come to: those that count by one time, as far as they were known by another. */
export async function getBalance(deps: ReadingDeps, { params, caller, query }: Reading<'getBalance'>): Promise<Answer> {
  const id = params.accountId ?? '';
  const found = await findAccount(deps, caller, id);
  if (!found.ok) return found.answer;
  const { history, listed } = found.value;
  const { effectiveAt, knownAt } = query;
  // No transfer counts later than this, whatever time is asked for.
  const latest = addMilliseconds(deps.now(), CLOCK_SKEW_MS_MAX);
  const until = effectiveAt !== undefined && effectiveAt < latest ? effectiveAt : latest;
  const days = listedDaysUntil(history, dayOf(until));
  const reads = [{ ...listed, days }];
  const tooMany = tooManyDays(reads);
  if (tooMany !== undefined) return tooMuch('effectiveAt', `must be earlier: ${tooMany}`);
  const byAccount = await orTooMany(
    sumTransfersAsOf(deps.store, reads, { effectiveAt, knownAt, most: SUMMED_TRANSFERS_MAX }),
  );
  const sums = byAccount?.get(id);
  if (sums === undefined) return tooMuch('effectiveAt', `must be earlier: ${TOO_MANY_TRANSFERS}`);
  const { figures } = history.account;
  const isNow = effectiveAt === undefined && knownAt === undefined;
  const body: OutputOf<typeof balance> = {
    account: id,
    asset: history.account.asset,
    ...(effectiveAt !== undefined && { effectiveAt }),
    ...(knownAt !== undefined && { knownAt }),
    ...renderSums(sums),
    ...(isNow &&
      figures !== undefined && { kept: { ...renderSums(figures), available: figures.available.toString() } }),
  };
  return ok(200, body);
}

/**
 * What an account was charged, or an account and all below it. Everything is summed from transfers, and what remains is
 * read from the balances.
 */
export async function getUsage(deps: ReadingDeps, { params, caller, query }: Reading<'getUsage'>): Promise<Answer> {
  const now = deps.now();
  const range = rangeOf(query, dayOf(now));
  if (!range.ok) return range.answer;
  const id = params.accountId ?? '';
  const found = await usersOf(deps, caller, id, query);
  if (!found.ok) return found.answer;
  const { asset, accounts } = found.value;
  const { from, to } = range.value;
  const period = { start: from, end: addDays(to, 1) };
  const reads = accounts.map(({ history, listed }) => ({ ...listed, days: listedDays(history, period) }));
  const tooMany = tooManyDays(reads);
  if (tooMany !== undefined) return tooMuch('from', `must be later: ${tooMany}`);
  const usage = await orTooMany(sumUsage(deps.store, reads, SUMMED_TRANSFERS_MAX));
  if (usage === undefined) return tooMuch('from', `must be later: ${TOO_MANY_TRANSFERS}`);
  const kept = accounts.map(({ history }) => history.account).filter(({ figures }) => figures !== undefined);
  const body: OutputOf<typeof usageSummary> = {
    account: id,
    asset,
    from,
    to,
    ...(query.under !== undefined && { accounts: accounts.length }),
    ...renderUsage(total(usage.days.values())),
    days: inOrderOfName(usage.days).map(([day, one]) => ({ day, ...renderUsage(one) })),
    ...(query.by === 'key' && { keys: inOrderOfName(usage.keys).map(([key, one]) => ({ key, ...renderUsage(one) })) }),
    ...(kept.length > 0 && { remaining: kept.reduce((sum, one) => sum + usableOf(one, now), 0n).toString() }),
  };
  return ok(200, body);
}

/** The accounts whose usage is asked for, and the one asset that they have. */
async function usersOf(
  deps: ReadingDeps,
  caller: Caller,
  id: string,
  { under }: QueryOf<'getUsage'>,
): Promise<Read<{ readonly asset: string; readonly accounts: readonly ListedAccount[] }>> {
  const one = under === undefined ? await findAccount(deps, caller, id) : undefined;
  const found = one === undefined ? await findTree(deps, caller, id) : one.ok ? { ...one, value: [one.value] } : one;
  if (!found.ok) return found;
  const [asset = '', ...others] = new Set(found.value.map(({ history }) => history.account.asset));
  if (others.length === 0) return { ok: true, value: { asset, accounts: found.value } };
  const rule = `must be left out: there are accounts of several assets (${[asset, ...others].join(', ')}), whose amounts have no sum`;
  return { ok: false, answer: invalid([{ field: 'under', rule }]) };
}

type Range = { readonly from: Day; readonly to: Day };

/** The days that a query asks for, both included. */
function rangeOf(query: { readonly from?: Day | undefined; readonly to?: Day | undefined }, today: Day): Read<Range> {
  const to = query.to ?? today;
  const from = query.from ?? addDays(to, 1 - STATEMENT_DAYS_DEFAULT);
  if (from <= to && to < addDays(from, STATEMENT_DAYS_MAX)) return { ok: true, value: { from, to } };
  if (query.to === undefined) {
    const rule = `must be one of the ${STATEMENT_DAYS_MAX} days up to today, where "to" is left out`;
    return { ok: false, answer: invalid([{ field: 'from', rule }]) };
  }
  const rule = from > to ? 'must not be before from' : `must be less than ${STATEMENT_DAYS_MAX} days after from`;
  return { ok: false, answer: invalid([{ field: 'to', rule }]) };
}

/** A cursor brings its range and order along, and goes with no other. */
function statementRange({ now }: ReadingDeps, account: string, query: QueryOf<'getStatement'>) {
  if (query.cursor === undefined) {
    const range = rangeOf(query, dayOf(now()));
    return range.ok
      ? { ok: true as const, value: { ...range.value, order: query.order ?? 'asc', after: undefined } }
      : range;
  }
  const cursor = readCursor(account, query.cursor);
  if (cursor === undefined) return refusedCursor('must be the "next" of a statement of this account, as it was given');
  const differs = (['from', 'to', 'order'] as const).find(
    (name) => query[name] !== undefined && query[name] !== cursor[name],
  );
  if (differs !== undefined) return refusedCursor(`belongs to a statement with another "${differs}"; leave that out`);
  return { ok: true as const, value: cursor };
}

function refusedCursor(rule: string) {
  return { ok: false as const, answer: invalid([{ field: 'cursor', rule }]) };
}

function renderLine({ side, transfer }: StatementLine): OutputOf<typeof statement>['transfers'][number] {
  const { debit, credit, asset: _asset, amount, ...fields } = renderTransfer(transfer);
  const isGain = side === 'credit';
  return { ...fields, amount: isGain || amount === '0' ? amount : `-${amount}`, counterparty: isGain ? debit : credit };
}

function renderSums({ credits, debits }: { readonly credits: bigint; readonly debits: bigint }) {
  return { credits: credits.toString(), debits: debits.toString(), balance: (credits - debits).toString() };
}

function renderUsage({ requests, amount }: UsageFigures) {
  return { requests, amount: amount.toString() };
}

function total(figures: Iterable<UsageFigures>): UsageFigures {
  const sum = { requests: 0, amount: 0n };
  for (const { requests, amount } of figures) {
    sum.requests += requests;
    sum.amount += amount;
  }
  return sum;
}

function inOrderOfName(figures: ReadonlyMap<string, UsageFigures>): [string, UsageFigures][] {
  return [...figures].sort(([a], [b]) => (a < b ? -1 : 1));
}
