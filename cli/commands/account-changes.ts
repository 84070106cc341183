import type { Command } from 'commander';
import { accountDetails } from '../account-details.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { print } from '../io.ts';

interface StatusOptions {
  readonly reason: string;
  readonly json?: true;
}

/** `reckoner accounts freeze|unfreeze|close|limit`. */
export function addAccountChanges(accounts: Command, { io, connect }: Context): void {
  const changes = [
    { name: 'freeze', operation: 'freezeAccount', does: 'Lets no transfer touch an account until it is unfrozen.' },
    { name: 'unfreeze', operation: 'unfreezeAccount', does: 'Lets transfers touch a frozen account again.' },
    { name: 'close', operation: 'closeAccount', does: 'Closes an account whose balance is zero, for ever.' },
  ] as const;
  for (const { name, operation, does } of changes) {
    accounts
      .command(name)
      .description(`${does} Saying it again changes nothing.`)
      .argument('<id>')
      .requiredOption('--reason <text>', 'why; shown with the account, to whoever may read it')
      .option('--json', 'print JSON')
      .action(async (accountId: string, { reason, json }: StatusOptions, command: Command) => {
        const call = { params: { accountId }, body: { reason }, signal: io.signal };
        const body = expectOk(await connect(command)[operation](call));
        print(io, json === true ? JSON.stringify(body, undefined, 2) : accountDetails(body));
      });
  }
  accounts
    .command('limit')
    .description('Says how far below zero the balance of an account may go; never less than it uses.')
    .argument('<id>')
    .argument('<amount>', 'the credit limit in minor units; 0 for none')
    .option('--json', 'print JSON')
    .action(async (accountId: string, creditLimit: string, { json }: { json?: true }, command: Command) => {
      const call = { params: { accountId }, body: { creditLimit }, signal: io.signal };
      const body = expectOk(await connect(command).setCreditLimit(call));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : accountDetails(body));
    });
}
