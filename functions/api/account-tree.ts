import { CLOCK_SKEW_MS_MAX, SUMMED_TRANSFERS_MAX } from '../../contract/limits.ts';
import type { accountTree } from '../../contract/schemas/accounts.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import { type Account, usableOf } from '../../domain/accounts.ts';
import { listedDaysUntil } from '../../domain/statements.ts';
import { addMilliseconds, dayOf, type Instant } from '../../domain/time.ts';
import { type Sums, sumTransfersAsOf } from '../../store/statements.ts';
import { type Answer, ok } from '../runtime/answers.ts';
import type { ApiRequest } from '../runtime/pipeline.ts';
import { findTree, orTooMany, type ReadingDeps, TOO_MANY_TRANSFERS, tooManyDays, tooMuch } from './listed-accounts.ts';

/** An account and all below its path: what each has, and what they have together by asset. */
export async function getAccountTree(deps: ReadingDeps, { params, caller }: ApiRequest<undefined>): Promise<Answer> {
  const path = params.accountId ?? '';
  const found = await findTree(deps, caller, path);
  if (!found.ok) return found.answer;
  // No transfer counts later than this.
  const now = deps.now();
  const lastDay = dayOf(addMilliseconds(now, CLOCK_SKEW_MS_MAX));
  const summed = found.value
    .filter(({ history }) => history.account.figures === undefined)
    .map(({ history, listed }) => ({ ...listed, days: listedDaysUntil(history, lastDay) }));
  const tooMany = tooManyDays(summed);
  if (tooMany !== undefined) return tooMuch('accountId', `must be a path with less below it: ${tooMany}`);
  const sums = await orTooMany(sumTransfersAsOf(deps.store, summed, { most: SUMMED_TRANSFERS_MAX }));
  if (sums === undefined) return tooMuch('accountId', `must be a path with less below it: ${TOO_MANY_TRANSFERS}`);
  const members = found.value.map(({ history: { account } }) => memberOf(account, sums.get(account.id), now));
  const body: OutputOf<typeof accountTree> = {
    account: path,
    accounts: members.map(({ figures, ...fields }) => ({ ...fields, ...renderFigures(figures) })),
    totals: totalsOf(members),
  };
  return ok(200, body);
}

/** What is posted to an account, and what else only a strict balance knows. */
interface TreeFigures {
  readonly posted: bigint;
  readonly kept?: { readonly held: bigint; readonly available: bigint };
}

type Member = Pick<Account, 'id' | 'asset' | 'balance' | 'status'> & {
  readonly figures: TreeFigures;
};

/** @param sums of its transfers, where it keeps no balance. */
function memberOf(account: Account, sums: Sums | undefined, now: Instant): Member {
  const { id, asset, balance, status, figures: stored } = account;
  const { credits, debits } = stored ?? sums ?? { credits: 0n, debits: 0n };
  const kept = stored && { held: stored.held, available: usableOf(account, now) };
  return { id, asset, balance, status, figures: { posted: credits - debits, ...(kept !== undefined && { kept }) } };
}

function totalsOf(members: readonly Member[]): OutputOf<typeof accountTree>['totals'] {
  const byAsset = Map.groupBy(members, ({ asset }) => asset);
  return [...byAsset]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([asset, own]) => ({
      asset,
      accounts: own.length,
      ...renderFigures(own.map(({ figures }) => figures).reduce(addFigures)),
    }));
}

function addFigures(a: TreeFigures, b: TreeFigures): TreeFigures {
  const posted = a.posted + b.posted;
  if (a.kept === undefined || b.kept === undefined) {
    const kept = a.kept ?? b.kept;
    return { posted, ...(kept !== undefined && { kept }) };
  }
  return { posted, kept: { held: a.kept.held + b.kept.held, available: a.kept.available + b.kept.available } };
}

function renderFigures({ posted, kept }: TreeFigures) {
  return {
    posted: posted.toString(),
    ...(kept !== undefined && { held: kept.held.toString(), available: kept.available.toString() }),
  };
}
