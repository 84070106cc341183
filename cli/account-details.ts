import type { account } from '../contract/schemas/accounts.ts';
import type { OutputOf } from '../contract/schemas/deferred.ts';
import { formatAmount, listing } from './format.ts';

/** An account as a person reads it: what it is, what it has, and who changed its status and why. */
export function accountDetails(body: OutputOf<typeof account>): string {
  const amount = (minorUnits: string | undefined) => minorUnits && formatAmount(minorUnits, body.asset);
  const metadata = Object.entries(body.metadata ?? {}).map(([name, text]) => `${name}=${text}`);
  return listing([
    ['Account', body.id],
    ['Status', body.status],
    ['Reason', body.statusReason],
    ['Since', body.statusChangedAt],
    ['By', body.statusChangedBy],
    ['Asset', body.asset],
    ['Balance', body.balance],
    ['Available', amount(body.available)],
    ['Held', body.held === undefined || body.held === '0' ? undefined : amount(body.held)],
    ['Credits', amount(body.credits)],
    ['Debits', amount(body.debits)],
    ['Credit limit', amount(body.creditLimit)],
    ['Opened on', body.openedOn],
    ['Metadata', metadata.length === 0 ? undefined : metadata.join(', ')],
  ]);
}
