import type { Command } from 'commander';
import type { Client } from '../../contract/client.ts';
import {
  billingRunDetails,
  billingRunsTable,
  followBillingRun,
  month,
  noteStarted,
  type RunOptions,
  tellBillingRun,
} from '../billing-runs.ts';
import { type Context, minutes } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { describeRefusal, expectOk } from '../failure.ts';
import { type Io, note, print } from '../io.ts';
import { repeated } from '../repeated.ts';

interface MonthOptions extends RunOptions {
  readonly month: string;
  readonly account?: readonly string[];
  readonly runId?: string;
}

interface FinalizeOptions extends RunOptions {
  readonly review: string;
  readonly hash?: string;
  readonly runId?: string;
}

const MONTHLY = {
  generate: 'make the invoices of a month that are not there yet',
  regenerate: 'rebuild what is not final, and correct what is by documents of its own',
  review: 'put what ties out into review, and ask a second person',
} as const;

/** `generate`, `regenerate`, `review`, `finalize` and `runs`. */
export function addInvoiceRuns(invoices: Command, context: Context): void {
  for (const [kind, summary] of Object.entries(MONTHLY))
    addMonthly(invoices, context, kind as keyof typeof MONTHLY, summary);
  addFinalize(invoices, context);
  addReading(invoices, context);
}

function addMonthly(
  invoices: Command,
  { io, connect, finish }: Context,
  kind: keyof typeof MONTHLY,
  summary: string,
): void {
  const command = invoices
    .command(kind)
    .summary(summary)
    .description(`Starts a billing run to ${summary}, follows it to its end and tells what it came to.`)
    .requiredOption('--month <month>', 'a month that is over, such as 2026-10', month)
    .option('--account <id>', 'this billed account alone; repeatable', repeated);
  withRunOptions(command)
    .addHelpText('after', `${EXIT_CODES}\n\nExample:\n  reckoner invoices ${kind} --month 2026-10`)
    .action(async (options: MonthOptions, self: Command) => {
      const client = connect(self);
      const { account: accounts } = options;
      const id = options.runId ?? `${kind}-${options.month}-${io.newId().slice(0, 8)}`;
      const body = { id, kind, month: options.month, ...(accounts !== undefined && { accounts: [...accounts] }) };
      const answer = await client.startBillingRun({ body, signal: io.signal });
      noteStarted(io, expectOk(answer), answer.status === 202);
      const run = await followBillingRun(io, client, id, options);
      tellBillingRun(io, run, options);
      const { approval, hash, counts } = run.outcome;
      if (approval !== undefined) {
        note(io, `Somebody else approves it: reckoner approve ${approval} --hash ${hash}`);
        note(io, `Then: reckoner invoices finalize --review ${id}`);
        finish(exitCodes.approval);
        return;
      }
      finish((counts.blocked ?? 0) > 0 ? exitCodes.attention : exitCodes.clean);
    });
}

function addFinalize(invoices: Command, { io, connect, finish }: Context): void {
  const command = invoices
    .command('finalize')
    .summary('make final what a review has approved, and number it')
    .description('Makes final exactly what a second person approved of a review, and gives it numbers without gaps.')
    .requiredOption('--review <run>', 'the review')
    .option('--hash <hash>', 'only if the review has this hash (default: the one that it has)');
  withRunOptions(command)
    .addHelpText('after', `${EXIT_CODES}\n\nExample:\n  reckoner invoices finalize --review october-review`)
    .action(async (options: FinalizeOptions, self: Command) => finish(await finalize(io, connect(self), options)));
}

async function finalize(io: Io, client: Client, options: FinalizeOptions): Promise<ExitCode> {
  const { review } = options;
  const hash = options.hash ?? (await hashOf(io, client, review));
  const id = options.runId ?? `finalize-${review}`.slice(0, 64);
  const answer = await client.startBillingRun({ body: { id, kind: 'finalize', review, hash }, signal: io.signal });
  if (!answer.ok && answer.kind === 'approval-needed') {
    note(io, describeRefusal(answer));
    return exitCodes.approval;
  }
  noteStarted(io, expectOk(answer), answer.status === 202);
  tellBillingRun(io, await followBillingRun(io, client, id, options), options);
  return exitCodes.clean;
}

/** The hash of a review as it stands; whoever approved it has seen the same. */
async function hashOf(io: Io, client: Client, runId: string): Promise<string> {
  const run = expectOk(await client.getBillingRun({ params: { runId }, signal: io.signal }));
  // A review with nothing in it has none, which the service tells in its own words.
  return run.outcome?.hash ?? '0'.repeat(64);
}

function addReading(invoices: Command, { io, connect }: Context): void {
  invoices
    .command('runs')
    .summary('list billing runs, or show one')
    .description('Lists the latest billing runs, or shows one with what it came to.')
    .argument('[run]', 'name of a run')
    .option('--json', 'print JSON')
    .action(async (runId: string | undefined, { json }: { json?: true }, self: Command) => {
      const client = connect(self);
      const body =
        runId === undefined
          ? expectOk(await client.listBillingRuns({ signal: io.signal }))
          : expectOk(await client.getBillingRun({ params: { runId }, signal: io.signal }));
      if (json === true) print(io, JSON.stringify(body, undefined, 2));
      else print(io, 'billingRuns' in body ? billingRunsTable(body.billingRuns) : billingRunDetails(body));
    });
}

/** What every command takes that starts a billing run. */
export function withRunOptions(command: Command): Command {
  return command
    .option(
      '--run-id <id>',
      'name of the run, for the audit trail; naming one that was started before follows that one',
    )
    .option('--json', 'print the run as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes);
}

const EXIT_CODES = `
Exit codes:
  0  done
  1  done, and some invoices are blocked: they do not tie out
  2  it could not be done
  3  it waits for a second person's approval`;
