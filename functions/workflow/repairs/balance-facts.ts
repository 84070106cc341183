import type { ChartEntry } from '../../../domain/chart.ts';
import { sameFigures } from '../../../domain/reconciliation/balances.ts';
import type { BalanceFacts } from '../../../domain/repairs/rebalance.ts';
import { addDays, dayOf } from '../../../domain/time.ts';
import { sumTransfers } from '../../../store/books.ts';
import { getBalance } from '../../../store/rebalance.ts';
import { type BalanceDeps, sumHolds } from '../reconciliation/balance-slice.ts';

/** Looks at a balance that moves while its transfers are summed. */
const LOOKS_MAX = 5;

/** An index is usually a fraction of a second behind its table; a balance must stand still for as long (milliseconds). */
const INDEX_LAG_MS = 2_000;

/** What a strict balance should be, summed while it stood still; or why that cannot be told. */
export async function readBalanceFacts(
  deps: BalanceDeps,
  account: string,
  entry: ChartEntry,
): Promise<BalanceFacts | string> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const before = await getBalance(deps.books, account);
    if (before === undefined) return 'The account keeps no balance; it was opened under another chart.';
    await deps.wait(INDEX_LAG_MS);
    const { openedOn, creditLimit, grants } = before.account;
    // Tomorrow too, because callers' clocks may be ahead of midnight.
    const until = `${addDays(dayOf(deps.now()), 1)}T23:59:59.999Z`;
    const sums = await sumTransfers(deps.books, account, { openedOn, before: until }, entry, grants !== undefined);
    const held = await sumHolds(deps, before.account);
    const after = await getBalance(deps.books, account);
    if (after === undefined || !sameFigures(before.figures, after.figures)) continue;
    const { figures, rebalancedBy } = after;
    return {
      ...{ figures, sums, held, creditLimit },
      ...(rebalancedBy !== undefined && { rebalancedBy }),
      ...(grants !== undefined && { grants }),
    };
  }
  return 'The balance moves too fast to be compared; freeze the account or wait for a quiet time, and plan again.';
}
