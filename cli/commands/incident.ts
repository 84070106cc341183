import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Client } from '../../contract/client.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError } from '../failure.ts';
import { gatherIncident } from '../incident/gather.ts';
import { renderIncident } from '../incident/markdown.ts';
import { incidentRecord } from '../incident/record.ts';
import { type Io, note, print } from '../io.ts';
import { repeated } from '../repeated.ts';

interface Options {
  readonly repair?: readonly string[];
  readonly output?: string;
  readonly json?: true;
}

/** `reckoner incident RUN`: the post-incident record of what a reconciliation found. */
export function addIncident(program: Command, { io, connect, finish }: Context): void {
  program
    .command('incident')
    .summary('write the post-incident record of what a run found')
    .description(
      'Writes the post-incident record of what a reconciliation run found: timeline, root causes by kind, customers affected, what repairs posted, revenue impact and the verdict after. It is made of what the service has: the run, its repairs and approvals, and the audit chain.',
    )
    .argument('<run>', 'the reconciliation run that found it')
    .option('--repair <id>', 'tell of this repair too, such as an import of entries; repeatable', repeated)
    .option('--output <file>', 'save it instead of printing it')
    .option('--json', 'write JSON instead of Markdown')
    .addHelpText('after', HELP)
    .action(async (runId: string, options: Options, command: Command) =>
      finish(await incident(io, connect(command), runId, options)),
    );
}

const HELP = `
Exit codes:
  0  a repair was verified, and nothing is left; or nothing was found
  1  something is left to be repaired
  2  it could not be written

Example:
  reckoner incident daily-2026-11-19 --output incident.md`;

async function incident(io: Io, client: Client, runId: string, options: Options): Promise<ExitCode> {
  const record = incidentRecord(await gatherIncident(io, client, runId, options.repair ?? []));
  const text = options.json === true ? `${JSON.stringify(record, undefined, 2)}\n` : renderIncident(record);
  if (options.output === undefined) print(io, text.trimEnd());
  else await save(io, options.output, text);
  return record.status === 'resolved' ? exitCodes.clean : exitCodes.attention;
}

async function save(io: Io, file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CommandFailedError(`${file} could not be written: ${(error as Error).message}.`, { cause: error });
  }
  note(io, `The record is in ${file}.`);
}
