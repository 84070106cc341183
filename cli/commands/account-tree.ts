import type { Command } from 'commander';
import type { accountTree } from '../../contract/schemas/accounts.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, plural, table } from '../format.ts';
import { print } from '../io.ts';

type Tree = OutputOf<typeof accountTree>;

/** `reckoner accounts tree`. */
export function addAccountTree(accounts: Command, { io, connect }: Context): void {
  accounts
    .command('tree')
    .description('Lists an account and all below its path, with what each has and what they have together.')
    .argument('<id>', 'such as customer:acme, for customer:acme:team-1 and customer:acme:team-2 too')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json }: { json?: true }, command: Command) => {
      const body = expectOk(await connect(command).getAccountTree({ params: { accountId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : treeTable(body));
    });
}

function treeTable({ account, accounts, totals }: Tree): string {
  const figures = ({ asset, posted, held, available }: Tree['totals'][number] | Tree['accounts'][number]) =>
    [posted, held, available].map((amount) => (amount === undefined ? '' : formatAmount(amount, asset)));
  const rows = [
    ...accounts.map((one) => [one.id, one.status, ...figures(one)]),
    ...totals.map((total) => [`Total of ${plural(total.accounts, 'account')}`, '', ...figures(total)]),
  ];
  return [
    `${account} and what is below it`,
    table(['Account', 'Status', 'Posted', 'Held', 'Available'], rows, [2, 3, 4]),
  ].join('\n');
}
