import {
  CLOCK_SKEW_MS_MAX,
  IMPORT_ENTRIES_MAX,
  RECONCILIATION_DAYS_MAX,
  REPAIR_PARTS_MAX,
} from '../../../contract/limits.ts';
import { type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { readFacts } from '../../../domain/repairs/facts.ts';
import {
  distinctEntries,
  type Entry,
  type EntryRefusal,
  entryId,
  type PlannedEntry,
  planEntry,
  priceOfEntry,
} from '../../../domain/repairs/import.ts';
import type { TransferStep } from '../../../domain/repairs/steps.ts';
import { addDays, addMilliseconds, dayOf } from '../../../domain/time.ts';
import { getAccount } from '../../../store/accounts.ts';
import { repairKey } from '../../../store/artifacts.ts';
import { sha256 } from '../../../store/audit.ts';
import type { Repair, RepairSource } from '../../../store/repairs.ts';
import { requestBooks } from '../../../store/request-books.ts';
import { readLines } from '../../events/import/lines.ts';
import { readCsvRows } from '../../events/import/rows.ts';
import { shown } from '../../events/import/unreadable.ts';
import { announcedBytes, ERRORS_FILE, INPUT_FILE, type RefusedLine, writeRefused } from '../announced-file.ts';
import { objectionTo, readEntry } from './entry-rows.ts';
import { type Draft, type LeftLine, type PlanningDeps, PlanTooLargeError } from './plan.ts';

/**
 * Entries looked up at once: each takes five short reads in two rounds, so 200,000 take a few minutes of the 15 that the
 * function has.
 */
const ENTRIES_AT_ONCE = 32;

/** The file of an import is not there, or is not the one that was announced. */
export class EntriesFileError extends Error {
  override name = 'EntriesFileError';
}

type ImportSource = Extract<RepairSource, { kind: 'import' }>;

/**
 * Plans to post what a file says and the ledger does not have. The file is read whole and everything is looked up before
 * anything is planned, so what is twice in it, or in the ledger already, is found while nothing is written.
 * @throws EntriesFileError, UnreadableFileError, PlanTooLargeError
 */
export async function planImport(deps: PlanningDeps, { id }: Pick<Repair, 'id'>, source: ImportSource): Promise<Draft> {
  const { rows, read, refused } = await readEntries(deps, id, source);
  const distinct = distinctEntries(rows);
  for (const { entry, refusal } of distinct.refused) refused.push(refusedEntry(entry, refusal));
  const groups: TransferStep[][] = [];
  let unchanged = 0;
  const isOpened = rememberingOpened(deps);
  const planned = inOrder(distinct.entries, ENTRIES_AT_ONCE, async (entry) => ({
    entry,
    plan: await plan(deps, entry, isOpened),
  }));
  for await (const { entry, plan: its } of planned) {
    if (its.kind === 'insert') groups.push([its.step]);
    else if (its.kind === 'unchanged') unchanged += 1;
    else refused.push(refusedEntry(entry, its.refusal));
  }
  if (groups.length > source.batchSize * REPAIR_PARTS_MAX) {
    const least = Math.ceil(groups.length / REPAIR_PARTS_MAX);
    throw new PlanTooLargeError(
      `${groups.length} entries in batches of ${source.batchSize} are too many batches; make them ${least} or more.`,
    );
  }
  refused.sort((a, b) => a.line - b.line);
  await writeRefused(deps.artifacts, repairKey(id, ERRORS_FILE), refused);
  const counts = { read, duplicates: distinct.duplicates, unchanged, refused: refused.length };
  return {
    groups,
    partSteps: source.batchSize,
    answered: groups.length,
    left: refused.map(leftLine),
    entries: { ...counts, ...daysOfEntries(groups.flat()) },
  };
}

/** A row that is not imported, as far as it could be read. */
interface RefusedRow extends RefusedLine {
  readonly account: string;
  readonly requestId?: string;
}

async function readEntries({ artifacts, chart, now }: PlanningDeps, id: string, { sha256 }: ImportSource) {
  const latest = addMilliseconds(now(), CLOCK_SKEW_MS_MAX);
  const bytes = announcedBytes(artifacts, repairKey(id, INPUT_FILE), {
    ...{ sha256, owner: 'repair', again: 'plan again' },
    fault: (message, options) => new EntriesFileError(message, options),
  });
  const rows: Entry[] = [];
  const refused: RefusedRow[] = [];
  let read = 0;
  for await (const row of readCsvRows(readLines(bytes), objectionTo)) {
    read += 1;
    if (read > IMPORT_ENTRIES_MAX) {
      throw new PlanTooLargeError(
        `The file has more than ${IMPORT_ENTRIES_MAX} rows; send it in several, each under its own run id.`,
      );
    }
    const result = readEntry(row, latest);
    if (!result.ok) {
      refused.push({ line: row.line, account: '', errors: result.errors });
      continue;
    }
    const { entry, asset } = result;
    const charted = chartEntryOf(chart, entry.account);
    const refusal = refusalByChart(charted, asset);
    if (refusal === undefined) rows.push(entry);
    else refused.push(refusedEntry(entry, refusal));
  }
  return { rows, read, refused };
}

function refusalByChart(charted: ChartEntry | undefined, asset: string | undefined): EntryRefusal | undefined {
  if (charted === undefined || charted.party !== 'customer') {
    return { field: 'account', rule: 'must be a customer account that the chart of accounts knows' };
  }
  if (asset === undefined || asset === charted.asset) return undefined;
  return { field: 'asset', rule: `must be "${charted.asset}", which is the asset of the account` };
}

/** A file has many entries of few accounts: each is looked up once. */
function rememberingOpened({ books }: PlanningDeps): (account: string) => Promise<boolean> {
  const looked = new Map<string, Promise<boolean>>();
  return (account) => {
    const known = looked.get(account) ?? getAccount(books, account).then((found) => found !== undefined);
    looked.set(account, known);
    return known;
  };
}

async function plan(
  deps: PlanningDeps,
  entry: Entry,
  isOpened: (account: string) => Promise<boolean>,
): Promise<PlannedEntry> {
  const { books, chart, rateCards } = deps;
  const { account, requestId, occurredAt } = entry;
  const charted = chartEntryOf(chart, account);
  if (charted === undefined) throw new TypeError(`The chart does not know "${account}" any more.`);
  const price = priceOfEntry(entry, charted, chart, rateCards);
  if ('rule' in price) return { kind: 'refused', refusal: price };
  // A derived account exists from its first charge on; a strict one must have been opened.
  const chargeable = charted.balance === 'derived' || (await isOpened(account));
  const request = { account, requestId, chargeable };
  const seeds = { transferIds: [], moments: [occurredAt] };
  const facts = await readFacts(requestBooks(books, account, requestId, charted), request, seeds, sha256);
  return planEntry(entry, facts, price, charted, sha256);
}

/** The days that the entries count on; the verifying run looks at these. @throws PlanTooLargeError */
function daysOfEntries(steps: readonly TransferStep[]): { firstDay?: string; lastDay?: string } {
  const days = steps.map(({ transfer }) => dayOf(transfer.effectiveAt)).sort();
  const [firstDay, lastDay] = [days[0], days.at(-1)];
  if (firstDay === undefined || lastDay === undefined) return {};
  if (lastDay >= addDays(firstDay, RECONCILIATION_DAYS_MAX)) {
    throw new PlanTooLargeError(
      `The entries count on days from ${firstDay} to ${lastDay}, and at most ${RECONCILIATION_DAYS_MAX} days are verified at once; send them year by year.`,
    );
  }
  return { firstDay, lastDay };
}

function refusedEntry(entry: Entry, { field, rule }: EntryRefusal): RefusedRow {
  const { line, account, requestId } = entry;
  const values: Readonly<Record<string, string | undefined>> = {
    account,
    request_id: requestId,
    operation: entry.operation,
    occurred_at: entry.occurredAt,
    amount: entry.amount?.toString(),
  };
  return { line, account, requestId, errors: [{ field, rule, value: shown(values[field]) }] };
}

function leftLine({ line, account, requestId, errors }: RefusedRow): LeftLine {
  const reason = errors.map(({ field, rule }) => `Line ${line}: ${field} ${rule}.`).join(' ');
  return { id: entryId(line), account, ...(requestId !== undefined && { requestId }), kind: 'charge', reason };
}
