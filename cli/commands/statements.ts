import { type Command, Option } from 'commander';
import type { Client } from '../../contract/client.ts';
import { STATEMENT_ROWS_MAX } from '../../contract/limits.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { balance, statement, usageSummary } from '../../contract/schemas/statements.ts';
import { type Context, wholeNumber } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, formatCount, listing, plural, table } from '../format.ts';
import { type Io, note, print } from '../io.ts';

type Statement = OutputOf<typeof statement>;
type Line = Statement['transfers'][number];
type Usage = OutputOf<typeof usageSummary>;

interface StatementOptions {
  readonly from?: string;
  readonly to?: string;
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
  readonly json?: true;
}

interface BalanceOptions {
  readonly effectiveAt?: string;
  readonly knownAt?: string;
  readonly json?: true;
}

interface UsageOptions {
  readonly from?: string;
  readonly to?: string;
  readonly by?: 'key';
  readonly under?: true;
  readonly json?: true;
}

/** Transfers that a statement lists where nobody says; a person reads no more. */
const LISTED = 1_000;
/** They are held in memory until the last one is there, at half a kilobyte each. */
const LISTED_MAX = 100_000;

/** `reckoner accounts statement|balance|usage`. */
export function addStatements(accounts: Command, { io, connect }: Context): void {
  accounts
    .command('statement')
    .description('Lists the transfers of an account by the time that they count.')
    .argument('<id>')
    .option('--from <day>', 'first day (UTC; default: the last 90 days)')
    .option('--to <day>', 'last day, inclusive (default: today)')
    .addOption(new Option('--order <order>', 'earliest first, or latest (default: asc)').choices(['asc', 'desc']))
    .option('--limit <count>', `how many to list (default: ${LISTED})`, wholeNumber(1, LISTED_MAX))
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json, ...options }: StatementOptions, command: Command) => {
      const body = await readStatement(io, connect(command), accountId, options);
      print(io, json === true ? JSON.stringify(body, undefined, 2) : statementTable(body));
      if (body.next === undefined) return;
      note(
        io,
        `There are more than ${plural(body.transfers.length, 'transfer')}; ask for fewer days or a higher --limit.`,
      );
    });
  accounts
    .command('balance')
    .description('Sums the transfers of an account, as of a time and as far as they were known at a time.')
    .argument('<id>')
    .option('--effective-at <time>', 'what counts until this time, such as 2026-11-20T08:15:30Z (default: everything)')
    .option('--known-at <time>', 'what the ledger knew by this time (default: everything)')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json, ...query }: BalanceOptions, command: Command) => {
      const body = expectOk(await connect(command).getBalance({ params: { accountId }, query, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : balanceDetails(body));
    });
  accounts
    .command('usage')
    .description('Sums what an account was charged, by day, from the ledger alone.')
    .argument('<id>')
    .option('--from <day>', 'first day (UTC; default: the last 90 days)')
    .option('--to <day>', 'last day, inclusive (default: today)')
    .addOption(new Option('--by <what>', 'also divide it by the API keys that charged').choices(['key']))
    .option('--under', 'sum the usage of all accounts below it too')
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json, under, ...range }: UsageOptions, command: Command) => {
      const query = { ...range, ...(under === true && { under: 'true' as const }) };
      const body = expectOk(await connect(command).getUsage({ params: { accountId }, query, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : usageTables(body));
    });
}

/** All pages as one, up to a limit; with `next` where more would follow. */
async function readStatement(
  io: Io,
  client: Client,
  accountId: string,
  { limit = LISTED, ...range }: Omit<StatementOptions, 'json'>,
): Promise<Statement> {
  const transfers: Line[] = [];
  let cursor: string | undefined;
  for (;;) {
    const rows = Math.min(STATEMENT_ROWS_MAX, limit - transfers.length).toString();
    // A cursor brings its range and order along.
    const query = cursor === undefined ? { ...range, limit: rows } : { cursor, limit: rows };
    const page = expectOk(await client.getStatement({ params: { accountId }, query, signal: io.signal }));
    transfers.push(...page.transfers);
    if (page.next === undefined || transfers.length >= limit) return { ...page, transfers };
    cursor = page.next;
  }
}

function statementTable({ account, asset, from, to, transfers }: Statement): string {
  if (transfers.length === 0) return `${account} has no transfers from ${from} to ${to}.`;
  const rows = transfers.map((line) => [
    line.effectiveAt,
    line.id,
    line.counterparty,
    formatAmount(line.amount, asset),
    purposeOf(line),
  ]);
  return [
    `Statement of ${account}: ${from} to ${to}`,
    table(['Counts at', 'Transfer', 'With', 'Amount', 'What for'], rows, [3]),
  ].join('\n');
}

function purposeOf({ operation, corrects, description }: Line): string {
  const correction = corrects === undefined ? undefined : `takes back ${corrects}`;
  return [operation, correction, description].filter((part) => part !== undefined).join('; ');
}

function balanceDetails(body: OutputOf<typeof balance>): string {
  const amount = (minorUnits: string | undefined) => minorUnits && formatAmount(minorUnits, body.asset);
  return listing([
    ['Account', body.account],
    ['Counted until', body.effectiveAt],
    ['Known by', body.knownAt],
    ['Credits', amount(body.credits)],
    ['Debits', amount(body.debits)],
    ['Balance', amount(body.balance)],
    // What the account itself keeps may be some moments ahead of the sums.
    ['Kept credits', amount(body.kept?.credits)],
    ['Kept debits', amount(body.kept?.debits)],
    ['Kept balance', amount(body.kept?.balance)],
    ['Available', amount(body.kept?.available)],
  ]);
}

function usageTables({ account, asset, from, to, accounts, days, keys, remaining, ...total }: Usage): string {
  const figures = ({ requests, amount }: Pick<Usage, 'requests' | 'amount'>) => [
    formatCount(requests),
    formatAmount(amount, asset),
  ];
  const byDay = [...days.map(({ day, ...one }) => [day, ...figures(one)]), ['Total', ...figures(total)]];
  const byKey = keys?.map(({ key, ...one }) => [key, ...figures(one)]);
  return [
    `Usage of ${account}${accounts === undefined ? '' : ` (${plural(accounts, 'account')})`}: ${from} to ${to}`,
    table(['Day', 'Requests', 'Amount'], byDay, [1, 2]),
    ...(byKey === undefined ? [] : [table(['Key', 'Requests', 'Amount'], byKey, [1, 2])]),
    ...(remaining === undefined ? [] : [`Available now: ${formatAmount(remaining, asset)}`]),
  ].join('\n');
}
