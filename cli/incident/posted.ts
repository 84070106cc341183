import { parse } from 'csv-parse';
import * as z from 'zod';
import { download } from '../download.ts';
import { CommandFailedError } from '../failure.ts';
import type { Io } from '../io.ts';

/** What repairs posted, in minor units, by asset: to the customers' debit (charged) and credit (given back). */
export type Posted = Map<string, { debited: bigint; credited: bigint; transfers: number }>;

/** A row of a repair's results.csv, as far as it is added up here. */
const row = z.object({
  account: z.string(),
  asset: z.string(),
  debit: z.string(),
  credit: z.string(),
  amount: z.union([z.literal(''), z.string().regex(/^[0-9]+$/)]),
  outcome: z.string(),
});

/** Adds up what a repair itself posted, step by step. @throws CommandFailedError when the file is none of a repair. */
export async function addPosted(io: Io, link: string, to: Posted): Promise<void> {
  const rows = download(io, link).pipe(parse({ columns: true, bom: true }));
  try {
    for await (const each of rows) addRow(row.parse(each), to);
  } catch (error) {
    io.signal.throwIfAborted();
    if (error instanceof CommandFailedError) throw error;
    throw new CommandFailedError(`The results of a repair could not be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function addRow({ account, asset, debit, credit, amount, outcome }: z.output<typeof row>, to: Posted): void {
  // Rulings and balances that are set move nothing.
  if (outcome !== 'posted' || amount === '') return;
  const posted = to.get(asset) ?? { debited: 0n, credited: 0n, transfers: 0 };
  to.set(asset, posted);
  posted.transfers += 1;
  if (debit === account) posted.debited += BigInt(amount);
  if (credit === account) posted.credited += BigInt(amount);
}
