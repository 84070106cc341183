import type { Command } from 'commander';
import { accountDetails } from '../account-details.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { print } from '../io.ts';
import { addAccountChanges } from './account-changes.ts';
import { addAccountTree } from './account-tree.ts';
import { addAccountGrants } from './grants.ts';
import { addAccountHolds } from './holds.ts';
import { addStatements } from './statements.ts';

interface OpenOptions {
  readonly openedOn?: string;
  readonly creditLimit?: string;
  readonly asset?: string;
  readonly json?: true;
}

/** `reckoner accounts`: opens accounts, shows and changes them, and reads what happened on them. */
export function addAccounts(program: Command, context: Context): void {
  const { io, connect } = context;
  const group = program
    .command('accounts')
    .summary('open, show and change accounts')
    .description('Opens accounts, shows and changes them, and reads what happened on them.');
  group
    .command('open')
    .description('Opens an account. Opening it again the same way changes nothing.')
    .argument('<id>', 'such as customer:acme')
    .option('--opened-on <day>', 'first day that its transfers may count on (default: today)')
    .option('--credit-limit <amount>', 'how far below zero a strict balance may go, in minor units')
    .option('--asset <asset>', 'checked against what the chart of accounts says')
    .option('--json', 'print JSON')
    .action(async (id: string, { json, ...fields }: OpenOptions, command: Command) => {
      const body = expectOk(await connect(command).openAccount({ body: { id, ...fields }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : accountDetails(body));
    });
  group
    .command('show')
    .description('Shows an account and its balance.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).getAccount({ params: { accountId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : accountDetails(body));
    });
  addAccountChanges(group, context);
  addStatements(group, context);
  addAccountHolds(group, context);
  addAccountGrants(group, context);
  addAccountTree(group, context);
}
