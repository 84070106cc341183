import type { AccountChangeResult } from '../../domain/accounts.ts';
import { GRANTS_KEPT_MAX, GRANTS_MAX } from '../../domain/grants.ts';
import type { Instant } from '../../domain/time.ts';
import { REVERSALS_MAX, type Refusal, type Transfer, type TransferResult } from '../../domain/transfers.ts';
import { type Answer, ok, problem, replayed } from '../runtime/answers.ts';
import { countMetric } from '../runtime/metrics.ts';
import { type Caller, maySee } from '../runtime/requests.ts';
import { renderAccount, renderTransfer } from './render.ts';

/** The fields of a charge by those of the transfer that it becomes. */
const CHARGE_FIELDS: Readonly<Record<string, string>> = {
  debit: 'account',
  credit: 'account',
  occurredAt: 'effectiveAt',
};

/** A reversal has its accounts and what it corrects from the transfer that its path names. */
const REVERSAL_FIELDS: Readonly<Record<string, string>> = {
  debit: 'transferId',
  credit: 'transferId',
  corrects: 'transferId',
};

/** A hold is priced at the moment at which it is asked for, so only its operation can have no price then. */
const HOLD_FIELDS: Readonly<Record<string, string>> = {
  debit: 'account',
  occurredAt: 'operation',
};

/** A capture has its accounts from the hold that its path names. */
const CAPTURE_FIELDS: Readonly<Record<string, string>> = {
  hold: 'holdId',
  account: 'holdId',
  debit: 'holdId',
  credit: 'holdId',
  occurredAt: 'effectiveAt',
};

/** The fields of a grant by those of the transfer that it is. */
const GRANT_FIELDS: Readonly<Record<string, string>> = { debit: 'source', credit: 'account', grant: 'id' };

const FIELDS: Readonly<Record<Asked['kind'], Readonly<Record<string, string>>>> = {
  transfer: {},
  charge: CHARGE_FIELDS,
  reversal: REVERSAL_FIELDS,
  hold: HOLD_FIELDS,
  capture: CAPTURE_FIELDS,
  grant: GRANT_FIELDS,
};

export function fieldOf(kind: Asked['kind'], field: string): string {
  return FIELDS[kind][field] ?? field;
}

/** What an answer speaks of, as far as it is known when the answer is given. */
export interface Asked extends Partial<Pick<Transfer, 'debit' | 'amount'>> {
  readonly kind: Transfer['kind'] | 'reversal' | 'hold' | 'capture' | 'grant';
  /** What a capture takes beyond its hold, in minor units. */
  readonly excess?: bigint;
}

/** Every way that posting a transfer can end, as HTTP says it. */
export function answerOf(result: TransferResult, caller: Caller, asked: Asked): Answer {
  switch (result.kind) {
    case 'created':
      countMetric('transfers_created');
      return ok(201, renderTransfer(result.transfer));
    case 'replayed':
      countMetric('transfers_replayed');
      return replayed(renderTransfer(result.transfer));
    case 'conflict':
      countMetric('idempotency_conflicts');
      return conflictAnswer(result, caller, asked);
    default:
      countMetric('transfers_refused');
      return refusalAnswer(result, asked);
  }
}

function conflictAnswer(
  { id, field, posted }: Extract<TransferResult, { kind: 'conflict' }>,
  caller: Caller,
  asked: Asked,
): Answer {
  // To a bound key, another account's transfer is nothing but an id that is taken.
  if (!maySee(caller, posted.debit) && !maySee(caller, posted.credit)) {
    return problem('conflict', `The id "${id}" is taken.`, [{ field: 'id', rule: 'is taken; send a new id' }]);
  }
  const name = fieldOf(asked.kind, field);
  const rule = 'differs from the transfer that has this id; send the original content, or a new id';
  return problem('conflict', `The id "${id}" belongs to a transfer with another "${name}".`, [{ field: name, rule }]);
}

