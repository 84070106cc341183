import type { BalanceFigures } from '../../../domain/accounts.ts';
import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { INVOICE_LINES_MAX } from '../../../domain/invoices/invoice.ts';
import { createLineSums, type InvoiceLine, lineKeyText, lineOf } from '../../../domain/invoices/lines.ts';
import {
  balanceFaults,
  FAULTS_MAX,
  NAMED_TRANSFERS_MAX,
  type TieFault,
  type UnitFigures,
} from '../../../domain/invoices/tie-out.ts';
import type { Asset } from '../../../domain/money.ts';
import { sameFigures } from '../../../domain/reconciliation/balances.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { type AccountHistory, listedDays, listedDaysUntil } from '../../../domain/statements.ts';
import {
  addDays,
  addMilliseconds,
  type Day,
  dayOf,
  daysOf,
  type Instant,
  type Month,
  type Period,
  periodOfMonth,
} from '../../../domain/time.ts';
import { getAccount } from '../../../store/accounts.ts';
import type { LedgerTable } from '../../../store/posting.ts';
import { type AccountDays, eachTransfer, sumTransfersAsOf } from '../../../store/statements.ts';

export interface LedgerLinesDeps {
  readonly ledger: LedgerTable;
  readonly chart: Chart;
  readonly now: () => Instant;
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** A customer as invoices see it: the account that is billed, and all accounts of its path that are open. */
export interface BilledFamily {
  readonly account: string;
  readonly asset: Asset;
  readonly units: readonly AccountHistory[];
}

/** What the ledger says of a family's month. Amounts are minor units. */
export interface LedgerLines {
  /** Sums of transfers, in the order of their keys. */
  readonly lines: readonly InvoiceLine[];
  readonly transfers: number;
  readonly opening: bigint;
  readonly closing: bigint;
  /** Where balances do not tie with transfers. */
  readonly faults: readonly TieFault[];
}

/** Accounts of one family read side by side; each reads many days at once already. */
const UNITS_AT_ONCE = 4;
/** Looks at an account whose balance moves while its transfers are summed. */
const LOOKS_MAX = 5;
/** Milliseconds before now from which on transfers are summed at every look: what moves, counts within them as a rule. */
const MOVING_MS = 15 * 60_000;
/** An index is usually a fraction of a second behind its table; a difference must outlast this many milliseconds. */
const INDEX_LAG_MS = 2_000;

/** Sums a family's transfers of a month to lines, and holds them against the balances that the table keeps. */
export async function readLedgerLines(deps: LedgerLinesDeps, family: BilledFamily, month: Month): Promise<LedgerLines> {
  const period = periodOfMonth(month);
  const sums = createLineSums();
  const units: UnitFigures[] = [];
  let transfers = 0;
  const readings = inOrder(family.units, UNITS_AT_ONCE, (history) => readUnit(deps, history, period));
  for await (const reading of readings) {
    transfers += reading.transfers;
    units.push(reading.figures);
    for (const line of reading.lines) sums.add(line);
  }
  const faults = balanceFaults(family.asset, units);
  if (sums.count() > INVOICE_LINES_MAX) faults.push({ kind: 'too-many-lines', lines: sums.count() });
  const total = (name: 'opening' | 'closing') => units.reduce((sum, unit) => sum + unit[name], 0n);
  return {
    lines: sums.lines().slice(0, INVOICE_LINES_MAX),
    transfers,
    opening: total('opening'),
    closing: total('closing'),
    faults: faults.slice(0, FAULTS_MAX),
  };
}

interface Reading {
  readonly lines: readonly InvoiceLine[];
  readonly transfers: number;
  readonly figures: UnitFigures;
}

/**
 * Sums between two readings of the kept balance: only where it did not move meanwhile can they be compared. A difference
 * is one when a second look, which sums everything anew, still finds it.
 */
async function readUnit(deps: LedgerLinesDeps, history: AccountHistory, period: Period): Promise<Reading> {
  const { account } = history;
  const entry = entryOf(deps.chart, account.id);
  const settled = await readSettled(deps, history, entry, period);
  if (account.figures === undefined) return readingOf(account.id, account.asset, settled, undefined);
  let known = settled;
  let suspected = false;
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const before = (await getAccount(deps.ledger, account.id))?.figures;
    if (suspected) known = await readSettled(deps, history, entry, period);
    const moving = await sumOf(deps, account.id, entry, known.movingDays);
    const after = (await getAccount(deps.ledger, account.id))?.figures;
    if (before === undefined || after === undefined) break;
    if (!sameFigures(before, after)) {
      suspected = false;
      continue;
    }
    const kept = netOf(after) - known.opening - known.later - moving;
    const reading = readingOf(account.id, account.asset, known, kept);
    if (suspected || kept === reading.figures.closing - reading.figures.opening) return reading;
    suspected = true;
    await deps.wait(INDEX_LAG_MS);
  }
  const { figures, ...reading } = readingOf(account.id, account.asset, known, undefined);
  return { ...reading, figures: { ...figures, isMoving: true } };
}

