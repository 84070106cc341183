import { type Command, Option } from 'commander';
import type { Client } from '../../contract/client.ts';
import { digestOf, sendFile } from '../announced-file.ts';
import {
  type BillingRun,
  followBillingRun,
  month,
  noteStarted,
  type RunOptions,
  tellBillingRun,
} from '../billing-runs.ts';
import { type Context, minutes } from '../context.ts';
import { downloadTo } from '../download.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { type Io, note } from '../io.ts';
import { repeated } from '../repeated.ts';

interface Options extends RunOptions {
  readonly month: string;
  readonly rateCard?: string;
  readonly csv?: string;
  readonly account?: readonly string[];
  readonly runId?: string;
  readonly output?: string;
  readonly reportOutput?: string;
}

/** `reckoner invoices parity`: what a month would have been by other prices, line by line. */
export function addParity(invoices: Command, { io, connect, finish }: Context): void {
  invoices
    .command('parity')
    .summary('compare what a month was billed as with other prices or a file, line by line')
    .description(
      'Prices every charge of a month by another version of its rate card, or takes the lines of a CSV file, and reports each line of an invoice that differs. Posts and changes nothing.',
    )
    .requiredOption('--month <month>', 'a month that is over, such as 2026-10', month)
    .option('--rate-card <version>', 'a published version: name@effectiveFrom')
    .addOption(
      new Option('--csv <file>', 'a file with the columns of an import of lines, from another system').conflicts(
        'rateCard',
      ),
    )
    .option('--account <id>', 'this billed account alone; repeatable', repeated)
    .option('--run-id <id>', 'name of the run; naming one that was started before follows that one')
    .option('--output <file>', 'save every line that differs (CSV)')
    .option('--report-output <file>', 'save the report (HTML)')
    .option('--json', 'print the run as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', HELP)
    .action(async (options: Options, self: Command) => finish(await parity(io, connect(self), options)));
}

const HELP = `
Columns of a file: invoice_id, unit_id, line_type, description, quantity, amount, and asset where it is to be checked.
An invoice that the file does not have differs in every line.

Exit codes:
  0  every line is the same
  1  lines differ, or charges could not be priced
  2  it could not be done, or there was nothing to compare

Example:
  reckoner invoices parity --month 2026-10 --rate-card standard@2026-11-01T00:00:00.000Z --output parity.csv`;

async function parity(io: Io, client: Client, options: Options): Promise<ExitCode> {
  const { month: of, rateCard, csv, account: accounts } = options;
  if (rateCard === undefined && csv === undefined) {
    throw new CommandFailedError('Say what to compare with: --rate-card, or the --csv of another system.');
  }
  const file = csv === undefined ? undefined : await digestOf(io, csv);
  const id = options.runId ?? `parity-${of}-${io.newId().slice(0, 8)}`;
  const scope = accounts === undefined ? {} : { accounts: [...accounts] };
  const other = file === undefined ? { rateCard } : { sha256: file.sha256 };
  const body = { id, kind: 'parity' as const, month: of, ...other, ...scope };
  const answer = await client.startBillingRun({ body, signal: io.signal });
  const { upload, ...started } = expectOk(answer);
  noteStarted(io, started, answer.status === 202);
  if (upload !== undefined && file !== undefined && csv !== undefined) {
    await sendFile(io, upload.url, csv, file.bytes);
    expectOk(await client.beginBillingRun({ params: { runId: id }, signal: io.signal }));
  }
  const run = await followBillingRun(io, client, id, options);
  tellBillingRun(io, run, options);
  await save(io, run, 'parity.csv', options.output);
  await save(io, run, 'report.html', options.reportOutput);
  const {
    same = 0,
    differs = 0,
    'lines-that-differ': lines = 0,
    'charges-not-priced': notPriced = 0,
  } = run.outcome.counts;
  if (same + differs === 0) return exitCodes.notDone;
  return lines + notPriced > 0 ? exitCodes.attention : exitCodes.clean;
}

async function save(io: Io, run: BillingRun, name: string, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const link = run.artifacts?.[name];
  if (link === undefined) throw new CommandFailedError(`The run ${run.id} has no ${name}.`);
  await downloadTo(io, link, file);
  note(io, `${name} is in ${file}.`);
}
