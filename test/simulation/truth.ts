import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import type { FindingKind } from '../../domain/reconciliation/findings.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { type Item, integer, integers, text, texts } from '../../store/items.ts';
import { transferFromItem } from '../../store/ledger.ts';
import { ITSELF, momentKey, SWEEP_PARTITION } from '../../store/tables.ts';
import { SEPARATOR } from './dynamodb/index.ts';
import { LEDGER, OPERATIONS, USAGE } from './dynamodb/tables.ts';
import { must } from './invariant.ts';
import { dearerFrom, PRICES } from './workload/usage.ts';
import type { World } from './world.ts';

/**
 * What the books come to, reckoned from the items of the tables alone and by none of the code that is tried: what every
 * balance should be, and what a reconciliation must find.
 */

/** A finding by what tells it from others. */
export type Found = `${FindingKind} ${string} ${string}`;

interface Use {
  readonly fingerprint: string;
  /** What it should have cost; undefined without a price. */
  readonly price: bigint | undefined;
}

/** What both books say of a request of an account at one time. */
interface Group {
  readonly at: string;
  readonly uses: Use[];
  /** The last ruling on them: what it overrules does not count. */
  ruling: { readonly number: bigint; readonly overrules: readonly string[] } | undefined;
  readonly entries: { readonly id: string; readonly amount: bigint; readonly corrects?: string | undefined }[];
}

/** Everything that a reconciliation of the whole run must find. */
export function expectedFindings(world: World): Found[] {
  const found = [...balancesOf(world)].flatMap(([account, { isTrue }]): Found[] =>
    isTrue ? [] : [`balance-drift ${account} `],
  );
  for (const [subject, groups] of requestsOf(world)) {
    const [account = '', requestId = ''] = subject.split(' ');
    for (const kind of kindsOf([...groups.values()])) found.push(`${kind} ${account} ${requestId}`);
  }
  return found.sort();
}

function requestsOf(world: World): Map<string, Map<string, Group>> {
  const { engine } = world;
  const dearer = dearerFrom(world);
  const requests = new Map<string, Map<string, Group>>();
  const groupOf = (account: string, requestId: string, at: string): Group => {
    const groups = requests.get(`${account} ${requestId}`) ?? new Map<string, Group>();
    requests.set(`${account} ${requestId}`, groups);
    const group = groups.get(at) ?? { at, uses: [], ruling: undefined, entries: [] };
    groups.set(at, group);
    return group;
  };
  for (const item of engine.tables.get(USAGE)?.items.values() ?? []) {
    if (item.requestId === undefined) continue;
    const group = groupOf(text(item, 'account'), text(item, 'requestId'), text(item, 'occurredAt'));
    if (item.ruling !== undefined) {
      const number = integer(item, 'ruling');
      if (number > (group.ruling?.number ?? 0n)) group.ruling = { number, overrules: texts(item, 'overrules') };
      continue;
    }
    group.uses.push({ fingerprint: text(item, 'fingerprint'), price: priceOf(item, dearer) });
  }
  for (const { id, kind, debit, credit, amount, effectiveAt, requestId, corrects } of transfersOf(engine)) {
    const isOfRequest = kind === 'charge' || (corrects !== undefined && requestId !== undefined);
    if (!isOfRequest) continue;
    const note = (account: string, signed: bigint) => {
      if (chartEntryOf(chart, account)?.party !== 'customer') return;
      groupOf(account, requestId ?? id, effectiveAt).entries.push({ id, amount: signed, corrects });
    };
    note(debit, amount);
    note(credit, -amount);
  }
  return requests;
}

function priceOf(item: Item, dearer: string): bigint | undefined {
  const price = PRICES[text(item, 'operation') as keyof typeof PRICES];
  if (price === undefined) return undefined;
  const { units = 0n } = integers(item, 'quantities');
  return units * (text(item, 'occurredAt') >= dearer ? price.later : price.first);
}

const net = ({ entries }: Group) => entries.reduce((sum, { amount }) => sum + amount, 0n);

/** Charges that were not wholly given back. */
function liveCharges({ entries }: Group): number {
  const left = ({ id, amount }: Group['entries'][number]) =>
    amount + entries.reduce((sum, other) => (other.corrects === id ? sum + other.amount : sum), 0n);
  return entries.filter((entry) => entry.corrects === undefined && entry.amount > 0n && left(entry) > 0n).length;
}

function isUncharged(group: Group): boolean {
  const isFree = group.entries.some(({ amount, corrects }) => amount === 0n && corrects === undefined);
  return net(group) === 0n && !isFree && liveCharges(group) === 0;
}

