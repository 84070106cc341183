import type { account } from '../../contract/schemas/accounts.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { hold } from '../../contract/schemas/holds.ts';
import type { transfer } from '../../contract/schemas/transfers.ts';
import { type Account, usableOf } from '../../domain/accounts.ts';
import { quantityEntries } from '../../domain/evidence.ts';
import type { GrantShare } from '../../domain/grants.ts';
import { type Hold, holdStatus, type Resolution } from '../../domain/holds.ts';
import type { Instant } from '../../domain/time.ts';
import type { Reversals, Transfer } from '../../domain/transfers.ts';

/** From the domain to the wire: every amount becomes text. */

export function renderTransfer(posted: Transfer, reversals?: Reversals): OutputOf<typeof transfer> {
  const { amount, quantities, grant, burned, restored, ...fields } = posted;
  return {
    ...fields,
    amount: amount.toString(),
    ...(quantities !== undefined && { quantities: Object.fromEntries(quantityEntries(quantities)) }),
    ...(grant !== undefined && { grant: { ...grant, priority: Number(grant.priority) } }),
    ...(burned !== undefined && { burned: burned.map(renderShare) }),
    ...(restored !== undefined && { restored: restored.map(renderShare) }),
    ...(reversals !== undefined &&
      reversals.ids.length > 0 && {
        reversed: (amount - reversals.remaining).toString(),
        reversedBy: [...reversals.ids],
      }),
  };
}

function renderShare({ grant, amount }: GrantShare) {
  return { grant, amount: amount.toString() };
}

/** @param now decides what of it has expired and cannot be spent. */
export function renderAccount(known: Account, now: Instant): OutputOf<typeof account> {
  const { figures, creditLimit, grants: _grants, ...fields } = known;
  return {
    ...fields,
    creditLimit: creditLimit.toString(),
    ...(figures !== undefined && {
      credits: figures.credits.toString(),
      debits: figures.debits.toString(),
      held: figures.held.toString(),
      available: usableOf(known, now).toString(),
    }),
  };
}

/** A hold as it is at a moment. */
export function renderHold(held: Hold, resolution: Resolution | undefined, now: Instant): OutputOf<typeof hold> {
  const { amount, quantities, ...fields } = held;
  return {
    ...fields,
    amount: amount.toString(),
    ...(quantities !== undefined && { quantities: Object.fromEntries(quantityEntries(quantities)) }),
    status: holdStatus(held, resolution, now),
    ...(resolution !== undefined && { resolution: renderResolution(resolution) }),
  };
}

function renderResolution({ hold: _hold, captured, freed, ...fields }: Resolution) {
  return {
    ...fields,
    ...(captured !== undefined && { captured: captured.toString() }),
    freed: freed.toString(),
  };
}
