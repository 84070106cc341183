import type { Command } from 'commander';
import type * as z from 'zod';
import type { account } from '../../contract/schemas/accounts.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, listing } from '../format.ts';
import { type Io, print } from '../io.ts';

type Account = z.output<typeof account>;

interface OpenOptions {
  readonly openedOn?: string;
  readonly creditLimit?: string;
  readonly asset?: string;
  readonly json?: true;
}

/** `reckoner accounts open|show`. */
export function addAccounts(program: Command, { io, connect }: Context): void {
  const group = program.command('accounts').summary('open and show accounts').description('Opens and shows accounts.');
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
      printAccount(io, body, json);
    });
  group
    .command('show')
    .description('Shows an account and its balance.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).getAccount({ params: { accountId }, signal: io.signal }));
      printAccount(io, body, json);
    });
}

function printAccount(io: Io, body: Account, json: true | undefined): void {
  const amount = (minorUnits: string | undefined) => minorUnits && formatAmount(minorUnits, body.asset);
  print(
    io,
    json === true
      ? JSON.stringify(body, undefined, 2)
      : listing([
          ['Account', body.id],
          ['Status', body.status],
          ['Asset', body.asset],
          ['Balance', body.balance],
          ['Available', amount(body.available)],
          ['Credits', amount(body.credits)],
          ['Debits', amount(body.debits)],
          ['Credit limit', amount(body.creditLimit)],
          ['Opened on', body.openedOn],
        ]),
  );
}
