import { Command, CommanderError } from 'commander';
import { ServiceUnreachableError, UnexpectedAnswerError } from '../contract/client.ts';
import { addAccounts } from './commands/accounts.ts';
import { addApprovals } from './commands/approvals.ts';
import { addAudit } from './commands/audit.ts';
import { addBulk } from './commands/bulk.ts';
import { addControls } from './commands/controls.ts';
import { addGrants } from './commands/grants.ts';
import { addHolds } from './commands/holds.ts';
import { addImport } from './commands/import-usage.ts';
import { addIncident } from './commands/incident.ts';
import { addInvoices } from './commands/invoices.ts';
import { addKeys } from './commands/keys.ts';
import { addOpenApi } from './commands/openapi.ts';
import { addRateCards } from './commands/rate-cards.ts';
import { addReconcile } from './commands/reconcile.ts';
import { addRepairs } from './commands/repairs.ts';
import { addRuns } from './commands/runs.ts';
import { addSeals } from './commands/seals.ts';
import { addTransfers } from './commands/transfers.ts';
import { type Context, connectBy } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { CommandFailedError } from './failure.ts';
import { type Io, note } from './io.ts';

/**
 * The operators' command line.
 * @param argv what stands behind the program's name.
 * @returns the exit code, see exit-codes.ts. Nothing is thrown for a mistake of the user or a fault of the service.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCodes.clean;
  const context: Context = {
    io,
    connect: connectBy(io),
    finish: (chosen) => {
      code = chosen;
    },
  };
  try {
    await buildProgram(context).parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (io.signal.aborted) {
      note(io, 'Stopped. What the service has begun goes on; nothing is lost by stopping here.');
      return exitCodes.interrupted;
    }
    // Commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.clean : exitCodes.notDone;
    if (!isForUser(error)) throw error;
    note(io, error.message);
    return exitCodes.notDone;
  }
}

function buildProgram(context: Context): Command {
  const { io } = context;
  const program = new Command('reckoner')
    .description('Operates a Reckoner ledger through its public API.')
    .option('--url <url>', 'where the service is (or RECKONER_URL)')
    .option('--key <key>', 'API key (or RECKONER_KEY, which other users of the machine cannot see)')
    .showHelpAfterError('Add --help to see what the command takes.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
  const parts = [
    addReconcile,
    addRuns,
    addRepairs,
    addIncident,
    addInvoices,
    addSeals,
    addImport,
    addAccounts,
    addTransfers,
    addBulk,
    addHolds,
    addGrants,
    addRateCards,
    addKeys,
    addControls,
    addApprovals,
    addAudit,
    addOpenApi,
  ];
  for (const add of parts) add(program, context);
  return program;
}

function isForUser(error: unknown): error is Error {
  return (
    error instanceof CommandFailedError ||
    error instanceof ServiceUnreachableError ||
    error instanceof UnexpectedAnswerError
  );
}
