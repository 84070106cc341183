import { type Command, Option } from 'commander';
import type * as z from 'zod';
import type { Client } from '../../contract/client.ts';
import { IMPORT_BATCH_SIZE, IMPORT_BATCH_SIZE_MAX } from '../../contract/limits.ts';
import type { repair } from '../../contract/schemas/repairs.ts';
import { digestOf, sendFile } from '../announced-file.ts';
import { type Context, FOLLOW_MS, minutes, wholeNumber } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, describeError, describeRefusal, expectOk } from '../failure.ts';
import { follow } from '../follow.ts';
import { formatAmount, formatCount, listing } from '../format.ts';
import { tellErrors } from '../import-errors.ts';
import { type Io, note, print } from '../io.ts';
import { progressBar } from '../progress.ts';

type Repair = z.output<typeof repair>;

interface Options {
  readonly csv: string;
  readonly runId: string;
  readonly batchSize?: number;
  readonly apply?: true;
  readonly errorsOutput?: string;
  readonly json?: true;
  readonly timeout?: number;
}

/** `reckoner import entries`: posts the charges of a file that the ledger does not have. */
export function addImportEntries(group: Command, { io, connect, finish }: Context): void {
  group
    .command('entries')
    .summary('post missing entries from a CSV file')
    .description(
      'Posts the charges of a CSV file that the ledger does not have, each under its own request id. Without --apply it is a dry run: everything is looked up and counted, and nothing is posted.',
    )
    .requiredOption('--csv <file>', 'the file; missing_lines.csv of a reconciliation can be given as it is')
    .requiredOption('--run-id <id>', 'name of this import, for the audit trail and for rolling it back')
    .option(
      '--batch-size <entries>',
      `entries posted before progress is noted (default: ${IMPORT_BATCH_SIZE})`,
      wholeNumber(1, IMPORT_BATCH_SIZE_MAX),
    )
    .addOption(new Option('--dry-run', 'count, and post nothing (the default)').conflicts('apply'))
    .option('--apply', 'post what the dry run counts')
    .option('--errors-output <file>', 'save the list of refused rows (NDJSON)')
    .option('--json', 'print the import as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', HELP)
    .action(async (options: Options, command: Command) => finish(await importEntries(io, connect(command), options)));
}

const HELP = `
Columns: account, request_id, operation, occurred_at, and either amount (minor units) or quantities: columns such as
quantities.input_tokens, or one column such as "input_tokens=10;output_tokens=5". Also description.

A row that says what the ledger has is unchanged, and the same row twice is one. A row that contradicts the ledger, the
rate card or another row is refused. After a failure, send the file again under a new run id: what was posted is
unchanged then; or apply the same run id again, and it goes on where it stopped.

Exit codes:
  0  every row is in the ledger (with a dry run: would be)
  1  some rows were refused, or not posted
  2  the file could not be read, sent or applied
  3  it waits for a second person's approval

Example:
  reckoner import entries --csv missing_lines.csv --run-id manual-20260208-fix42 --batch-size 500 --apply`;

async function importEntries(io: Io, client: Client, options: Options): Promise<ExitCode> {
  const planned = await dryRun(io, client, options);
  if (planned.status === 'failed' && planned.plan === undefined) {
    throw new CommandFailedError(`Nothing was posted: ${describeError(planned)}`);
  }
  if (planned.status === 'stale') throw new CommandFailedError(STALE);
  if (options.apply === true && isApplicable(planned)) return apply(io, client, planned, options);
  return tell(io, planned, options);
}

/** Has the file planned, or looks up what became of it where it was sent before under this run id. */
async function dryRun(io: Io, client: Client, options: Options): Promise<Repair> {
  const { csv, runId: id, batchSize } = options;
  const { sha256, bytes } = await digestOf(io, csv);
  const file = { sha256, ...(batchSize !== undefined && { batchSize }) };
  const announced = expectOk(await client.planRepair({ body: { id, import: file }, signal: io.signal }));
  if (announced.upload !== undefined) {
    await sendFile(io, announced.upload.url, csv, bytes);
    expectOk(await client.planImport({ params: { repairId: id }, signal: io.signal }));
  }
  return followImport(io, client, options, 'planning');
}

