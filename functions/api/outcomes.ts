import type { Refusal, Transfer, TransferResult } from '../../domain/transfers.ts';
import { type Answer, ok, problem, replayed } from '../runtime/answers.ts';
import { countMetric } from '../runtime/metrics.ts';
import { type Caller, maySee } from '../runtime/requests.ts';
import { renderTransfer } from './render.ts';

/** The fields of a charge by those of the transfer that it becomes. */
const CHARGE_FIELDS: Readonly<Record<string, string>> = {
  debit: 'account',
  credit: 'account',
  occurredAt: 'effectiveAt',
};

export function fieldOf(kind: Transfer['kind'], field: string): string {
  return kind === 'charge' ? (CHARGE_FIELDS[field] ?? field) : field;
}

/** What an answer speaks of, as far as it is known when the answer is given. */
export type Asked = Pick<Transfer, 'kind'> & Partial<Pick<Transfer, 'debit' | 'amount'>>;

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

function refusalAnswer(refusal: Refusal, asked: Asked): Answer {
  if (refusal.kind === 'ledger-paused') {
    const detail = `New transfers are held back: ${refusal.reason} Send the same request again later.`;
    return problem('ledger-paused', detail);
  }
  const { account } = refusal;
  const field = fieldOf(asked.kind, account === asked.debit ? 'debit' : 'credit');
  switch (refusal.kind) {
    case 'insufficient-funds': {
      const rule = `has less available than the amount, ${asked.amount}`;
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
    case 'account-unknown':
      return unknownAccount(account, field);
  }
}

/** Also what a bound key is told of accounts that it may not see: they do not exist for it. */
export function unknownAccount(account: string, field = 'account'): Answer {
  const rule = 'names an account that is not open';
  return problem('account-unknown', `There is no account "${account}". Open it first.`, [{ field, rule }]);
}
