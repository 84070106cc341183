import { type Command, Option } from 'commander';
import type { Client } from '../../contract/client.ts';
import { HOLD_SECONDS, HOLD_SECONDS_MAX, HOLD_SECONDS_MIN, HOLDS_LISTED_MAX } from '../../contract/limits.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { accountHolds, hold, holdReport } from '../../contract/schemas/holds.ts';
import { type Context, wholeNumber } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, formatCount, listing, plural, table } from '../format.ts';
import { pair } from '../import-file.ts';
import { type Io, note, print } from '../io.ts';
import { transferDetails } from './transfers.ts';

type Hold = OutputOf<typeof hold>;
type Report = OutputOf<typeof holdReport>;
type AccountHolds = OutputOf<typeof accountHolds>;

interface UsageOptions {
  readonly amount?: string;
  readonly operation?: string;
  readonly quantity?: Readonly<Record<string, string>>;
  readonly requestId?: string;
  readonly description?: string;
  readonly id?: string;
  readonly json?: true;
}

interface CreateOptions extends UsageOptions {
  readonly credit?: string;
  readonly expiresAt?: string;
  readonly expiresIn?: number;
}

interface CaptureOptions extends UsageOptions {
  readonly effectiveAt?: string;
}

interface ListOptions {
  readonly status?: 'open' | 'all';
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
  readonly json?: true;
}

interface ReportOptions extends Omit<ListOptions, 'status'> {
  readonly status?: 'expired' | 'uncaptured';
}

/** Holds that are listed where nobody says; a person reads no more. */
const LISTED = 1_000;
/** They are held in memory until the last one is there, at half a kilobyte each. */
const LISTED_MAX = 100_000;

/** `reckoner holds create|capture|release|show|report`. */
export function addHolds(program: Command, context: Context): void {
  const group = program
    .command('holds')
    .summary('hold funds, capture or release them, and report holds never captured')
    .description('Holds funds of accounts, captures and releases them, and reports holds that were never captured.');
  addCreate(group, context);
  addCapture(group, context);
  addEndings(group, context);
  addReport(group, context);
}

/** `reckoner accounts holds`. */
export function addAccountHolds(accounts: Command, { io, connect }: Context): void {
  accounts
    .command('holds')
    .description('Lists the holds of an account by the time at which they expire.')
    .argument('<id>')
    .addOption(new Option('--status <status>', 'what is listed (default: open)').choices(['open', 'all']))
    .option('--from <day>', 'first day of expiry (UTC; default: today)')
    .option('--to <day>', 'last day of expiry, inclusive (default: the last on which a hold of now can expire)')
    .option('--limit <count>', `how many to list (default: ${LISTED})`, wholeNumber(1, LISTED_MAX))
    .option('--json', 'print JSON')
    .action(async (accountId: string, { json, ...options }: ListOptions, command: Command) => {
      const client = connect(command);
      const body = await readPages<AccountHolds>(options, async (query) =>
        expectOk(await client.listAccountHolds({ params: { accountId }, query, signal: io.signal })),
      );
      print(io, json === true ? JSON.stringify(body, undefined, 2) : holdTable(body));
      noteMore(io, body);
    });
}

function addCreate(group: Command, { io, connect }: Context): void {
  withUsage(group.command('create'))
    .description('Holds an amount, or what an estimate of usage costs. Prints the hold.')
    .argument('<account>', 'whose funds are held, such as customer:acme')
    .option('--amount <amount>', 'how much, in minor units; goes with --credit')
    .option('--credit <account>', 'whom a capture pays')
    .option(
      '--expires-in <seconds>',
      `how long it lasts (default: ${HOLD_SECONDS})`,
      wholeNumber(HOLD_SECONDS_MIN, HOLD_SECONDS_MAX),
    )
    .option('--expires-at <time>', 'until when, instead')
    .option('--id <id>', 'name of the hold; naming one that is there holds nothing more')
    .action(async (account: string, options: CreateOptions, command: Command) => {
      const { json, id: chosen, quantity, expiresIn, ...fields } = options;
      const client = connect(command);
      const id = chosen ?? `hold-${io.newId()}`;
      // Said first: without an answer, this name is how it can be tried again and still be held once.
      if (chosen === undefined) note(io, `The hold is named ${id}; to try again, add --id ${id}`);
      const body = {
        ...{ id, account, ...fields, ...usageOf(quantity, fields.operation) },
        ...(expiresIn !== undefined && { expiresInSeconds: expiresIn }),
      };
      const answer = await client.createHold({ body, signal: io.signal });
      show(io, expectOk(answer), json);
      if (answer.status === 200) note(io, `${id} was there before; nothing was held now.`);
    });
}