async function apply(io: Io, client: Client, { id, plan, approval }: Repair, options: Options): Promise<ExitCode> {
  const hash = plan?.hash ?? '';
  const answer = await client.applyRepair({ params: { repairId: id }, body: { hash }, signal: io.signal });
  if (!answer.ok && answer.kind === 'approval-needed') {
    note(io, describeRefusal(answer));
    note(io, `A second person approves it: reckoner approve ${approval} --hash ${hash}`);
    note(io, 'Then run the same command again.');
    return exitCodes.approval;
  }
  expectOk(answer);
  const applied = await followImport(io, client, options, 'applying');
  if (applied.status === 'stale') throw new CommandFailedError(STALE);
  if (applied.status === 'failed') {
    const again = 'Run the same command again; nothing is posted twice.';
    throw new CommandFailedError(`It broke off: ${describeError(applied)} ${again}`);
  }
  return tell(io, applied, options);
}

const STALE = 'Nothing was posted: the ledger moved since it was planned. Send the file again under a new run id.';

/** Planned; or applied in part, and goes on. One that is being applied by another command is followed. */
function isApplicable({ status }: Repair): boolean {
  return status === 'planned' || status === 'failed' || status === 'applying';
}

async function followImport(
  io: Io,
  client: Client,
  { runId: repairId, timeout = FOLLOW_MS }: Options,
  what: 'planning' | 'applying',
): Promise<Repair> {
  const bar = progressBar(io, 'Posting', 'batches');
  const under = what === 'planning' ? ['requested', 'planning'] : ['applying'];
  try {
    return await follow(io, {
      look: async () => expectOk(await client.getRepair({ params: { repairId }, signal: io.signal })),
      isOver: ({ status }) => !under.includes(status),
      show: ({ progress, plan }) => bar.update(progress?.partsDone ?? 0, progress && plan?.parts),
      subject: 'The import goes on; follow it with the same command.',
      deadlineMs: timeout,
    });
  } finally {
    bar.stop();
  }
}

/** Prints what came of every row, or would. */
async function tell(io: Io, ended: Repair, { json, errorsOutput }: Options): Promise<ExitCode> {
  const { plan, counts, status, verification } = ended;
  const { read = 0, unchanged = 0, duplicates = 0, refused = 0 } = plan?.entries ?? {};
  const isApplied = status === 'applied';
  const { posted = 0, 'already-posted': meanwhile = 0 } = counts ?? {};
  const notPosted = isApplied ? (plan?.steps ?? 0) - posted - meanwhile : 0;
  if (json === true) print(io, JSON.stringify(ended, undefined, 2));
  else {
    print(
      io,
      listing([
        ['Run', ended.id],
        ['Status', status],
        ['Rows read', formatCount(read)],
        isApplied ? ['Inserted', formatCount(posted)] : ['To insert', formatCount(plan?.steps ?? 0)],
        ['Unchanged', formatCount(unchanged + meanwhile)],
        ['Said twice', formatCount(duplicates)],
        ['Refused', formatCount(refused)],
        ['Not posted', notPosted === 0 ? undefined : formatCount(notPosted)],
        ...(plan?.totals ?? []).map(({ asset, charged }) => ['Charged', formatAmount(charged, asset)] as const),
        ['Verified', verification && `${verification.verdict ?? 'not done'} (run ${verification.runId})`],
      ]),
    );
  }
  const errors = ended.artifacts?.['errors.ndjson'];
  if (refused > 0 && errors !== undefined) await tellErrors(io, errors, errorsOutput);
  if (status === 'planned') note(io, 'Nothing was posted. Run the same command with --apply to post it.');
  if (status === 'failed') {
    note(io, `It broke off: ${describeError(ended)} Run the same command with --apply, and it goes on.`);
    return exitCodes.notDone;
  }
  if (notPosted > 0) note(io, `Why they were not posted is in results.csv: reckoner repairs ${ended.id}`);
  return refused + notPosted > 0 ? exitCodes.attention : exitCodes.clean;
}
