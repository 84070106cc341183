import { type Command, Option } from 'commander';
import type * as z from 'zod';
import type { Client } from '../../contract/client.ts';
import { type invoice, type invoiceDiff, invoiceStatus, type invoiceSummary } from '../../contract/schemas/invoices.ts';
import { month } from '../billing-runs.ts';
import { type Context, wholeNumber } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { expectOk } from '../failure.ts';
import { formatAmount, listing, plural, table } from '../format.ts';
import { type Io, print } from '../io.ts';
import { addInvoiceExports } from './invoices-exports.ts';
import { addInvoiceLines } from './invoices-lines.ts';
import { addParity } from './invoices-parity.ts';
import { addInvoiceRuns } from './invoices-runs.ts';
import { addInvoiceValidation } from './invoices-validate.ts';

type Invoice = z.output<typeof invoice>;
type Summary = z.output<typeof invoiceSummary>;
type Diff = z.output<typeof invoiceDiff>;

interface ListOptions {
  readonly month: string;
  readonly status?: z.output<typeof invoiceStatus>;
  readonly json?: true;
}

interface DiffOptions {
  readonly from?: number;
  readonly to?: number;
  readonly json?: true;
}

/** `reckoner invoices ...`: what a month is billed as, and everything that is done with it. */
export function addInvoices(program: Command, context: Context): void {
  const invoices = program
    .command('invoices')
    .summary('make, review, finalize and read invoices')
    .description('Makes the invoices of a month from the ledger, reviews, finalizes and reads them.');
  addInvoiceRuns(invoices, context);
  addParity(invoices, context);
  addList(invoices, context);
  addShow(invoices, context);
  addDiff(invoices, context);
  addVoid(invoices, context);
  addInvoiceLines(invoices, context);
  addInvoiceValidation(invoices, context);
  addInvoiceExports(invoices, context);
}

function addList(invoices: Command, { io, connect }: Context): void {
  invoices
    .command('list')
    .summary('list the invoices of a month')
    .description('Lists the invoices of a month, and the credit notes and debit adjustments that correct them.')
    .requiredOption('--month <month>', 'such as 2026-10', month)
    .addOption(new Option('--status <status>', 'in this state alone').choices(invoiceStatus.options))
    .option('--json', 'print JSON')
    .action(async ({ json, ...query }: ListOptions, self: Command) => {
      const listed = await listAll(io, connect(self), query);
      print(io, json === true ? JSON.stringify({ invoices: listed }, undefined, 2) : invoicesTable(listed));
    });
}

async function listAll(io: Io, client: Client, query: Omit<ListOptions, 'json'>): Promise<Summary[]> {
  const listed: Summary[] = [];
  let cursor: string | undefined;
  do {
    const page = expectOk(await client.listInvoices({ query: { ...query, limit: PAGE, cursor }, signal: io.signal }));
    listed.push(...page.invoices);
    cursor = page.next;
  } while (cursor !== undefined);
  return listed;
}

/** Invoices asked for at once. */
const PAGE = 500;

function invoicesTable(invoices: readonly Summary[]): string {
  if (invoices.length === 0) return 'There are no such invoices.';
  const rows = invoices.map(({ id, kind, status, version, number = '', due, asset, blocked }) => [
    ...[id, kind, blocked.length > 0 ? `${status}, blocked` : status, number, `${version}`],
    formatAmount(due, asset),
  ]);
  return table(['Invoice', 'Kind', 'Status', 'Number', 'Version', 'Due'], rows, [4, 5]);
}

function addShow(invoices: Command, { io, connect, finish }: Context): void {
  invoices
    .command('show')
    .summary('show an invoice with its lines')
    .description('Shows an invoice with its lines, its versions and why it is blocked, where it is.')
    .argument('<invoice>', 'such as 2026-10:customer:acme')
    .option('--json', 'print JSON')
    .action(async (invoiceId: string, { json }: { json?: true }, self: Command) => {
      const found = expectOk(await connect(self).getInvoice({ params: { invoiceId }, signal: io.signal }));
      print(io, json === true ? JSON.stringify(found, undefined, 2) : invoiceDetails(found));
      finish(found.blocked.length > 0 ? exitCodes.attention : exitCodes.clean);
    });
}

function invoiceDetails(found: Invoice): string {
  const { asset } = found;
  const amount = (text: string) => formatAmount(text, asset);
  const facts = listing([
    ['Invoice', found.id],
    ['Kind', found.kind],
    ['Corrects', found.original],
    ['Number', found.number],
    ['Status', found.status],
    ['Version', `${found.version}, made by ${found.madeBy} at ${found.madeAt}`],
    ['Opening balance', amount(found.opening)],
    ['Closing balance', amount(found.closing)],
    ['Due', amount(found.due)],
    ['Corrected by', found.corrections.length === 0 ? undefined : found.corrections.join(', ')],
    ['Digest', found.digest],
    ...found.blocked.map((reason) => ['Blocked', reason] as const),
  ]);
  const rows = found.lines.map(({ unit, type, description, quantity, amount: of, due }) => [
    ...[unit, type, description, quantity, amount(of)],
    due ? 'yes' : '',
  ]);
  return [facts, table(['Unit', 'Type', 'Description', 'Quantity', 'Amount', 'Due'], rows, [3, 4])].join('\n');
}

function addDiff(invoices: Command, { io, connect }: Context): void {
  const version = wholeNumber(1, 999_999);
  invoices
    .command('diff')
    .summary('compare two versions of an invoice line by line')
    .description(
      'Compares two versions of an invoice line by line: the last one with the one before it, or those named.',
    )
    .argument('<invoice>', 'such as 2026-10:customer:acme')
    .option('--from <version>', 'the earlier version', version)
    .option('--to <version>', 'the later version', version)
    .option('--json', 'print JSON')
    .action(async (invoiceId: string, { json, ...query }: DiffOptions, self: Command) => {
      const found = expectOk(await connect(self).diffInvoice({ params: { invoiceId }, query, signal: io.signal }));
      print(io, json === true ? JSON.stringify(found, undefined, 2) : diffDetails(found));
    });
}

function diffDetails({ id, from, to, asset, changes }: Diff): string {
  const amount = (text: string) => formatAmount(text, asset);
  const title = `${id}, version ${from} to version ${to}: ${plural(changes.length, 'line')} changed.`;
  if (changes.length === 0) return title;
  const rows = changes.map((line) => [
    ...[line.unit, line.type, line.description],
    `${line.quantityBefore} -> ${line.quantityAfter}`,
    ...[line.amountBefore, line.amountAfter, `${BigInt(line.amountAfter) - BigInt(line.amountBefore)}`].map(amount),
  ]);
  const head = ['Unit', 'Type', 'Description', 'Quantity', 'Before', 'Now', 'Difference'];
  return [title, table(head, rows, [3, 4, 5, 6])].join('\n');
}

function addVoid(invoices: Command, { io, connect }: Context): void {
  invoices
    .command('void')
    .summary('say that an invoice is not to be sent')
    .description(
      'Says that an invoice is not to be sent. One that is final cannot be taken back: regenerate its month.',
    )
    .argument('<invoice>', 'such as 2026-10:customer:acme')
    .action(async (invoiceId: string, _options: object, self: Command) => {
      const { id, status } = expectOk(await connect(self).voidInvoice({ params: { invoiceId }, signal: io.signal }));
      print(io, `${id} is ${status}.`);
    });
}
