import type { Chart } from '../../../domain/chart.ts';
import { billedAccountOf, billedAssetOf } from '../../../domain/invoices/invoice.ts';
import { getItems } from '../../../store/batch-get.ts';
import { openedInBucket } from '../../../store/books.ts';
import type { LedgerTable } from '../../../store/posting.ts';
import { historyFromItem } from '../../../store/statements.ts';
import { accountKey } from '../../../store/tables.ts';
import type { BilledFamily } from './ledger-lines.ts';

/** The billed accounts of a bucket in order of id, each with all open accounts of its path, which stand in the same bucket. */
export async function familiesOfBucket(
  { ledger, chart }: { readonly ledger: LedgerTable; readonly chart: Chart },
  bucket: string,
  isWanted: (account: string) => boolean,
): Promise<(Omit<BilledFamily, 'units'> & { readonly unitIds: readonly string[] })[]> {
  const families = new Map<string, string[]>();
  for (const id of await openedInBucket(ledger, bucket)) {
    const account = billedAccountOf(id);
    const units = families.get(account);
    if (units === undefined) families.set(account, [id]);
    else units.push(id);
  }
  return [...families]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([account, unitIds]) => {
      const asset = isWanted(account) ? billedAssetOf(chart, account) : undefined;
      return asset === undefined ? [] : [{ account, asset, unitIds }];
    });
}

/** The accounts of a family as they stand. */
export async function withUnits(
  ledger: LedgerTable,
  { unitIds, ...family }: Awaited<ReturnType<typeof familiesOfBucket>>[number],
): Promise<BilledFamily> {
  const items = await getItems(ledger, unitIds.map(accountKey));
  const units = unitIds.flatMap((id) => {
    const item = items.get(accountKey(id));
    return item === undefined ? [] : [historyFromItem(item)];
  });
  return { ...family, units };
}
