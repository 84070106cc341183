import type { Command } from 'commander';
import type { Client } from '../../contract/client.ts';
import {
  type BillingRun,
  followBillingRun,
  month,
  noteStarted,
  type RunOptions,
  tellBillingRun,
} from '../billing-runs.ts';
import { type Context, wholeNumber } from '../context.ts';
import { downloadLines, downloadTo } from '../download.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { printable } from '../format.ts';
import { type Io, note, print } from '../io.ts';
import { withRunOptions } from './invoices-runs.ts';

interface ExportOptions extends RunOptions {
  readonly month: string;
  readonly runId?: string;
  readonly output?: string;
  readonly lines?: string;
}

interface NoticesOptions extends RunOptions {
  readonly of: string;
  readonly runId?: string;
  readonly goodwillPercent?: number;
  readonly print?: true;
}

/** `export`, `page` and `notices`: what leaves the house. */
export function addInvoiceExports(invoices: Command, context: Context): void {
  addExport(invoices, context);
  addPage(invoices, context);
  addNotices(invoices, context);
}

function addExport(invoices: Command, { io, connect, finish }: Context): void {
  const command = invoices
    .command('export')
    .summary('write the invoices of a month out, as CSV and as pages')
    .description(
      'Writes the invoices of a month to the bucket: a CSV of all of them, one of all their lines, and a page each. Voided ones are left out.',
    )
    .requiredOption('--month <month>', 'a month that is over, such as 2026-10', month)
    .option('--output <file>', 'save the CSV with a row for each document')
    .option('--lines <file>', 'save the CSV with a row for each line');
  withRunOptions(command)
    .addHelpText(
      'after',
      '\nExample:\n  reckoner invoices export --month 2026-10 --output invoices.csv --lines lines.csv',
    )
    .action(async (options: ExportOptions, self: Command) => finish(await exportMonth(io, connect(self), options)));
}

async function exportMonth(io: Io, client: Client, options: ExportOptions): Promise<ExitCode> {
  const id = options.runId ?? `export-${options.month}-${io.newId().slice(0, 8)}`;
  const body = { id, kind: 'export', month: options.month } as const;
  const answer = await client.startBillingRun({ body, signal: io.signal });
  noteStarted(io, expectOk(answer), answer.status === 202);
  const run = await followBillingRun(io, client, id, options);
  tellBillingRun(io, run, options);
  const wanted = [
    ['invoices.csv', options.output],
    ['lines.csv', options.lines],
  ] as const;
  for (const [name, file] of wanted) {
    if (file === undefined) continue;
    await downloadTo(io, artifactOf(run, name), file);
    note(io, `${name} is in ${file}.`);
  }
  return exitCodes.clean;
}

function addPage(invoices: Command, { io, connect }: Context): void {
  invoices
    .command('page')
    .summary("save an invoice's page")
    .description(
      "Saves an invoice's page, which shows well on a screen and on A4 or Letter paper. Export its month first.",
    )
    .argument('<invoice>', 'such as 2026-10:customer:acme')
    .requiredOption('--output <file>', 'where the page goes, such as invoice.html')
    .action(async (invoiceId: string, { output }: { output: string }, self: Command) => {
      const found = expectOk(await connect(self).getInvoice({ params: { invoiceId }, signal: io.signal }));
      const [link] = Object.values(found.artifacts ?? {});
      if (link === undefined) {
        throw new CommandFailedError(
          `${found.id} was not written out since it says what it says now: reckoner invoices export --month ${found.month}`,
        );
      }
      await downloadTo(io, link, output);
      print(io, `The page of ${found.id} is in ${output}.`);
    });
}

function addNotices(invoices: Command, { io, connect, finish }: Context): void {
  const command = invoices
    .command('notices')
    .summary('tell customers what a regeneration changed')
    .description(
      'Tells each customer whose amount due a regeneration changed, once: who was charged too much is told of the credit, who was charged too little of what the house bears. The texts are in config/notices/.',
    )
    .requiredOption('--of <run>', 'the regeneration')
    .option(
      '--goodwill-percent <percent>',
      'of what was charged too little, borne by the house (default: that of config/billing.ts)',
      wholeNumber(0, 100),
    )
    .option('--print', 'print every notice that this run has sent');
  withRunOptions(command)
    .addHelpText('after', NOTICES_HELP)
    .action(async (options: NoticesOptions, self: Command) => finish(await tellCustomers(io, connect(self), options)));
}

const NOTICES_HELP = `
Exit codes:
  0  everybody was told
  1  some were not, or may not have been: see notices.csv and docs/runbooks/notices.md
  2  it could not be done

Example:
  reckoner invoices notices --of october-again --goodwill-percent 50 --print`;

async function tellCustomers(io: Io, client: Client, options: NoticesOptions): Promise<ExitCode> {
  const { of, goodwillPercent } = options;
  const id = options.runId ?? `notices-${of}`.slice(0, 64);
  const goodwill = goodwillPercent !== undefined && { goodwillPercent };
  const answer = await client.startBillingRun({ body: { id, kind: 'notices', of, ...goodwill }, signal: io.signal });
  noteStarted(io, expectOk(answer), answer.status === 202);
  const run = await followBillingRun(io, client, id, options);
  if (options.print === true && options.json !== true) await printNotices(io, run);
  tellBillingRun(io, run, options);
  const { unknown = 0, blocked = 0, overtaken = 0 } = run.outcome.counts;
  return unknown + blocked + overtaken > 0 ? exitCodes.attention : exitCodes.clean;
}

async function printNotices(io: Io, run: BillingRun): Promise<void> {
  for await (const line of downloadLines(io, artifactOf(run, 'notices.ndjson'))) {
    const { account = '', text } = line as { readonly account?: string; readonly text?: string };
    if (text === undefined) continue;
    const lines = text.trimEnd().split('\n').map(printable);
    print(io, [`--- ${printable(account)}`, ...lines, ''].join('\n'));
  }
}

function artifactOf(run: BillingRun, name: string): string {
  const link = run.artifacts?.[name];
  if (link === undefined) throw new CommandFailedError(`The run ${run.id} left no ${name}.`);
  return link;
}
