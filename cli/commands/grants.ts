import type { Command } from 'commander';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { grants } from '../../contract/schemas/grants.ts';
import type { Context } from '../context.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { formatAmount, listing, table } from '../format.ts';
import { note, print } from '../io.ts';
import { transferDetails } from './transfers.ts';

interface CreateOptions {
  readonly source: string;
  readonly priority?: string;
  readonly expiresAt?: string;
  readonly description?: string;
  readonly id?: string;
  readonly json?: true;
}

type Grants = OutputOf<typeof grants>;

/** `reckoner grants create`. */
export function addGrants(program: Command, { io, connect }: Context): void {
  const group = program
    .command('grants')
    .summary('grant credits that may expire')
    .description('Grants credits, which are burned before paid money and may expire.');
  group
    .command('create')
    .description('Grants an amount to an account. Prints the transfer that it is.')
    .argument('<account>', 'such as customer:acme')
    .argument('<amount>', 'in minor units')
    .requiredOption('--source <account>', 'the platform account that pays it, such as platform:promotions')
    .option('--priority <number>', 'from 0 to 1000; lower is burned first (default: 100)')
    .option('--expires-at <time>', 'the first moment at which it cannot be spent any more (default: it lasts)')
    .option('--description <text>', 'shown with it')
    .option('--id <id>', 'name of the grant; naming one that was given before gives nothing')
    .option('--json', 'print JSON')
    .action(async (account: string, amount: string, options: CreateOptions, command: Command) => {
      const { json, id: chosen, priority, ...fields } = options;
      const id = chosen ?? `grant-${io.newId()}`;
      const rank = priority === undefined ? {} : { priority: wholeNumber(priority) };
      // Said first: without an answer, this name is how it can be tried again and still be given once.
      if (chosen === undefined) note(io, `The grant is named ${id}; to try again, add --id ${id}`);
      const body = { id, account, amount, ...fields, ...rank };
      const answer = await connect(command).postGrant({ body, signal: io.signal });
      const posted = expectOk(answer);
      print(io, json === true ? JSON.stringify(posted, undefined, 2) : transferDetails(posted));
      if (answer.status === 200) note(io, `${id} was given before; nothing was given now.`);
    });
}

/** `reckoner accounts grants`. */
export function addAccountGrants(accounts: Command, { io, connect }: Context): void {
  accounts
    .command('grants')
    .description('Lists what is left of the grants of an account in the order of burning, and what is paid money.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).getGrants({ params: { accountId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : grantsTable(body));
    });
}

function wholeNumber(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new CommandFailedError('--priority must be a whole number, such as 100.');
}

function grantsTable({ asset, at, grants: left, granted, paid, expired }: Grants): string {
  const rows = left.map(({ id, remaining, priority, expiresAt }) => [
    id,
    priority.toString(),
    expiresAt === undefined ? 'never' : expiresAt <= at ? `${expiresAt} (expired)` : expiresAt,
    formatAmount(remaining, asset),
  ]);
  const totals = listing([
    ['Granted', formatAmount(granted, asset)],
    ['Paid', formatAmount(paid, asset)],
    ['Expired', expired === '0' ? undefined : `${formatAmount(expired, asset)}, not posted to breakage yet`],
  ]);
  if (rows.length === 0) return totals;
  return [table(['Grant', 'Priority', 'Expires', 'Left'], rows, [1, 3]), totals].join('\n');
}
