import type { Command } from 'commander';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { transfer } from '../../contract/schemas/transfers.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, listing } from '../format.ts';
import { note, print } from '../io.ts';

interface ReverseOptions {
  readonly id?: string;
  readonly amount?: string;
  readonly effectiveAt?: string;
  readonly description?: string;
  readonly json?: true;
}

/** `reckoner transfers show|reverse`. */
export function addTransfers(program: Command, { io, connect }: Context): void {
  const group = program
    .command('transfers')
    .summary('show a transfer, or take it back')
    .description('Shows transfers and takes them back.');
  group
    .command('show')
    .description('Shows a transfer and what was reversed of it.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (transferId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).getTransfer({ params: { transferId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : transferDetails(body));
    });
  group
    .command('reverse')
    .description('Takes back a transfer, whole or in part, by another transfer. Prints that one.')
    .argument('<id>', 'the transfer to take back')
    .option('--amount <amount>', 'how much, in minor units (default: all that remains)')
    .option('--effective-at <time>', 'when it counts (default: when the transfer counts that is taken back)')
    .option('--description <text>', 'shown with it')
    .option('--id <id>', 'name of the reversal; naming one that was posted before posts nothing')
    .option('--json', 'print JSON')
    .action(async (transferId: string, { json, id: chosen, ...fields }: ReverseOptions, command: Command) => {
      const client = connect(command);
      const id = chosen ?? `reversal-${io.newId()}`;
      // Said first: without an answer, this name is how it can be tried again and still be posted once.
      if (chosen === undefined) note(io, `The reversal is named ${id}; to try again, add --id ${id}`);
      const answer = await client.reverseTransfer({
        params: { transferId },
        body: { id, ...fields },
        signal: io.signal,
      });
      const body = expectOk(answer);
      print(io, json === true ? JSON.stringify(body, undefined, 2) : transferDetails(body));
      if (answer.status === 200) note(io, `${id} was posted before; nothing was posted now.`);
    });
}

export function transferDetails(body: OutputOf<typeof transfer>): string {
  const amount = (minorUnits: string | undefined) => minorUnits && formatAmount(minorUnits, body.asset);
  const quantities = Object.entries(body.quantities ?? {}).map(([dimension, quantity]) => `${quantity} ${dimension}`);
  const shares = (parts: typeof body.burned) =>
    parts?.map((share) => `${formatAmount(share.amount, body.asset)} of ${share.grant}`).join(', ');
  return listing([
    ['Transfer', body.id],
    ['Kind', body.kind],
    ['Debit', body.debit],
    ['Credit', body.credit],
    ['Amount', amount(body.amount)],
    ['Counts at', body.effectiveAt],
    ['Recorded at', body.recordedAt],
    ['Request', body.requestId],
    ['Operation', body.operation],
    ['Quantities', quantities.length === 0 ? undefined : quantities.join(', ')],
    ['Rate card', body.rateCard],
    ['Key', body.key],
    ['Description', body.description],
    ['Priority', body.grant?.priority.toString()],
    ['Expires at', body.grant?.expiresAt],
    ['Burned', shares(body.burned)],
    ['Restored', shares(body.restored)],
    ['Takes back', body.corrects],
    ['Captures', body.hold],
    ['Reversed', amount(body.reversed)],
    ['Reversed by', body.reversedBy?.length ? body.reversedBy.join(', ') : undefined],
  ]);
}
