import { accountId } from '../../contract/schemas/common.ts';
import type { Account } from '../../domain/accounts.ts';
import { dayOf } from '../../domain/time.ts';
import * as accounts from '../../store/accounts.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { maySee, printable } from '../runtime/requests.ts';
import { assetError, entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger.ts';
import { unknownAccount } from './outcomes.ts';
import { renderAccount } from './render.ts';

export async function openAccount(deps: LedgerDeps, { body }: ApiRequest<BodyOf<'openAccount'>>): Promise<Answer> {
  const known = entryOf(deps.chart, 'id', body.id);
  if (!known.ok) return known.answer;
  const { entry } = known;
  const wrongAsset = body.asset === undefined ? undefined : assetError('asset', body.asset, entry);
  if (wrongAsset !== undefined) return invalid([wrongAsset]);
  if (entry.balance === 'derived' && (body.creditLimit ?? 0n) > 0n) {
    return invalid([
      { field: 'creditLimit', rule: 'must be left out: this account keeps no strict balance that a limit could hold' },
    ]);
  }
  if (entry.balance === 'derived' && body.openedOn !== undefined) {
    const rule = 'must be left out: no balance is kept that could refuse an earlier transfer';
    return invalid([{ field: 'openedOn', rule }]);
  }
  const now = deps.now();
  const openedOn = body.openedOn ?? dayOf(now);
  if (openedOn > dayOf(now)) return invalid([{ field: 'openedOn', rule: 'must not be in the future' }]);
  const creditLimit = body.creditLimit ?? 0n;
  const account: Account = {
    id: body.id,
    asset: entry.asset,
    balance: entry.balance,
    status: 'open',
    openedOn,
    createdAt: now,
    creditLimit,
    ...(entry.balance === 'strict' && { figures: { credits: 0n, debits: 0n, available: creditLimit } }),
  };
  const result = await accounts.openAccount(deps.store, account, {
    ...(body.openedOn !== undefined && { openedOn }),
    ...(body.creditLimit !== undefined && { creditLimit }),
  });
  if (result.kind === 'created') return ok(201, renderAccount(result.account));
  if (result.kind === 'replayed') return replayed(renderAccount(result.account));
  const rule = 'differs from the account as it was opened';
  return problem('conflict', `"${body.id}" was opened with another "${result.field}".`, [
    { field: result.field, rule },
  ]);
}

export async function getAccount(deps: LedgerDeps, { params, caller }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.accountId ?? '';
  const isPath = accountId.safeParse(id).success;
  const account = isPath && maySee(caller, id) ? await accounts.getAccount(deps.store, id) : undefined;
  return account === undefined ? unknownAccount(printable(id), 'accountId') : ok(200, renderAccount(account));
}
