import type { Command } from 'commander';
import type { Client } from '../../contract/client.ts';
import { LINE_IMPORT_BATCH_SIZE, LINE_IMPORT_BATCH_SIZE_MAX, LINE_IMPORT_ROWS_MAX } from '../../contract/limits.ts';
import { digestOf, sendFile } from '../announced-file.ts';
import {
  type BillingRun,
  followBillingRun,
  month,
  noteStarted,
  type RunOptions,
  tellBillingRun,
} from '../billing-runs.ts';
import { type Context, minutes, wholeNumber } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, formatCount, listing, plural } from '../format.ts';
import { tellErrors } from '../import-errors.ts';
import { type Io, note, print } from '../io.ts';

interface ImportOptions extends RunOptions {
  readonly csv: string;
  readonly runId: string;
  readonly month: string;
  readonly batchSize?: number;
  readonly dryRun?: true;
  readonly errorsOutput?: string;
}

interface RollbackOptions extends RunOptions {
  readonly runId: string;
}

/** `reckoner invoices lines import` and `rollback`. */
export function addInvoiceLines(invoices: Command, context: Context): void {
  const lines = invoices
    .command('lines')
    .summary('put lines of a file onto drafts, and take them back')
    .description('Puts lines of a CSV file onto the drafts of a month, and takes them back by run.');
  addImport(lines, context);
  addRollback(lines, context);
}

function addImport(lines: Command, { io, connect, finish }: Context): void {
  lines
    .command('import')
    .summary('put the lines of a CSV file onto drafts')
    .description(
      'Checks every row of a CSV file, and puts its lines onto the drafts of a month: over those with the same unit, type and description, or beside them. One row that is refused, and nothing of the file is written.',
    )
    .requiredOption('--csv <file>', 'the file')
    .requiredOption('--run-id <id>', 'name of this import, for the audit trail and for rolling it back')
    .requiredOption('--month <month>', 'rows of invoices of another month are refused', month)
    .option(
      '--batch-size <rows>',
      `rows of a part that is written at once (default: ${LINE_IMPORT_BATCH_SIZE})`,
      wholeNumber(1, LINE_IMPORT_BATCH_SIZE_MAX),
    )
    .option('--dry-run', 'check and count; write nothing')
    .option('--errors-output <file>', 'save the list of refused rows (NDJSON)')
    .option('--json', 'print the run as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', IMPORT_HELP)
    .action(async (options: ImportOptions, self: Command) => finish(await importLines(io, connect(self), options)));
}

const IMPORT_HELP = `
Columns: invoice_id, unit_id, line_type, description, quantity, amount, and asset where it is to be checked. Amounts are
decimals in the unit of the invoice's asset, such as 12.34 of USD/2. At most ${formatCount(LINE_IMPORT_ROWS_MAX)} rows.

An import that broke off goes on where it was when the same command is given again. A file that was refused is mended and
sent under a new run id.

Exit codes:
  0  every line is on its invoice (with a dry run: would be), and all of these tie out
  1  rows were refused, or invoices are blocked
  2  the file could not be read or sent, or the run failed

Example:
  reckoner invoices lines import --csv missing_lines.csv --run-id manual-20261103-fix42 --month 2026-10 --dry-run`;

async function importLines(io: Io, client: Client, options: ImportOptions): Promise<ExitCode> {
  const { csv, runId: id, month: of, batchSize, dryRun, errorsOutput, json } = options;
  const { sha256, bytes } = await digestOf(io, csv);
  const file = { sha256, ...(batchSize !== undefined && { batchSize }), ...(dryRun === true && { dryRun }) };
  const body = { id, kind: 'import', month: of, ...file } as const;
  const announced = expectOk(await client.startBillingRun({ body, signal: io.signal }));
  if (announced.upload === undefined) noteStarted(io, announced, false);
  else {
    await sendFile(io, announced.upload.url, csv, bytes);
    expectOk(await client.beginBillingRun({ params: { runId: id }, signal: io.signal }));
  }
  const run = await followBillingRun(io, client, id, options);
  if (json === true) print(io, JSON.stringify(run, undefined, 2));
  else print(io, importDetails(run, csv));
  const { refused = 0, blocked = 0 } = run.outcome.counts;
  const errors = run.artifacts?.['errors.ndjson'];
  if (refused > 0 && errors !== undefined) await tellErrors(io, errors, errorsOutput);
  if (blocked > 0)
    note(io, `Why they are blocked: reckoner invoices list --month ${of}, then invoices show <invoice>.`);
  return refused + blocked > 0 ? exitCodes.attention : exitCodes.clean;
}

function importDetails({ id, outcome }: BillingRun, csv: string): string {
  const { inserted = 0, updated = 0, ...counts } = outcome?.counts ?? {};
  const row = (name: string, label: string) => [label, formatCount(counts[name] ?? 0)] as const;
  const facts = listing([
    ['Run', id],
    ['File', csv],
    row('read', 'Rows read'),
    row('unchanged', 'Unchanged'),
    row('duplicates', 'Said twice'),
    row('refused', 'Refused'),
    row('invoices', 'Invoices'),
    row('blocked', 'Blocked'),
    ...(outcome?.totals ?? []).map(({ asset, before, after }) => {
      return ['Asked for', `${formatAmount(before, asset)} before, ${formatAmount(after, asset)} now`] as const;
    }),
  ]);
  return [facts, `${formatCount(inserted)} inserted, ${formatCount(updated)} updated`, outcome?.sentence].join('\n');
}

function addRollback(lines: Command, { io, connect, finish }: Context): void {
  lines
    .command('rollback')
    .summary('give invoices their lines of before an import back')
    .description(
      'Gives every invoice that an import changed exactly its lines of before back, as a new version. What was changed since is left as it is, and told with the run that changed it.',
    )
    .argument('<run>', 'the import')
    .requiredOption('--run-id <id>', 'name of this rollback, for the audit trail')
    .option('--json', 'print the run as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', ROLLBACK_HELP)
    .action(async (of: string, options: RollbackOptions, self: Command) => {
      const client = connect(self);
      const body = { id: options.runId, kind: 'rollback', of } as const;
      const answer = await client.startBillingRun({ body, signal: io.signal });
      noteStarted(io, expectOk(answer), answer.status === 202);
      const run = await followBillingRun(io, client, options.runId, options);
      tellBillingRun(io, run, options);
      const { left = 0, blocked = 0 } = run.outcome.counts;
      if (left > 0)
        note(io, `${plural(left, 'invoice')} left as it is: invoices.ndjson of the run says why and by whom.`);
      finish(left + blocked > 0 ? exitCodes.attention : exitCodes.clean);
    });
}

const ROLLBACK_HELP = `
Exit codes:
  0  every invoice has its lines of before again
  1  some were changed since and are left, or do not tie out
  2  it could not be done

Example:
  reckoner invoices lines rollback manual-20261103-fix42 --run-id undo-fix42`;
