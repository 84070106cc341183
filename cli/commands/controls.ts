import type { Command } from 'commander';
import type * as z from 'zod';
import type { ledgerControl } from '../../contract/schemas/controls.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { listing } from '../format.ts';
import { print } from '../io.ts';

/** `reckoner controls show|pause|resume`: whether the ledger takes new transfers. */
export function addControls(program: Command, { io, connect }: Context): void {
  const group = program
    .command('controls')
    .summary('pause the ledger, or let it go on')
    .description('Shows and sets whether the ledger takes new transfers.');
  group
    .command('show')
    .description('Shows whether the ledger is paused, since when, and why.')
    .action(async (_: unknown, command: Command) => {
      print(io, describe(expectOk(await connect(command).getLedgerControl({ signal: io.signal }))));
    });
  const changes = [
    { name: 'pause', paused: true, does: 'Holds back all new transfers, everywhere within 15 seconds.' },
    { name: 'resume', paused: false, does: 'Lets transfers go on.' },
  ];
  for (const { name, paused, does } of changes) {
    group
      .command(name)
      .description(does)
      .requiredOption('--reason <text>', 'why, for whoever reads it next')
      .action(async ({ reason }: { reason: string }, command: Command) => {
        const body = { paused, reason };
        print(io, describe(expectOk(await connect(command).setLedgerControl({ body, signal: io.signal }))));
      });
  }
}

function describe(control: z.output<typeof ledgerControl>): string {
  return listing([
    ['Ledger', control.paused ? 'paused' : 'open'],
    ['Reason', control.reason === '' ? undefined : control.reason],
    ['Since', control.changedAt],
    ['By', control.changedBy],
  ]);
}