function readingOf(unit: string, asset: Asset, settled: Settled, kept: bigint | undefined): Reading {
  const { opening, lines, transfers } = settled;
  // What lines charge, the balance loses.
  const closing = lines.reduce((sum, { amount }) => sum - amount, opening);
  return { lines, transfers, figures: { unit, asset, opening, closing, ...(kept !== undefined && { kept }) } };
}

/** What of an account is not expected to move any more. */
interface Settled {
  readonly opening: bigint;
  readonly lines: readonly InvoiceLine[];
  readonly transfers: number;
  /** What counts behind the period and before the days that still move. */
  readonly later: bigint;
  readonly movingDays: readonly Day[];
}

async function readSettled(
  deps: LedgerLinesDeps,
  history: AccountHistory,
  entry: ChartEntry,
  period: Period,
): Promise<Settled> {
  const { id } = history.account;
  const now = deps.now();
  // Tomorrow too, because callers' clocks may be ahead of midnight.
  const end = addDays(dayOf(now), 2);
  const movingFrom = max(dayOf(addMilliseconds(now, -MOVING_MS)), period.end);
  const isKept = history.account.figures !== undefined;
  const after = (start: Day, until: Day) => (isKept ? listedDays(history, { start, end: until }) : []);
  const sums = createLineSums();
  let transfers = 0;
  const [opening, later] = await Promise.all([
    sumOf(deps, id, entry, listedDaysUntil(history, addDays(period.start, -1))),
    sumOf(deps, id, entry, after(period.end, movingFrom)),
    eachTransfer(deps.ledger, [{ account: id, entry, days: daysToInvoice(history, period) }], ({ transfer, side }) => {
      transfers += 1;
      sums.add(lineOf(transfer, side, id));
    }),
  ]);
  return { opening, later, lines: sums.lines(), transfers, movingDays: after(movingFrom, max(end, movingFrom)) };
}

/**
 * Names the transfers behind lines that do not tie, the first of each.
 * @param lines faults of lines; others are given back as they are.
 */
export async function nameTransfers(
  { ledger, chart }: LedgerLinesDeps,
  { units }: BilledFamily,
  month: Month,
  faults: readonly TieFault[],
): Promise<TieFault[]> {
  const wanted = new Map<string, string[]>();
  for (const fault of faults) if (fault.kind === 'line') wanted.set(lineKeyText(fault), []);
  const period = periodOfMonth(month);
  const reads = units.map((history): AccountDays => {
    const { id } = history.account;
    return { account: id, entry: entryOf(chart, id), days: wanted.size === 0 ? [] : daysToInvoice(history, period) };
  });
  await eachTransfer(ledger, reads, ({ transfer, side }, account) => {
    wanted.get(lineKeyText(lineOf(transfer, side, account)))?.push(transfer.id);
  });
  return faults.map((fault) => {
    if (fault.kind !== 'line') return fault;
    return { ...fault, transferIds: (wanted.get(lineKeyText(fault)) ?? []).sort().slice(0, NAMED_TRANSFERS_MAX) };
  });
}

/**
 * The days of a period whose transfers are invoiced. The months that a derived account is said to have transfers in are
 * not asked: a note that was lost must take nothing off an invoice, so every day is read.
 */
export function daysToInvoice(history: AccountHistory, period: Period): Day[] {
  return history.account.balance === 'strict' ? listedDays(history, period) : daysOf(period);
}

async function sumOf(
  { ledger }: LedgerLinesDeps,
  account: string,
  entry: ChartEntry,
  days: readonly Day[],
): Promise<bigint> {
  const reads = [{ account, entry, days }];
  const sums = (await sumTransfersAsOf(ledger, reads, { most: Number.POSITIVE_INFINITY })).get(account);
  return sums === undefined ? 0n : sums.credits - sums.debits;
}

function netOf({ credits, debits }: BalanceFigures): bigint {
  return credits - debits;
}

/** @throws UnchartedAccountError */
export function entryOf(chart: Chart, account: string): ChartEntry {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined)
    throw new UnchartedAccountError(`The chart of accounts has no pattern any more for "${account}".`);
  return entry;
}

/** The chart does not know a living account any more. */
export class UnchartedAccountError extends Error {
  override name = 'UnchartedAccountError';
}

function max(a: Day, b: Day): Day {
  return a > b ? a : b;
}
