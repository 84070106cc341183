import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import {
  type ChainCheck,
  checkChain,
  NotAnAuditRecordError,
  type WireAuditRecord,
} from '../../contract/audit-chain.ts';
import type { Client } from '../../contract/client.ts';
import { AUDIT_ANCHORS_MAX, AUDIT_RECORDS_DEFAULT, AUDIT_RECORDS_MAX } from '../../contract/limits.ts';
import { auditQuery } from '../../contract/schemas/audit.ts';
import { type Context, wholeNumber } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, expectOk } from '../failure.ts';
import { plural, printable, table } from '../format.ts';
import { type Io, note, print } from '../io.ts';

interface ListOptions {
  readonly from?: string;
  readonly to?: string;
  readonly actor?: string;
  readonly action?: Query['action'];
  readonly target?: string;
  readonly limit?: number;
  readonly json?: true;
}

interface VerifyOptions {
  readonly file?: string;
  readonly manifest?: string;
  readonly after?: Head;
  readonly head?: Head;
  readonly json?: true;
}

interface ExportOptions {
  readonly month: string;
  readonly output: string;
}

type Query = NonNullable<NonNullable<Parameters<Client['listAudit']>[0]>['query']>;
type Head = ChainCheck['head'];

const ACTIONS = auditQuery.shape.action.unwrap().options;

/** `reckoner audit list|verify|export`: who did what, and whether that can be believed. */
export function addAudit(program: Command, context: Context): void {
  const group = program
    .command('audit')
    .summary('list, verify and export who did what')
    .description('Lists, verifies and exports the audit chain: every change by an operator, and every run.');
  addList(group, context);
  addVerify(group, context);
  addExport(group, context);
}

function addList(group: Command, { io, connect }: Context): void {
  group
    .command('list')
    .description('Lists the latest audit records, newest first.')
    .option('--from <time>', 'written at this time or later, such as 2026-11-01T00:00:00Z')
    .option('--to <time>', 'written before this time')
    .option('--actor <actor>', 'who: the id of an API key, "owner", or "run:<id>"')
    .addOption(new Option('--action <action>', 'what was done').choices(ACTIONS))
    .option('--target <target>', 'to what, such as account:customer:acme')
    .option('--limit <records>', `how many (default: ${AUDIT_RECORDS_DEFAULT})`, wholeNumber(1, 10_000))
    .option('--json', 'print JSON')
    .action(async ({ json, limit = AUDIT_RECORDS_DEFAULT, ...filters }: ListOptions, command: Command) => {
      const records: WireAuditRecord[] = [];
      for await (const record of readRecords(io, connect(command), { ...filters, order: 'desc' }, limit)) {
        records.push(record);
      }
      print(io, json === true ? JSON.stringify({ records }, undefined, 2) : recordsTable(records));
    });
}

