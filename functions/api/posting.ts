import { CLOCK_SKEW_MS_MAX } from '../../contract/limits.ts';
import { addMilliseconds, type Instant } from '../../domain/time.ts';
import type { TransferClaims, TransferResult } from '../../domain/transfers.ts';
import { postTransfer, replayOf } from '../../store/ledger.ts';
import type { Posting } from '../../store/posting.ts';
import { type Answer, invalid } from '../runtime/answers.ts';
import { logger } from '../runtime/logger.ts';
import type { Caller } from '../runtime/requests.ts';
import type { LedgerDeps } from './ledger-deps.ts';
import { type Asked, answerOf } from './outcomes.ts';

/** The one way into the ledger; a paused ledger still answers replays, because they change nothing. */
export async function post(
  deps: LedgerDeps,
  caller: Caller,
  asked: Asked & { readonly id: string; readonly claims: TransferClaims },
  write: () => Promise<TransferResult>,
): Promise<Answer> {
  logger.appendKeys({ transferId: asked.id });
  const { paused, reason } = (await deps.settings.get()).ledgerControl;
  const result = paused
    ? ((await replayOf(deps.store, asked.id, asked.claims)) ?? { kind: 'ledger-paused', reason })
    : await write();
  return answerOf(result, caller, asked);
}

export function postTransferOnce(
  deps: LedgerDeps,
  caller: Caller,
  posting: Posting,
  kind: Asked['kind'] = posting.transfer.kind,
): Promise<Answer> {
  const { transfer, claims } = posting;
  return post(deps, caller, { ...transfer, kind, claims }, () => postTransfer(deps.store, posting));
}

/** When a request was accepted, and when it is written down, which is later where it waited in a queue. */
export interface Times {
  readonly acceptedAt: Instant;
  readonly now: Instant;
}

export function timesOf(deps: Pick<LedgerDeps, 'now'>): Times {
  const now = deps.now();
  return { acceptedAt: now, now };
}

/** What a request to post comes to before the ledger is asked. */
export type Prepared =
  | { readonly kind: 'posting'; readonly posting: Posting }
  /** Not to be posted, which is only told when its id is not posted already. */
  | {
      readonly kind: 'refused';
      readonly id: string;
      readonly asked: Asked;
      readonly claims: TransferClaims;
      readonly refuse: () => Answer;
    }
  /** Breaks a rule, whatever the ledger holds. */
  | { readonly kind: 'answered'; readonly answer: Answer };

export async function postPrepared(deps: LedgerDeps, caller: Caller, prepared: Prepared): Promise<Answer> {
  if (prepared.kind === 'answered') return prepared.answer;
  if (prepared.kind === 'posting') return postTransferOnce(deps, caller, prepared.posting);
  const replay = await replayOf(deps.store, prepared.id, prepared.claims);
  return replay === undefined ? prepared.refuse() : answerOf(replay, caller, prepared.asked);
}

/** Whether a time is further ahead than a caller's clock may be. */
export function isAhead(at: Instant, now: Instant): boolean {
  return at > addMilliseconds(now, CLOCK_SKEW_MS_MAX);
}

export function ahead(field: string): Answer {
  return invalid([{ field, rule: `must not be more than ${CLOCK_SKEW_MS_MAX / 60_000} minutes in the future` }]);
}
