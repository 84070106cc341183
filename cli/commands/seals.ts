import { type Command, InvalidArgumentError } from 'commander';
import type * as z from 'zod';
import type { Client } from '../../contract/client.ts';
import { SEALS_LISTED, SEALS_LISTED_MAX } from '../../contract/limits.ts';
import * as common from '../../contract/schemas/common.ts';
import type { seal, sealing } from '../../contract/schemas/seals.ts';
import { type Context, FOLLOW_MS, minutes, wholeNumber } from '../context.ts';
import { downloadTo } from '../download.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { follow } from '../follow.ts';
import { formatCount, table } from '../format.ts';
import { type Io, note, print } from '../io.ts';
import { progressBar } from '../progress.ts';

type Seal = z.output<typeof seal>;
type Sealing = z.output<typeof sealing>;
type Outcome = NonNullable<Sealing['outcome']>;

interface FollowOptions {
  readonly id?: string;
  readonly json?: true;
  readonly timeout?: number;
}

interface VerifyOptions extends FollowOptions {
  readonly from: string;
  readonly to: string;
  readonly changesOutput?: string;
}

interface NowOptions extends FollowOptions {
  readonly day: string;
}

/** `reckoner seal list|verify|now`: what the ledger was, and whether it still is. */
export function addSeals(program: Command, context: Context): void {
  const group = program
    .command('seal')
    .summary('seal days of the ledger, and verify that nothing was changed since')
    .description('Lists and makes seals of the ledger, and verifies that nothing was changed since they were made.');
  addList(group, context);
  addVerify(group, context);
  addNow(group, context);
}

