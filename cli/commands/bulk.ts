import type { Command } from 'commander';
import type { Client } from '../../contract/client.ts';
import { BULK_RESULTS_MAX } from '../../contract/limits.ts';
import type { bulkRequest, bulkWithResults } from '../../contract/schemas/batches.ts';
import type { InputOf, OutputOf } from '../../contract/schemas/deferred.ts';
import { cutIntoBulks, type FileElement, readElements } from '../bulk-file.ts';
import { type Context, FOLLOW_MS, minutes } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { expectOk } from '../failure.ts';
import { follow } from '../follow.ts';
import { formatCount, listing, plural, table } from '../format.ts';
import { type Io, note, print } from '../io.ts';
import { progressBar } from '../progress.ts';

type Bulk = OutputOf<typeof bulkWithResults>;
type Result = Bulk['results'][number];

interface PostOptions {
  readonly id?: string;
  readonly json?: true;
  readonly timeout?: number;
}

/** `reckoner bulk post|show`. */
export function addBulk(program: Command, { io, connect, finish }: Context): void {
  const group = program
    .command('bulk')
    .summary('post many charges and transfers from a file')
    .description('Hands in charges and transfers to be posted in the background, and follows them.');
  group
    .command('post')
    .description(
      'Posts the charges and transfers of a file, each exactly once by its id, and follows them until all have a result. Sending a file again posts nothing twice.',
    )
    .argument('<file>', 'NDJSON with an element on each line, or CSV with a header')
    .option('--id <id>', 'name of the bulk; a file of several bulks has <id>-1, <id>-2 and so on')
    .option('--json', 'print JSON, with the results of all elements')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes)
    .addHelpText('after', HELP)
    .action(async (file: string, options: PostOptions, command: Command) =>
      finish(await post(io, connect(command), file, options)),
    );
  group
    .command('show')
    .description('Shows how far a bulk is, and what was refused of it.')
    .argument('<id>')
    .option('--json', 'print JSON, with the results of all elements')
    .action(async (id: string, { json }: { json?: true }, command: Command) => {
      const bulk = await readWhole(io, connect(command), id);
      printBulks(io, [{ bulk }], json);
      finish(refusalsOf(bulk).length === 0 ? exitCodes.clean : exitCodes.attention);
    });
}

const HELP = `
Columns of a CSV file are the fields of a charge or a transfer: type (charge where it is left out), id, account,
operation, quantities.<dimension>, requestId, debit, credit, amount, asset, effectiveAt, description, group.

Exit codes:
  0  everything is posted
  1  some elements were refused; the others are posted
  2  the file could not be read, or not be handed in

Example:
  reckoner bulk post november.csv --id november`;

/** A bulk, and where its elements stand in the file. */
interface Shown {
  readonly bulk: Bulk;
  readonly elements?: readonly FileElement[];
}

async function post(io: Io, client: Client, file: string, options: PostOptions): Promise<ExitCode> {
  const cut = cutIntoBulks(await readElements(file));
  const name = options.id ?? `bulk-${io.newId().slice(0, 8)}`;
  // Said first: without an answer, this name is how it can be tried again and still be posted once.
  if (options.id === undefined) note(io, `The bulk is named ${name}; to try again, add --id ${name}`);
  const bulks = cut.map((elements, index) => ({ id: cut.length === 1 ? name : `${name}-${index + 1}`, elements }));
  for (const { id, elements } of bulks) {
    // The service checks each element, and tells of bad ones by their result.
    const body = { id, elements: elements.map(({ value }) => value) } as unknown as InputOf<typeof bulkRequest>;
    expectOk(await client.postBulk({ body, signal: io.signal }));
  }
  note(io, `${plural(cut.flat().length, 'element')} handed in as ${bulks.map(({ id }) => id).join(', ')}.`);
  await followAll(io, client, bulks, options.timeout ?? FOLLOW_MS);
  const shown: Shown[] = [];
  for (const { id, elements } of bulks) shown.push({ bulk: await readWhole(io, client, id), elements });
  printBulks(io, shown, options.json);
  return shown.every(({ bulk }) => refusalsOf(bulk).length === 0) ? exitCodes.clean : exitCodes.attention;
}

async function followAll(
  io: Io,
  client: Client,
  bulks: readonly { readonly id: string; readonly elements: readonly unknown[] }[],
  deadlineMs: number,
): Promise<void> {
  const total = bulks.reduce((sum, { elements }) => sum + elements.length, 0);
  const bar = progressBar(io, 'Posting', 'elements');
  let finished = 0;
  try {
    for (const { id } of bulks) {
      const { elements } = await follow(io, {
        look: async () =>
          expectOk(await client.getBulk({ params: { bulkId: id }, query: { limit: '1' }, signal: io.signal })),
        isOver: ({ status }) => status === 'done',
        show: ({ done }) => bar.update(finished + done, total),
        subject: `The bulk goes on; look at it with reckoner bulk show ${id}`,
        deadlineMs,
      });
      finished += elements;
    }
  } finally {
    bar.stop();
  }
}

/** A bulk with the results of all its elements, as far as there are. */
async function readWhole(io: Io, client: Client, bulkId: string): Promise<Bulk> {
  const results: Result[] = [];
  let cursor: string | undefined;
  for (;;) {
    const query = { limit: String(BULK_RESULTS_MAX), ...(cursor !== undefined && { cursor }) };
    const { next, ...page } = expectOk(await client.getBulk({ params: { bulkId }, query, signal: io.signal }));
    results.push(...page.results);
    if (next === undefined) return { ...page, results };
    cursor = next;
  }
}

const POSTED: ReadonlySet<string> = new Set(['created', 'replayed']);

function refusalsOf({ results }: Bulk): Result[] {
  return results.filter(({ result }) => !POSTED.has(result));
}

/** Refusals in the table: a screen or two; --json has them all. */
const REFUSALS_SHOWN = 50;

function printBulks(io: Io, shown: readonly Shown[], json: true | undefined): void {
  if (json === true) {
    const bulks = shown.map(({ bulk }) => bulk);
    print(io, JSON.stringify(bulks.length === 1 ? bulks[0] : bulks, undefined, 2));
    return;
  }
  for (const { bulk } of shown) {
    print(
      io,
      listing([
        ['Bulk', bulk.id],
        ['Status', bulk.status],
        ['Accepted at', bulk.acceptedAt],
        ['Done', `${formatCount(bulk.done)} of ${formatCount(bulk.elements)}`],
        ...Object.entries(bulk.counts).map(([result, count]) => [result, formatCount(count)] as const),
      ]),
    );
  }
  const rows = shown.flatMap(({ bulk, elements }) =>
    refusalsOf(bulk).map(({ index, id = '', result, detail = '' }) => [
      elements === undefined ? String(index) : String(elements[index]?.line ?? ''),
      id,
      result,
      detail,
    ]),
  );
  if (rows.length === 0) return;
  const place = shown.some(({ elements }) => elements !== undefined) ? 'Line' : 'Index';
  print(io, table([place, 'Id', 'Result', 'Why'], rows.slice(0, REFUSALS_SHOWN), [0]));
  if (rows.length > REFUSALS_SHOWN) {
    note(io, `${formatCount(rows.length - REFUSALS_SHOWN)} more were refused; --json lists them all.`);
  }
}