/** What is wrong with a request; callers put a charge at another time than its evidence at most once. */
function kindsOf(groups: readonly Group[]): FindingKind[] {
  const kinds: FindingKind[] = [];
  const waiting: Group[] = [];
  const unclaimed: Group[] = [];
  for (const group of groups) {
    const uses = group.uses.filter(({ fingerprint }) => !group.ruling?.overrules.includes(fingerprint));
    const [first] = uses;
    if (first === undefined) {
      const isGivenBack = net(group) === 0n && group.entries.some(({ corrects }) => corrects !== undefined);
      if (!isGivenBack) unclaimed.push(group);
    } else if (uses.some(({ fingerprint }) => fingerprint !== first.fingerprint)) {
      kinds.push('conflicting-evidence');
    } else if (net(group) !== first.price) {
      if (isUncharged(group)) waiting.push({ ...group, uses });
      else if (first.price !== undefined && net(group) > first.price && liveCharges(group) > 1) kinds.push('duplicate');
      else kinds.push('amount-mismatch');
    }
  }
  const [[use], [charge]] = [waiting, unclaimed];
  if (waiting.length > 1 || unclaimed.length > 1) throw new Error('The truth of such requests is not told here.');
  if (use !== undefined && charge !== undefined)
    kinds.push(use.uses[0]?.price === net(charge) ? 'misdated' : 'amount-mismatch');
  else if (use !== undefined) kinds.push('missing');
  else if (charge !== undefined) kinds.push('unexpected');
  return kinds;
}

function transfersOf(engine: World['engine']): Transfer[] {
  const items = [...(engine.tables.get(LEDGER)?.items.values() ?? [])];
  return items.filter(({ pk }) => pk?.S?.startsWith('transfer#')).map(transferFromItem);
}

/** Every strict account, and whether its figures are what its transfers and holds come to. */
function balancesOf({ engine }: World) {
  const items = engine.tables.get(LEDGER)?.items ?? new Map<string, Item>();
  const sums = new Map<string, { credits: bigint; debits: bigint; held: bigint }>();
  const sumOf = (account: string) => {
    const sum = sums.get(account) ?? { credits: 0n, debits: 0n, held: 0n };
    sums.set(account, sum);
    return sum;
  };
  for (const { debit, credit, amount } of transfersOf(engine)) {
    sumOf(debit).debits += amount;
    sumOf(credit).credits += amount;
  }
  const balances = new Map<string, { readonly isTrue: boolean }>();
  for (const [key, item] of items) {
    if (key.startsWith('hold#') && !items.has(`resolution#${text(item, 'id')}`)) {
      sumOf(text(item, 'account')).held += integer(item, 'amount');
    }
  }
  for (const [key, item] of items) {
    if (!key.startsWith('account#') || item.available === undefined) continue;
    const figure = (name: string) => (item[name] === undefined ? 0n : integer(item, name));
    const { credits, debits, held } = sumOf(text(item, 'account'));
    const available = credits - debits - held + figure('creditLimit');
    const wanted = { credits, debits, held, available };
    const isTrue = Object.entries(wanted).every(([name, amount]) => figure(name) === amount);
    balances.set(text(item, 'account'), { isTrue });
  }
  return balances;
}

/** Accounts whose balance was edited, or a transfer of theirs. */
export function possiblyDrifted({ engine, watch }: World): ReadonlySet<string> {
  const touched = transfersOf(engine).flatMap(({ id, debit, credit }) => (watch.edited.has(id) ? [debit, credit] : []));
  return watch.edited.union(new Set(touched));
}

/** Every balance that nobody edited is what its transfers and holds come to. */
export function checkBalances(world: World): void {
  const ours = possiblyDrifted(world);
  for (const [account, { isTrue }] of balancesOf(world)) {
    must(isTrue || ours.has(account), 'balances are the sums of transfers and holds', () => account);
  }
}

/** Milliseconds by which the sweep of what expires may be behind at the end: it runs every minute, and may die in a few. */
const SWEEP_BEHIND_MS = 15 * 60_000;

/** The sweep goes on, and nothing that expires before its mark is left open. */
export function checkSwept({ engine, scheduler, beginning }: World): void {
  const items = engine.tables.get(LEDGER)?.items ?? new Map<string, Item>();
  const mark = engine.tables.get(OPERATIONS)?.items.get(`${SWEEP_PARTITION}${SEPARATOR}${ITSELF}`)?.sweptKey?.S ?? '';
  const latest = scheduler.now() - SWEEP_BEHIND_MS;
  const isOn = latest < Date.parse(beginning) || mark >= new Date(latest).toISOString();
  must(isOn, 'what expires is swept', () => `The mark is at ${mark}.`);
  for (const [key, item] of items) {
    if (!key.startsWith('hold#') || items.has(`resolution#${text(item, 'id')}`)) continue;
    const expiry = momentKey(text(item, 'expiresAt'), text(item, 'id'));
    must(expiry >= mark, 'what expires is swept', () => `${key} expires at ${expiry}, and the mark is at ${mark}.`);
  }
}