function addList(group: Command, { io, connect }: Context): void {
  group
    .command('list')
    .description('Lists the latest seals, newest first.')
    .option('--limit <seals>', `how many (default: ${SEALS_LISTED})`, wholeNumber(1, SEALS_LISTED_MAX))
    .option('--json', 'print JSON')
    .action(async ({ limit = SEALS_LISTED, json }: { limit?: number; json?: true }, command: Command) => {
      const query = { limit: limit.toString() };
      const body = expectOk(await connect(command).listSeals({ query, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : sealsTable(body.seals));
      if (body.next !== undefined) note(io, `There are older ones: ask for more with --limit.`);
    });
}

function sealsTable(seals: readonly Seal[]): string {
  if (seals.length === 0) return 'There are no seals yet.';
  const rows = seals.map(({ sequence, id, sealedAt, days, entries, hash }) => [
    sequence.toString(),
    id,
    sealedAt,
    `${days[0] ?? ''} to ${days.at(-1) ?? ''}`,
    formatCount(entries),
    hash.slice(0, 16),
  ]);
  return table(['Seal', 'Id', 'Sealed', 'Days', 'Entries', 'Hash (begins)'], rows, [0, 4]);
}

const EXIT_CODES = `
Exit codes:
  0  everything is as it was sealed
  1  something was changed since, or the chain of seals is at fault
  2  it could not be done, or nothing can be said: some day was never sealed, or has entries that no seal holds`;

function addVerify(group: Command, { io, connect, finish }: Context): void {
  group
    .command('verify')
    .summary('verify that nothing was changed since it was sealed')
    .description(
      'Compares whole days (UTC) of the ledger with their seals and names each transfer that was edited, removed or inserted. Verifies the chain of seals too.',
    )
    .requiredOption('--from <day>', 'first day, such as 2026-11-01', day)
    .requiredOption('--to <day>', 'last day, inclusive', day)
    .option('--changes-output <file>', 'save all changes (NDJSON)')
    .option('--json', 'print the verification as JSON')
    .option('--id <id>', 'name of the verification; naming one that was started before follows that one')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', EXIT_CODES)
    .action(async (options: VerifyOptions, command: Command) => finish(await verify(io, connect(command), options)));
}

async function verify(io: Io, client: Client, options: VerifyOptions): Promise<ExitCode> {
  const { from, to } = options;
  const id = options.id ?? newName(io, from);
  const answer = await client.startSealVerification({ body: { id, from, to }, signal: io.signal });
  const { id: verificationId } = expectOk(answer);
  const isNew = answer.status === 202;
  note(io, `Verification ${verificationId} of ${from} to ${to} ${isNew ? 'was started' : 'is followed'}.`);
  const look = async () =>
    expectOk(await client.getSealVerification({ params: { verificationId }, signal: io.signal }));
  const again = `reckoner seal verify --id ${verificationId} --from ${from} --to ${to}`;
  const run = await followRun(io, look, { label: 'Verifying', again, deadlineMs: options.timeout ?? FOLLOW_MS });
  const outcome = printRun(io, run, options.json);
  if (options.changesOutput !== undefined) {
    const link = run.artifacts?.['changes.ndjson'];
    if (link === undefined) throw new CommandFailedError(`The verification ${run.id} has no changes.ndjson.`);
    await downloadTo(io, link, options.changesOutput);
    note(io, `The changes are in ${options.changesOutput}.`);
  }
  return exitCodeOf(outcome);
}

function addNow(group: Command, { io, connect, finish }: Context): void {
  group
    .command('now')
    .summary('seal a day now')
    .description(
      'Seals a day (UTC) that is over now, or seals it anew. What differs from its seal keeps the one it has.',
    )
    .requiredOption('--day <day>', 'such as 2026-11-19', day)
    .option('--json', 'print the outcome as JSON')
    .option('--id <id>', 'name of the seal; naming one that was asked for before follows that one')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', EXIT_CODES)
    .action(async (options: NowOptions, command: Command) => finish(await sealNow(io, connect(command), options)));
}

async function sealNow(io: Io, client: Client, options: NowOptions): Promise<ExitCode> {
  const id = options.id ?? newName(io, options.day);
  const body = { id, from: options.day, to: options.day };
  const { id: sealId } = expectOk(await client.startSeal({ body, signal: io.signal }));
  const look = async () => expectOk(await client.getSeal({ params: { sealId }, signal: io.signal }));
  const again = `reckoner seal now --id ${sealId} --day ${options.day}`;
  const run = await followRun(io, look, { label: 'Sealing', again, deadlineMs: options.timeout ?? FOLLOW_MS });
  return exitCodeOf(printRun(io, run, options.json));
}

function newName(io: Io, from: string): string {
  return `manual-${from}-${io.newId().slice(0, 8)}`;
}

async function followRun(
  io: Io,
  look: () => Promise<Sealing>,
  { label, again, deadlineMs }: { readonly label: string; readonly again: string; readonly deadlineMs: number },
): Promise<Sealing> {
  const bar = progressBar(io, label, 'slices');
  try {
    return await follow(io, {
      look,
      isOver: ({ status }) => status === 'succeeded' || status === 'failed',
      show: ({ progress }) => bar.update(progress.slicesDone, progress.slicesTotal),
      subject: `It goes on: ${again}`,
      deadlineMs,
    });
  } finally {
    bar.stop();
  }
}

/** @throws CommandFailedError when it failed. */
function printRun(io: Io, run: Sealing, json: true | undefined): Outcome {
  const { outcome, error } = run;
  if (json === true) print(io, JSON.stringify(run, undefined, 2));
  if (run.status === 'failed' || outcome === undefined) {
    const why = error === undefined ? 'no reason was recorded.' : `${error.name}: ${error.cause}`;
    throw new CommandFailedError(`It failed: ${why} Run the same command with --id ${run.id} to try it again.`);
  }
  if (json === true) return outcome;
  if (outcome.firstChanges.length > 0) print(io, changesTable(outcome));
  for (const { sentence } of outcome.firstFaults) print(io, sentence);
  if (outcome.daysNotSealed.length > 0) print(io, `Never sealed: ${outcome.daysNotSealed.join(', ')}`);
  if (outcome.unsealed > 0) print(io, `With entries in no seal: ${outcome.daysUnsealed.join(', ')}`);
  if (outcome.seal !== undefined) print(io, `Seal ${outcome.seal.sequence}, hash ${outcome.seal.hash}`);
  // Last, so that it is what stands above the prompt. Scripts look for it.
  print(io, outcome.sentence);
  return outcome;
}

function changesTable({ changes, firstChanges }: Outcome): string {
  const rows = firstChanges.map(({ account, day: on, transfer, what, seal: by }) => [
    account,
    on,
    transfer,
    what,
    by.toString(),
  ]);
  const shown = table(['Account', 'Day', 'Transfer', 'What', 'Seal'], rows, [4]);
  const more = changes - firstChanges.length;
  return more > 0 ? `${shown}\n${formatCount(more)} more: save all with --changes-output.` : shown;
}

function exitCodeOf({ verdict }: Outcome): ExitCode {
  if (verdict === 'intact') return exitCodes.clean;
  return verdict === 'broken' ? exitCodes.attention : exitCodes.notDone;
}

/** Reads a day. Checked here, because it becomes part of a name. @throws InvalidArgumentError */
function day(text: string): string {
  const read = common.day.safeParse(text);
  if (!read.success) throw new InvalidArgumentError(`It ${read.error.issues[0]?.message}.`);
  return read.data;
}
