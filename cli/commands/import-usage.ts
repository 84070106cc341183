import type { Command } from 'commander';
import { Option } from 'commander';
import type * as z from 'zod';
import type { Client } from '../../contract/client.ts';
import type { usageImport } from '../../contract/schemas/imports.ts';
import { type Context, FOLLOW_MS, minutes } from '../context.ts';
import { upload } from '../download.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { follow } from '../follow.ts';
import { formatCount, listing } from '../format.ts';
import { tellErrors } from '../import-errors.ts';
import { type ImportFormat, inspectFile, mappingFrom, pair } from '../import-file.ts';
import { type Io, note, print } from '../io.ts';
import { counter, progressBar } from '../progress.ts';
import { addImportEntries } from './import-entries.ts';

type UsageImport = z.output<typeof usageImport>;

interface Options {
  readonly file: string;
  readonly format?: ImportFormat;
  readonly map?: Readonly<Record<string, string>>;
  readonly quantity?: Readonly<Record<string, string>>;
  readonly set?: Readonly<Record<string, string>>;
  readonly requestIdPrefix?: string;
  readonly id?: string;
  readonly errorsOutput?: string;
  readonly json?: true;
  readonly timeout?: number;
}

/** `reckoner import`: sends files to the service. */
export function addImport(program: Command, context: Context): void {
  const group = program
    .command('import')
    .summary('send files of usage, or of missing entries')
    .description('Sends files to the service.');
  addImportUsage(group, context);
  addImportEntries(group, context);
}

/** `reckoner import usage`: sends a usage file and follows it until it is read. */
function addImportUsage(group: Command, { io, connect, finish }: Context): void {
  group
    .command('usage')
    .summary('send a usage file')
    .description(
      'Sends a usage file (CSV or NDJSON, plain or gzip) and follows it until it is read. Good rows are kept even where others are refused; sending a file again writes nothing twice.',
    )
    .requiredOption('--file <file>', 'the file')
    .addOption(new Option('--format <format>', 'default: what the name ends with').choices(['csv', 'ndjson']))
    .option(
      '--map <field=column>',
      'where requestId, account, operation, occurredAt or source stands; repeatable',
      pair,
    )
    .option('--quantity <dimension=column>', 'where a quantity stands; repeatable', pair)
    .option('--set <field=value>', 'the same account, operation or source for every row; repeatable', pair)
    .option('--request-id-prefix <prefix>', 'for files without request ids: <prefix>-<line> becomes the id')
    .option('--id <id>', 'name of the import; naming one that was sent before follows that one')
    .option('--errors-output <file>', 'save the list of refused rows (NDJSON)')
    .option('--json', 'print the import as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', HELP)
    .action(async (options: Options, command: Command) => finish(await importUsage(io, connect(command), options)));
}

const HELP = `
Exit codes:
  0  every row was kept
  1  some rows were refused; the others are kept
  2  the file could not be read to its end, or not be sent

Example:
  reckoner import usage --file requests.csv --map occurredAt=TIMESTAMP \\
    --quantity input_tokens=ContextTokens --quantity output_tokens=GeneratedTokens \\
    --set account=customer:acme --set operation=chat --request-id-prefix requests-november`;

async function importUsage(io: Io, client: Client, options: Options): Promise<ExitCode> {
  const file = await inspectFile(options.file, options.format);
  const mapping = mappingFrom(options);
  const body = {
    id: options.id ?? `usage-${io.newId().slice(0, 8)}`,
    format: file.format,
    compression: file.compression,
    ...(mapping !== undefined && { mapping }),
  };
  const announced = expectOk(await client.createImport({ body, signal: io.signal }));
  if (announced.status === 'waiting') await send(io, announced, options.file, file.size);
  else note(io, `The import ${announced.id} was sent before.`);
  const ended = await followImport(io, client, announced.id, options.timeout ?? FOLLOW_MS);
  await printImport(io, ended, options);
  if (ended.status === 'failed') return exitCodes.notDone;
  return ended.status === 'finished' ? exitCodes.clean : exitCodes.attention;
}

async function send(io: Io, { id, upload: place }: UsageImport, file: string, size: number): Promise<void> {
  if (place === undefined) throw new CommandFailedError(`The service gave no link to send the import ${id} to.`);
  const bar = progressBar(io, 'Sending', 'bytes');
  try {
    await upload(io, { link: place.url, file, size, onSent: (bytes) => bar.update(bytes, size) });
  } finally {
    bar.stop();
  }
  note(io, `The file was sent as import ${id}.`);
}

async function followImport(io: Io, client: Client, importId: string, deadlineMs: number): Promise<UsageImport> {
  const count = counter(io, 'Reading', 'lines');
  try {
    return await follow(io, {
      look: async () => expectOk(await client.getImport({ params: { importId }, signal: io.signal })),
      isOver: ({ status }) => status !== 'waiting' && status !== 'running',
      show: ({ linesRead }) => count.update(linesRead, undefined),
      subject: `The import goes on; ask again with the same command and --id ${importId}`,
      deadlineMs,
    });
  } finally {
    count.stop();
  }
}

async function printImport(io: Io, ended: UsageImport, { json, errorsOutput }: Options): Promise<void> {
  if (json === true) print(io, JSON.stringify(ended, undefined, 2));
  else {
    print(
      io,
      listing([
        ['Import', ended.id],
        ['Status', ended.status],
        ['Lines read', formatCount(ended.linesRead)],
        ['Recorded', formatCount(ended.recorded)],
        ['Duplicates', formatCount(ended.duplicates)],
        ['Refused', formatCount(ended.refused)],
        ['Failure', ended.failure],
      ]),
    );
  }
  if (ended.errors !== undefined) await tellErrors(io, ended.errors, errorsOutput);
}