function addCapture(group: Command, { io, connect }: Context): void {
  withUsage(group.command('capture'))
    .description('Takes what is held, whole or in part, by a transfer. Prints that one; the rest is free at once.')
    .argument('<id>', 'the hold to capture')
    .option('--amount <amount>', 'how much, in minor units (default: all that is held)')
    .option('--effective-at <time>', 'when it counts (default: now)')
    .option('--id <id>', 'name of the transfer; naming one that was posted before posts nothing')
    .action(async (holdId: string, options: CaptureOptions, command: Command) => {
      const { json, id: chosen, quantity, ...fields } = options;
      const client = connect(command);
      const id = chosen ?? `capture-${io.newId()}`;
      if (chosen === undefined) note(io, `The transfer is named ${id}; to try again, add --id ${id}`);
      const body = { id, ...fields, ...usageOf(quantity, fields.operation) };
      const answer = await client.captureHold({ params: { holdId }, body, signal: io.signal });
      const posted = expectOk(answer);
      print(io, json === true ? JSON.stringify(posted, undefined, 2) : transferDetails(posted));
      if (answer.status === 200) note(io, `${id} was posted before; nothing was posted now.`);
    });
}

function addEndings(group: Command, { io, connect }: Context): void {
  group
    .command('release')
    .description('Frees all that is held. Releasing it again changes nothing.')
    .argument('<id>')
    .option('--reason <text>', 'shown with it')
    .option('--json', 'print JSON')
    .action(async (holdId: string, { json, ...body }: { reason?: string; json?: true }, command: Command) => {
      const answer = await connect(command).releaseHold({ params: { holdId }, body, signal: io.signal });
      show(io, expectOk(answer), json);
    });
  group
    .command('show')
    .description('Shows a hold and how it ended.')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (holdId: string, { json }: { json?: true }, command: Command) => {
      show(io, expectOk(await connect(command).getHold({ params: { holdId }, signal: io.signal })), json);
    });
}

function addReport(group: Command, { io, connect }: Context): void {
  group
    .command('report')
    .description('Reports the holds of all accounts that were never captured, by the time at which they expire.')
    .addOption(
      new Option(
        '--status <status>',
        'uncaptured: expired or released (the default); expired: ended by nobody',
      ).choices(['uncaptured', 'expired']),
    )
    .option('--from <day>', 'first day of expiry (UTC; default: the last 7 days)')
    .option('--to <day>', 'last day of expiry, inclusive (default: today)')
    .option('--limit <count>', `how many to list (default: ${LISTED})`, wholeNumber(1, LISTED_MAX))
    .option('--json', 'print JSON')
    .action(async ({ json, ...options }: ReportOptions, command: Command) => {
      const client: Client = connect(command);
      const body = await readPages<Report>(options, async (query) =>
        expectOk(await client.listHolds({ query, signal: io.signal })),
      );
      const report = { ...body, totals: totalsOf(body.holds) };
      print(io, json === true ? JSON.stringify(report, undefined, 2) : reportTables(report));
      noteMore(io, report);
    });
}

function withUsage(command: Command): Command {
  return command
    .option('--operation <name>', 'by usage: the operation')
    .option('--quantity <dimension=number>', 'by usage: how much of it; repeatable', pair)
    .option('--request-id <id>', 'the request that evidence names')
    .option('--description <text>', 'shown with it')
    .option('--json', 'print JSON');
}

/** An operation without quantities is one whose price does not depend on any. */
function usageOf(
  quantities: Readonly<Record<string, string>> | undefined,
  operation: string | undefined,
): { quantities?: Readonly<Record<string, string>> } {
  return quantities === undefined && operation === undefined ? {} : { quantities: quantities ?? {} };
}