/** Why nothing was moved or held, as HTTP says it. */
export function refusalAnswer(refusal: Refusal, asked: Asked): Answer {
  if (refusal.kind === 'ledger-paused') {
    const detail = `New transfers are held back: ${refusal.reason} Send the same request again later.`;
    return problem('ledger-paused', detail);
  }
  if (refusal.kind === 'over-reversed') {
    const rule = `must not be above ${refusal.remaining}, which is all that remains to be reversed`;
    return problem('over-reversed', `"amount" ${rule}.`, [{ field: 'amount', rule }]);
  }
  if (refusal.kind === 'too-many-reversals') {
    const rule = `names a transfer that has ${REVERSALS_MAX} reversals, the most that one may have`;
    return problem('too-many-reversals', `"transferId" ${rule}.`, [{ field: 'transferId', rule }]);
  }
  if (refusal.kind === 'over-captured') {
    const rule = `must not come to more than ${refusal.held}, which is what is held`;
    return problem('over-captured', `The capture ${rule}.`, [{ field: 'amount', rule }]);
  }
  if ('hold' in refusal) return endedAnswer(refusal);
  const { account } = refusal;
  const field = fieldOf(asked.kind, account === asked.debit ? 'debit' : 'credit');
  switch (refusal.kind) {
    case 'insufficient-funds': {
      const rule = `has less available than ${neededBy(asked)}`;
      const detail = `"${account}" ${rule}. Add funds and send the same request again.`;
      return problem('insufficient-funds', detail, [{ field, rule }]);
    }
    case 'account-frozen': {
      const detail = `"${account}" is frozen. Send the same request again when it is not.`;
      return problem('account-frozen', detail, [{ field, rule: 'is frozen' }]);
    }
    case 'account-closed': {
      const detail = `"${account}" is closed and takes no transfers any more.`;
      return problem('account-closed', detail, [{ field, rule: 'is closed' }]);
    }
    case 'before-opening': {
      const rule = `must not be before ${refusal.openedOn}, when "${account}" was opened`;
      return problem('before-opening', `"effectiveAt" ${rule}.`, [{ field: 'effectiveAt', rule }]);
    }
    case 'too-many-grants': {
      const most = asked.kind === 'reversal' ? GRANTS_KEPT_MAX : GRANTS_MAX;
      const rule = `would have something left of more than ${most} grants, the most that an account may have`;
      const detail = `"${account}" ${rule}. Send the same request again when one of them is used up.`;
      return problem('too-many-grants', detail, [{ field, rule }]);
    }
    case 'account-unknown':
      return unknownAccount(account, field);
  }
}

function neededBy({ amount, excess }: Asked): string {
  if (excess !== undefined) return `what the capture takes beyond its hold, ${excess}`;
  return `the amount${amount === undefined ? '' : `, ${amount}`}`;
}

/** A hold ends once. What it came to is told by reading it. */
function endedAnswer(refusal: Extract<Refusal, { readonly hold: string }>): Answer {
  const { kind, hold } = refusal;
  const state =
    kind === 'hold-expired' ? `expired at ${refusal.expiresAt}` : `was ${kind.slice('hold-'.length)} before`;
  const advice = kind === 'hold-expired' ? ' Post what was used as a charge, or hold anew.' : '';
  return problem(kind, `The hold "${hold}" ${state}.${advice}`, [
    { field: 'holdId', rule: `names a hold that ${state}` },
  ]);
}

/** Also what a bound key is told of accounts that it may not see: they do not exist for it. */
export function unknownAccount(account: string, field = 'account'): Answer {
  const rule = 'names an account that is not open';
  return problem('account-unknown', `There is no account "${account}". Open it first.`, [{ field, rule }]);
}

/** @param so what follows from it for whoever asked: the end of a sentence. */
export function derivedBalance(account: string, field: string, so: string): Answer {
  const rule = 'names an account with a derived balance, which no item guards';
  const detail = `"${account}" has a derived balance: it is summed from transfers, ${so}.`;
  return problem('derived-balance', detail, [{ field, rule }]);
}

/** Every way that changing an account can end, as HTTP says it. */
export function answerOfChange(result: AccountChangeResult, account: string, now: Instant): Answer {
  switch (result.kind) {
    case 'changed':
      return ok(200, renderAccount(result.account, now));
    case 'unchanged':
      return replayed(renderAccount(result.account, now));
    case 'account-unknown':
      return unknownAccount(account, 'accountId');
    case 'derived-balance':
      return derivedBalance(
        account,
        'accountId',
        'and no transfer asks an item of it that could be frozen, closed or limited',
      );
    case 'account-closed':
      return problem('account-closed', `"${account}" is closed, and closed is for ever.`, [
        { field: 'accountId', rule: 'is closed' },
      ]);
    case 'account-not-empty': {
      const { balance, held } = result;
      const [state, advice] =
        balance === 0n
          ? [`holds ${held}`, 'Capture or release its holds first.']
          : [`has a balance of ${balance}`, 'Move it first.'];
      const rule = `${state}; only an account with a balance of 0 and no holds can be closed`;
      return problem('account-not-empty', `"${account}" ${rule}. ${advice}`, [{ field: 'accountId', rule }]);
    }
    case 'limit-in-use': {
      const rule = `must not be below ${result.lowest}, which the account uses`;
      return problem('limit-in-use', `"creditLimit" ${rule}.`, [{ field: 'creditLimit', rule }]);
    }
  }
}