function addVerify(group: Command, { io, connect, finish }: Context): void {
  group
    .command('verify')
    .summary('verify that no record was edited, removed or inserted')
    .description(
      'Verifies the whole audit chain against the hashes that are kept where nobody can rewrite them; or, with --file, an export, without asking any service.',
    )
    .option('--file <file>', 'an export (NDJSON) to verify instead')
    .addOption(
      new Option(
        '--manifest <file>',
        'with --file: its manifest, which says what it begins behind and ends with',
      ).conflicts('after'),
    )
    .option('--after <sequence:hash>', 'with --file: the record that its first one follows, which you kept', readAfter)
    .option(
      '--head <sequence:hash>',
      'a head of the chain that you kept: an end that was cut off shows by it',
      readHead,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', VERIFY_HELP)
    .action(async (options: VerifyOptions, command: Command) => {
      if (options.file === undefined && (options.manifest ?? options.after) !== undefined) {
        throw new CommandFailedError('--manifest and --after say something of an export: name it with --file.');
      }
      finish(await verify(io, options, () => connect(command)));
    });
}

const VERIFY_HELP = `
Exit codes:
  0  the chain holds
  1  the chain is broken: the record and what is wrong with it are named
  2  it could not be verified`;

function addExport(group: Command, { io, connect, finish }: Context): void {
  group
    .command('export')
    .summary('save the audit records of a month')
    .description(
      'Saves the audit records of a month as NDJSON, byte for byte what the monthly export leaves in the artifacts bucket.',
    )
    .requiredOption('--month <month>', 'such as 2026-11', month)
    .requiredOption('--output <file>', 'where to')
    .action(async (options: ExportOptions, command: Command) =>
      finish(await exportMonth(io, connect(command), options)),
    );
}

/** @throws InvalidArgumentError */
function month(text: string): string {
  if (/^[0-9]{4}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw new InvalidArgumentError('Give a month, such as 2026-11.');
}

/** @throws InvalidArgumentError */
function readHead(text: string): Head {
  const [, sequence, hash] = /^([1-9][0-9]{0,11}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence !== undefined && hash !== undefined) return { sequence: Number(sequence), hash };
  throw new InvalidArgumentError('Give a sequence and its hash, as verify prints them: 42:5f70bf18...');
}

/** The same for what a first record follows, which may be the start of the chain. @throws InvalidArgumentError */
function readAfter(text: string): Head {
  return /^0:0{64}$/.test(text) ? { sequence: 0, hash: text.slice(2) } : readHead(text);
}

async function verify(io: Io, options: VerifyOptions, connect: () => Client): Promise<ExitCode> {
  const { file, head, json } = options;
  const kept = head === undefined ? [] : [head];
  const { check, anchors } =
    file === undefined ? await verifyService(io, connect(), kept) : await verifyFile(io, file, kept, options);
  if (json === true) print(io, JSON.stringify({ ...check, anchors }, undefined, 2));
  else print(io, sentenceOf(check));
  if (anchors === 0) note(io, 'It was held against no hash kept elsewhere: an end that was cut off would not show.');
  return check.fault === undefined ? exitCodes.clean : exitCodes.attention;
}

async function verifyService(io: Io, client: Client, kept: readonly Head[]) {
  // Asked for before the records: an anchor of later would be missing from them.
  const query = { limit: AUDIT_ANCHORS_MAX.toString() };
  const answer = expectOk(await client.listAuditAnchors({ query, signal: io.signal }));
  const anchors = [...answer.anchors, ...kept];
  for (const { day, fault } of answer.anchors) {
    if (fault !== undefined) note(io, `When ${day} was anchored, the chain was broken. ${printable(fault)}`);
  }
  const check = await checked(checkChain(readRecords(io, client, {}), { now: nowOf(io), anchors }));
  return { check, anchors: anchors.length };
}

async function verifyFile(io: Io, file: string, heads: readonly Head[], { manifest, after }: VerifyOptions) {
  const said = manifest === undefined ? undefined : await readManifest(manifest);
  const begins = said?.after ?? after;
  const anchors = said === undefined ? heads : [...heads, said.head];
  const options = { now: nowOf(io), isPart: true, anchors, ...(begins !== undefined && { after: begins }) };
  let first: string | undefined;
  const onLine = (line: string) => {
    first ??= line;
  };
  const check = await checked(checkChain(readFileRecords(io, file), { ...options, onLine }));
  const isFromStart = first !== undefined && (JSON.parse(first) as WireAuditRecord).sequence === 1;
  if (begins === undefined && !isFromStart) {
    note(io, 'Its first record is believed: a front that was cut off would not show. Give --manifest or --after.');
  }
  return { check, anchors: anchors.length };
}

const head = z.object({ sequence: z.number().int().min(0), hash: z.string().regex(/^[0-9a-f]{64}$/) });
const manifestEnds = z.object({ after: head, head });

/** What an export begins behind and ends with. @throws CommandFailedError */
async function readManifest(file: string): Promise<z.output<typeof manifestEnds>> {
  try {
    return manifestEnds.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError || error instanceof SyntaxError ? 'it is no manifest' : reason(error);
    throw new CommandFailedError(`${file} could not be read: ${why}.`, { cause: error });
  }
}

function nowOf(io: Io): string {
  return new Date(io.now()).toISOString();
}

/** @throws CommandFailedError for what is no record, which says nothing of the others. */
async function checked(check: Promise<ChainCheck>): Promise<ChainCheck> {
  try {
    return await check;
  } catch (error) {
    if (error instanceof NotAnAuditRecordError) throw new CommandFailedError(error.message, { cause: error });
    throw error;
  }
}

function sentenceOf({ records, head, fault }: ChainCheck): string {
  if (fault !== undefined) return `The audit chain is broken. ${fault.sentence}`;
  return `The audit chain holds: ${plural(records, 'record')}, head ${head.sequence}:${head.hash}`;
}

async function exportMonth(io: Io, client: Client, { month: name, output }: ExportOptions): Promise<ExitCode> {
  const from = new Date(`${name}-01T00:00:00.000Z`);
  const to = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 1));
  const query = { from: from.toISOString(), to: to.toISOString() };
  const file = await openFile(output);
  try {
    const onLine = async (line: string) => void (await file.write(`${line}\n`));
    const check = await checked(checkChain(readRecords(io, client, query), { now: nowOf(io), isPart: true, onLine }));
    print(
      io,
      `${plural(check.records, 'record')} of ${name} are in ${output}, head ${check.head.sequence}:${check.head.hash}`,
    );
    if (check.fault === undefined) return exitCodes.clean;
    print(io, sentenceOf(check));
    return exitCodes.attention;
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (error) {
    throw new CommandFailedError(`${path} could not be written: ${reason(error)}.`, { cause: error });
  }
}

/** Records of the service in the order asked for, page by page, up to a limit. */
async function* readRecords(
  io: Io,
  client: Client,
  filters: Query,
  most: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<WireAuditRecord> {
  let left = most;
  let cursor: string | undefined;
  do {
    const query = { ...filters, limit: Math.min(left, AUDIT_RECORDS_MAX).toString(), cursor };
    const page = expectOk(await client.listAudit({ query, signal: io.signal }));
    yield* page.records;
    left -= page.records.length;
    cursor = page.next;
  } while (cursor !== undefined && left > 0);
}

/** The lines of a file as JSON. @throws CommandFailedError when it cannot be read, or has a line that is none. */
async function* readFileRecords(io: Io, file: string): AsyncGenerator<unknown> {
  const stream = createReadStream(file, { signal: io.signal });
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line !== '') yield JSON.parse(line);
    }
  } catch (error) {
    io.signal.throwIfAborted();
    throw new CommandFailedError(`${file} could not be read: ${reason(error)}.`, { cause: error });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function recordsTable(records: readonly WireAuditRecord[]): string {
  if (records.length === 0) return 'There are no such records.';
  const rows = records.map(({ sequence, at, actor, action, target, details }) => [
    sequence.toString(),
    at,
    actor,
    action,
    target,
    detailsText(details),
  ]);
  return table(['Record', 'At', 'Actor', 'Action', 'Target', 'Details'], rows, [0]);
}

/** Characters of details in a table; all of them are in the JSON. */
const DETAILS_SHOWN_MAX = 80;

function detailsText(details: WireAuditRecord['details']): string {
  const text = Object.entries(details)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : value}`)
    .join(' ');
  return printable(text.length > DETAILS_SHOWN_MAX ? `${text.slice(0, DETAILS_SHOWN_MAX - 3)}...` : text);
}