interface Page {
  readonly holds: readonly Hold[];
  readonly next?: string | undefined;
}

/** All pages as one, up to a limit; with `next` where more would follow. */
async function readPages<Body extends Page>(
  { limit = LISTED, ...said }: Omit<ListOptions, 'json' | 'status'> & { readonly status?: string },
  read: (query: Record<string, string>) => Promise<Body>,
): Promise<Body> {
  const holds: Hold[] = [];
  let cursor: string | undefined;
  for (;;) {
    const rows = Math.min(HOLDS_LISTED_MAX, limit - holds.length).toString();
    // A cursor brings its range and status along.
    const page = await read({ ...(cursor === undefined ? said : { cursor }), limit: rows });
    holds.push(...page.holds);
    if (page.next === undefined || holds.length >= limit) return { ...page, holds };
    cursor = page.next;
  }
}

function noteMore(io: Io, { holds, next }: Page): void {
  if (next === undefined) return;
  note(io, `There are more than ${plural(holds.length, 'hold')}; ask for fewer days or a higher --limit.`);
}

function show(io: Io, body: Hold, json: true | undefined): void {
  print(io, json === true ? JSON.stringify(body, undefined, 2) : holdDetails(body));
}

function holdDetails(body: Hold): string {
  const amount = (minorUnits: string | undefined) => minorUnits && formatAmount(minorUnits, body.asset);
  const quantities = Object.entries(body.quantities ?? {}).map(([dimension, quantity]) => `${quantity} ${dimension}`);
  const { resolution } = body;
  return listing([
    ['Hold', body.id],
    ['Status', body.status],
    ['Account', body.account],
    ['Pays', body.credit],
    ['Amount', amount(body.amount)],
    ['Made at', body.createdAt],
    ['Expires at', body.expiresAt],
    ['Request', body.requestId],
    ['Operation', body.operation],
    ['Quantities', quantities.length === 0 ? undefined : quantities.join(', ')],
    ['Rate card', body.rateCard],
    ['Key', body.key],
    ['Description', body.description],
    ['Ended at', resolution?.at],
    ['Ended by', resolution?.by],
    ['Reason', resolution?.reason],
    ['Captured', amount(resolution?.captured)],
    ['Captured by', resolution?.transferId],
    ['Freed', amount(resolution?.freed)],
  ]);
}

function holdTable({ account, status, from, to, holds }: AccountHolds): string {
  const which = status === 'open' ? 'open holds' : 'holds';
  if (holds.length === 0) return `${account} has no ${which} that expire from ${from} to ${to}.`;
  return [
    `${which === 'holds' ? 'Holds' : 'Open holds'} of ${account} that expire from ${from} to ${to}`,
    table(['Expires at', 'Hold', 'Status', 'Amount', 'What for'], holds.map(rowOf), [3]),
  ].join('\n');
}

function rowOf({ expiresAt, id, status, amount, asset, operation, description }: Hold): string[] {
  const purpose = [operation, description].filter((part) => part !== undefined).join('; ');
  return [expiresAt, id, status, formatAmount(amount, asset), purpose];
}

function totalsOf(holds: readonly Hold[]): Report['totals'] {
  return [...Map.groupBy(holds, ({ asset }) => asset)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([asset, own]) => ({
      asset,
      holds: own.length,
      amount: own.reduce((sum, { amount }) => sum + BigInt(amount), 0n).toString(),
    }));
}

function reportTables({ status, from, to, holds, totals }: Report): string {
  const which = status === 'expired' ? 'expired' : 'never captured';
  if (holds.length === 0)
    return `No holds that expire from ${from} to ${to} ${status === 'expired' ? 'have expired' : 'were never captured'}.`;
  const rows = holds.map((one) => [one.account, ...rowOf(one)]);
  const sums = totals.map((total) => [total.asset, formatCount(total.holds), formatAmount(total.amount, total.asset)]);
  return [
    `Holds ${which}, by expiry from ${from} to ${to}`,
    table(['Account', 'Expires at', 'Hold', 'Status', 'Amount', 'What for'], rows, [4]),
    table(['Asset', 'Holds', 'Amount'], sums, [1, 2]),
  ].join('\n');
}
