import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from '../../contract/client.ts';
import * as common from '../../contract/schemas/common.ts';
import { month } from '../billing-runs.ts';
import { type Context, FOLLOW_MS, minutes } from '../context.ts';
import { downloadTo } from '../download.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, describeError, expectOk } from '../failure.ts';
import { findingsTable, readFindings } from '../findings.ts';
import { follow } from '../follow.ts';
import { type Io, note, print } from '../io.ts';
import { progressBar } from '../progress.ts';
import { repeated } from '../repeated.ts';
import { type Outcome, type Reconciliation, runSummary } from '../run-summary.ts';

interface Options {
  readonly books?: 'usage' | 'invoices';
  readonly startDate?: string;
  readonly endDate?: string;
  readonly month?: string;
  readonly id?: string;
  readonly account?: readonly string[];
  readonly detailed?: true;
  readonly reportOutput?: string;
  readonly json?: true;
  readonly timeout?: number;
}

/** `reckoner reconcile`: compares the books over a period and says what disagrees. */
export function addReconcile(program: Command, { io, connect, finish }: Context): void {
  program
    .command('reconcile')
    .summary('compare usage with ledger, or ledger with invoices, over a period')
    .description(
      'Compares usage with ledger, and balances with transfers, over whole days (UTC); or the ledger with the invoices of whole months. Starts a run, follows it to its end and prints what it found.',
    )
    .addOption(
      new Option('--books <which>', 'what is compared: usage with ledger, or ledger with invoices').choices([
        'usage',
        'invoices',
      ]),
    )
    .addOption(
      new Option('--month <month>', 'a whole month, such as 2026-10, instead of its days')
        .argParser(month)
        .conflicts(['startDate', 'endDate']),
    )
    .option('--start-date <day>', 'first day, such as 2026-11-01', day)
    .option('--end-date <day>', 'last day, inclusive', day)
    .option('--account <id>', 'compare this account alone; repeatable', repeated)
    .option('--detailed', 'list the findings')
    .option('--report-output <file>', 'save the report (HTML)')
    .option('--json', 'print the run as JSON, with --detailed its findings too')
    .option('--id <id>', 'name of the run; naming one that was started before follows that one')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', HELP)
    .action(async (options: Options, command: Command) => finish(await reconcile(io, connect(command), options)));
}

const HELP = `
Exit codes:
  0  the books agree
  1  discrepancies were found
  2  the comparison could not be done, or nothing can be said: both books are empty, or balances moved too fast

Examples:
  reckoner reconcile --start-date 2026-11-01 --end-date 2026-11-30 --detailed --report-output november.html
  reckoner reconcile --start-date 2026-11-01 --end-date 2026-11-30 --account customer:acme --detailed
  reckoner reconcile --books invoices --month 2026-10 --detailed`;

/** Reads a day. Checked here, because it becomes part of the run's name. @throws InvalidArgumentError */
export function day(text: string): string {
  const read = common.day.safeParse(text);
  if (!read.success) throw new InvalidArgumentError(`It ${read.error.issues[0]?.message}.`);
  return read.data;
}

/** The days that a run is asked for. @throws CommandFailedError when they are not said. */
function periodFrom({ month: named, startDate, endDate }: Options): { startDate: string; endDate: string } {
  if (named !== undefined) {
    const [year, ofYear] = named.split('-').map(Number);
    const lastDay = new Date(Date.UTC(year ?? 0, ofYear ?? 0, 0)).toISOString().slice(0, 10);
    return { startDate: `${named}-01`, endDate: lastDay };
  }
  if (startDate !== undefined && endDate !== undefined) return { startDate, endDate };
  throw new CommandFailedError('Say which days: with --start-date and --end-date, or with --month.');
}

async function reconcile(io: Io, client: Client, options: Options): Promise<ExitCode> {
  const { startDate, endDate } = periodFrom(options);
  const id = options.id ?? `manual-${startDate}-${io.newId().slice(0, 8)}`;
  const { books, account: accounts } = options;
  const of = { startDate, endDate, ...(books === 'invoices' && { books }) };
  const body = { id, ...of, ...(accounts !== undefined && { accounts: [...accounts] }) };
  const answer = await client.startReconciliation({ body, signal: io.signal });
  const started = expectOk(answer);
  const isNew = answer.status === 202;
  note(io, `Reconciliation ${started.id} of ${startDate} to ${endDate} ${isNew ? 'was started' : 'is followed'}.`);
  const run = await followRun(io, client, started.id, options.timeout ?? FOLLOW_MS);
  const { outcome } = run;
  if (run.status === 'failed' || outcome === undefined) {
    if (options.json === true) print(io, JSON.stringify(run, undefined, 2));
    throw new CommandFailedError(
      `The reconciliation failed: ${describeError(run)} Look again: reckoner runs ${run.id}`,
    );
  }
  await printRun(io, run, outcome, options);
  if (options.reportOutput !== undefined) {
    await downloadTo(io, artifact(run, 'report.html'), options.reportOutput);
    note(io, `The report is in ${options.reportOutput}.`);
  }
  return exitCodeOf(outcome);
}

/** Follows a run to its end. */
export async function followRun(io: Io, client: Client, runId: string, deadlineMs: number): Promise<Reconciliation> {
  const bar = progressBar(io, 'Comparing', 'slices');
  try {
    return await follow(io, {
      look: async () => expectOk(await client.getReconciliation({ params: { runId }, signal: io.signal })),
      isOver: ({ status }) => status === 'succeeded' || status === 'failed',
      show: ({ progress }) => bar.update(progress.slicesDone, progress.slicesTotal),
      subject: `The run goes on: reckoner runs ${runId}`,
      deadlineMs,
    });
  } finally {
    bar.stop();
  }
}

async function printRun(io: Io, run: Reconciliation, outcome: Outcome, { detailed, json }: Options): Promise<void> {
  const isListed = detailed === true && outcome.findings > 0;
  const findings = (limit?: number) => readFindings(io, artifact(run, 'findings.ndjson'), limit);
  if (json === true) {
    const list = isListed ? { findingList: await findings(Number.POSITIVE_INFINITY) } : {};
    print(io, JSON.stringify({ ...run, ...list }, undefined, 2));
    return;
  }
  print(io, runSummary(run, outcome));
  if (isListed) print(io, findingsTable(await findings(), run.id));
  // Last, so that it is what stands above the prompt. Scripts look for it.
  print(io, outcome.sentence);
}

function exitCodeOf({ verdict }: Outcome): ExitCode {
  if (verdict === 'clean') return exitCodes.clean;
  return verdict === 'discrepancies' ? exitCodes.attention : exitCodes.notDone;
}

function artifact(run: Reconciliation, name: string): string {
  const link = run.artifacts?.[name];
  if (link === undefined) throw new CommandFailedError(`The run ${run.id} has no ${name}.`);
  return link;
}
