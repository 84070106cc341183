import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Client } from '../../contract/client.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailedError, describeRefusal } from '../failure.ts';
import { plural } from '../format.ts';
import { type Io, note, print } from '../io.ts';
import { type ArtifactFolder, linkedFolder, localFolder, validateArtifacts } from '../manifest.ts';

/** `reckoner invoices validate`: whether what a run left is what it wrote, and whether lines are missing by it. */
export function addInvoiceValidation(invoices: Command, { io, connect, finish }: Context): void {
  invoices
    .command('validate')
    .summary('check the artifacts of a run against its manifest')
    .description(
      'Checks every artifact of a billing run or a reconciliation against the digests in its manifest, and counts the lines in its missing_lines.csv.',
    )
    .argument('<run>', 'a run, or a folder with its artifacts')
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .action(async (run: string, { json }: { json?: true }, self: Command) => {
      const folder = (await isFolder(run)) ? await localFolder(run) : await folderOf(io, connect(self), run);
      const found = await validateArtifacts(folder);
      const { faults, files, missingLines = 0 } = found;
      if (json === true) print(io, JSON.stringify(found, undefined, 2));
      else {
        for (const fault of faults) print(io, fault);
        print(io, `Artifact validation ${faults.length === 0 ? 'passed' : 'failed'}`);
        print(io, `missing_lines_count: ${missingLines}`);
      }
      note(io, `${plural(files, 'file')} of run ${found.runId} read.`);
      if (found.missingLines === undefined) note(io, 'The run has no missing_lines.csv: it does not look for lines.');
      finish(faults.length > 0 || missingLines > 0 ? exitCodes.attention : exitCodes.clean);
    });
}

const HELP = `
Exit codes:
  0  every file is what the run wrote, and no line is missing
  1  a file differs or is gone, or lines are missing
  2  there is no such run or folder, or no manifest

Example:
  reckoner invoices validate invoices-2026-10`;

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true;
}

/** @throws CommandFailedError when there is no run of this name, or it left nothing. */
async function folderOf(io: Io, client: Client, id: string): Promise<ArtifactFolder> {
  const billing = await client.getBillingRun({ params: { runId: id }, signal: io.signal });
  if (billing.ok) return linkedFolder(io, billing.body.artifacts ?? {});
  if (billing.kind !== 'not-found') throw new CommandFailedError(describeRefusal(billing));
  const compared = await client.getReconciliation({ params: { runId: id }, signal: io.signal });
  if (compared.ok) return linkedFolder(io, compared.body.artifacts ?? {});
  if (compared.kind !== 'not-found') throw new CommandFailedError(describeRefusal(compared));
  throw new CommandFailedError(`There is no billing run, no reconciliation and no folder "${id}".`);
}
