import { accountId } from '../../contract/schemas/common.ts';
import type { Account, AccountChangeResult, StatusChange } from '../../domain/accounts.ts';
import { dayOf, type Instant } from '../../domain/time.ts';
import * as changes from '../../store/account-changes.ts';
import * as accounts from '../../store/accounts.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, BodyOf } from '../runtime/pipeline.ts';
import { maySee, printable } from '../runtime/requests.ts';
import { assetError, entryOf } from './chart-entries.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { answerOfChange, unknownAccount } from './outcomes.ts';
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
    ...(body.metadata !== undefined && { metadata: body.metadata }),
    ...(entry.balance === 'strict' && { figures: { credits: 0n, debits: 0n, held: 0n, available: creditLimit } }),
  };
  const result = await accounts.openAccount(deps.store, account, {
    ...(body.metadata !== undefined && { metadata: body.metadata }),
    ...(body.openedOn !== undefined && { openedOn }),
    ...(body.creditLimit !== undefined && { creditLimit }),
  });
  if (result.kind === 'created') return ok(201, renderAccount(result.account, now));
  if (result.kind === 'replayed') return replayed(renderAccount(result.account, now));
  const rule = 'differs from the account as it was opened';
  return problem('conflict', `"${body.id}" was opened with another "${result.field}".`, [
    { field: result.field, rule },
  ]);
}

export async function getAccount(deps: LedgerDeps, { params, caller }: ApiRequest<undefined>): Promise<Answer> {
  const id = params.accountId ?? '';
  const isPath = accountId.safeParse(id).success;
  const account = isPath && maySee(caller, id) ? await accounts.getAccount(deps.store, id) : undefined;
  if (account === undefined) return unknownAccount(printable(id), 'accountId');
  return ok(200, renderAccount(account, deps.now()));
}

/** Freezes, unfreezes or closes an account. */
export async function changeStatus(
  deps: LedgerDeps,
  kind: StatusChange,
  { params, body, caller }: ApiRequest<BodyOf<'freezeAccount'>>,
): Promise<Answer> {
  const cause = { reason: body.reason, at: deps.now(), by: caller.keyId };
  return change(params.accountId, cause.at, (id) =>
    changes.changeStatus({ ...deps.store, ...deps.audit }, id, kind, cause),
  );
}

export async function setCreditLimit(
  deps: LedgerDeps,
  { params, body, caller }: ApiRequest<BodyOf<'setCreditLimit'>>,
): Promise<Answer> {
  const author = { at: deps.now(), by: caller.keyId };
  return change(params.accountId, author.at, (id) =>
    changes.changeCreditLimit({ ...deps.store, ...deps.audit }, id, body.creditLimit, author),
  );
}

async function change(
  accountPath: string | undefined,
  now: Instant,
  write: (id: string) => Promise<AccountChangeResult>,
): Promise<Answer> {
  const id = accountPath ?? '';
  const result: AccountChangeResult = accountId.safeParse(id).success ? await write(id) : { kind: 'account-unknown' };
  return answerOfChange(result, printable(id), now);
}
