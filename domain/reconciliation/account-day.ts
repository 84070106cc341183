import type { Asset } from '../money.ts';
import { addDays, type Day } from '../time.ts';
import { compareBooks, emptyTally } from './compare.ts';
import { type Disagreement, disagreementOf, type Finding } from './findings.ts';
import { inOrder } from './in-order.ts';
import { type ExpectedOf, evidenceRowsOf, type Group, groupOf, type Judged, judge } from './judge.ts';
import { dayOfGroup, daysBeyond, idTaken, notPaired, type Place, pairDistant, pairRequest } from './pairing.ts';
import { type EvidenceRow, type LedgerRow, type Pages, requestOf } from './rows.ts';
import type { Counter } from './summary.ts';

/** Both books of one account on one day. */
export interface DayBooks {
  readonly evidence: Pages<EvidenceRow>;
  readonly ledger: Pages<LedgerRow>;
}

/** What a transfer that has a request's id as its own is: a charge of this account, something else, or not there. */
export type OwnTransfer = LedgerRow | 'something-else' | undefined;

/** Where to look again for what is left over. */
export interface AccountBooks {
  day(day: Day): DayBooks;
  transferOf(requestId: string): Promise<OwnTransfer>;
}

export interface AccountDay extends Place {
  readonly account: string;
  readonly asset: Asset;
  /** Whether the ledger has the account. */
  readonly opened: boolean;
  readonly expectedOf: ExpectedOf;
}

/**
 * Leftovers of one account and day that are kept for the second look: about 50 MB, and as much again for what it reads
 * of them. A day that has more is broken as a whole, and its leftovers are reported as they are. What a neighbouring day
 * leaves to such a day is not reported by either; the summary's `notPaired` says that a run is not complete in this.
 */
export const LEFTOVERS_MAX = 100_000;

/** Transfers looked up at once: hides the network's latency and takes little of the table's throughput. */
const LOOKUPS_AT_ONCE = 16;

/** Days read at once for the second look: a few pages of a megabyte each. */
const DAYS_AT_ONCE = 4;

/**
 * Compares an account's books of one day and yields what they disagree about.
 * @param own the books of the day, possibly opened ahead of time.
 * @param counter is counted up with all that was compared and found.
 */
export async function* compareAccountDay(
  own: DayBooks,
  books: AccountBooks,
  where: AccountDay,
  counter: Counter,
  leftoversMax: number = LEFTOVERS_MAX,
): AsyncGenerator<readonly Finding[]> {
  const tally = emptyTally();
  let leftovers: Judged[] = [];
  let tooMany = false;
  const report = (disagreements: readonly Disagreement[]) => findingsOf(disagreements, where, counter);

  for await (const groups of compareBooks(own, where.expectedOf, tally)) {
    const found: Disagreement[] = [];
    for (const group of groups) {
      const disagreement = disagreementOf(group);
      if (disagreement === undefined) leftovers.push(group);
      else found.push(disagreement);
    }
    tooMany ||= leftovers.length > leftoversMax;
    if (tooMany) {
      counter.count('notPaired', leftovers.length);
      found.push(...leftovers.map(notPaired));
      leftovers = [];
    }
    yield report(found);
  }
  counter.matches(where.asset, tally);
  if (leftovers.length > 0) yield report(await secondLook(leftovers, books, where, counter));
}

/** Pairs what is left over with what stands near, and last with the transfer that has the request's own id. */
async function secondLook(
  leftovers: readonly Judged[],
  books: AccountBooks,
  where: AccountDay,
  counter: Counter,
): Promise<Disagreement[]> {
  const near = await groupsNear(leftovers, books, where);
  const groupAt = (key: string) => near.get(requestOf(key))?.find((group) => group.key === key);
  const found = leftovers.flatMap((before) => grown(before, groupAt(before.key), where, counter));
  const paired = [...near.values()].flatMap((groups) => pairRequest(groups, where));
  const missing = paired.filter(({ kind }) => kind === 'missing').map(keyOf);
  const distant = await lookUp(missing, books, where);
  for (const disagreement of paired) {
    const waiting = disagreement.kind === 'missing' ? groupAt(keyOf(disagreement)) : undefined;
    const look = waiting === undefined ? undefined : distant.get(waiting.key);
    if (waiting === undefined || look === undefined) found.push(disagreement);
    else found.push(...judgeAgain(disagreement, waiting, look, where, counter));
  }
  return found;
}

/**
 * What came into a group that was left over since the pass counted it: books are read while they are written. Counts
 * what is new, and gives what the group shows when it is not left over any more.
 */
function grown(before: Judged, now: Judged | undefined, { asset }: AccountDay, counter: Counter): Disagreement[] {
  if (now === undefined) return [];
  counter.matches(asset, {
    pairs: pairsOf(now) - pairsOf(before),
    evidenceRows: evidenceRowsOf(now) - evidenceRowsOf(before),
    ledgerRows: now.ledger.length - before.ledger.length,
    matched: now.verdict === 'match' ? now.net : 0n,
  });
  const disagreement = disagreementOf(now);
  return disagreement === undefined ? [] : [disagreement];
}

function pairsOf({ evidence, ledger }: Group): number {
  return evidence.length > 0 && ledger.length > 0 ? 1 : 0;
}

/** Which requests to look for on a day. */
type Wanted = Map<Day, Set<string>>;

function want(wanted: Wanted, day: Day, request: string): void {
  wanted.set(day, (wanted.get(day) ?? new Set()).add(request));
}

/** All groups of the leftovers' requests from the day before to the day after, and further where pairing needs it; by request. */
async function groupsNear(
  leftovers: readonly Judged[],
  books: AccountBooks,
  where: AccountDay,
): Promise<Map<string, Judged[]>> {
  const near: Wanted = new Map();
  for (const { key } of leftovers) for (const step of [-1, 0, 1]) want(near, addDays(where.day, step), requestOf(key));
  const groups = await readGroups(near, leftovers, books, where);
  const beyond: Wanted = new Map();
  for (const [request, ofRequest] of groups) {
    for (const day of daysBeyond(ofRequest, where.day)) want(beyond, day, request);
  }
  for (const [request, more] of await readGroups(beyond, [], books, where)) groups.get(request)?.push(...more);
  for (const ofRequest of groups.values()) ofRequest.sort((a, b) => (a.key < b.key ? -1 : 1));
  return groups;
}

/**
 * Reads the groups of some requests and judges them; by request, in the order in which requests are wanted.
 * @param known what was read before. It stands even where a page or an index is behind what gave it.
 */
async function readGroups(
  wanted: Wanted,
  known: readonly Group[],
  books: AccountBooks,
  { expectedOf }: AccountDay,
): Promise<Map<string, Judged[]>> {
  const byRequest = new Map<string, Judged[]>();
  for (const requests of wanted.values()) for (const request of requests) byRequest.set(request, []);
  const knownOn = Map.groupBy(known, dayOfGroup);
  const read = inOrder(wanted, DAYS_AT_ONCE, ([day, requests]) =>
    groupsOf(books.day(day), requests, knownOn.get(day) ?? []),
  );
  for await (const groups of read) {
    for (const group of groups) byRequest.get(requestOf(group.key))?.push(judge(group, expectedOf));
  }
  return byRequest;
}

/** The groups of some requests in a day's books, and what is known of them already. */
async function groupsOf(books: DayBooks, wanted: ReadonlySet<string>, known: readonly Group[]): Promise<Group[]> {
  const groups = new Map<string, { evidence: Map<string, EvidenceRow>; ledger: Map<string, LedgerRow> }>();
  const groupAt = (key: string) => {
    const group = groups.get(key) ?? { evidence: new Map(), ledger: new Map() };
    groups.set(key, group);
    return group;
  };
  const keepEvidence = (row: EvidenceRow) =>
    groupAt(row.key).evidence.set(`${row.ruling?.number ?? ''}#${row.fingerprint}`, row);
  // A transfer between an account and itself has a row on either side.
  const keepLedger = (row: LedgerRow) => groupAt(row.key).ledger.set(`${row.amount < 0n}#${row.id}`, row);
  for (const group of known) {
    group.evidence.forEach(keepEvidence);
    group.setAside.forEach(keepEvidence);
    group.ledger.forEach(keepLedger);
  }
  const gather = async <Row extends { readonly key: string }>(book: Pages<Row>, keep: (row: Row) => void) => {
    for await (const page of book) for (const row of page) if (wanted.has(requestOf(row.key))) keep(row);
  };
  await Promise.all([gather(books.evidence, keepEvidence), gather(books.ledger, keepLedger)]);
  return [...groups].map(([key, { evidence, ledger }]) => groupOf(key, [...evidence.values()], [...ledger.values()]));
}

/** What the transfer with a request's own id is, and what both books say of the request around it. */
interface OwnLook {
  readonly transfer: OwnTransfer;
  readonly around: readonly Judged[];
}

/**
 * Looks for evidence without a charge near: a charge of its request may count on a day far away, or its id be taken.
 * @returns by the key of the evidence.
 */
async function lookUp(
  missing: readonly string[],
  books: AccountBooks,
  where: AccountDay,
): Promise<Map<string, OwnLook>> {
  const transfers = await Array.fromAsync(inOrder(missing, LOOKUPS_AT_ONCE, (key) => books.transferOf(requestOf(key))));
  const wanted: Wanted = new Map();
  const charges = transfers.filter((transfer) => typeof transfer === 'object');
  for (const { key } of charges) {
    for (const step of [-1, 0, 1]) want(wanted, addDays(dayOfGroup({ key }), step), requestOf(key));
  }
  const known = charges.map((charge) => groupOf(charge.key, [], [charge]));
  const around = await readGroups(wanted, known, books, where);
  return new Map(
    missing.map((key, index) => [key, { transfer: transfers[index], around: around.get(requestOf(key)) ?? [] }]),
  );
}

/** What becomes of evidence that nothing near charges, now that the transfer with its id is known. */
function judgeAgain(
  missing: Disagreement,
  waiting: Judged,
  { transfer, around }: OwnLook,
  where: AccountDay,
  counter: Counter,
): Disagreement[] {
  if (transfer === undefined) {
    return [where.opened || missing.cause !== undefined ? missing : { ...missing, cause: 'account-not-opened' }];
  }
  if (transfer === 'something-else') return [idTaken(waiting)];
  const charge = around.find(({ key }) => key === transfer.key);
  if (charge === undefined) return [missing];
  if (charge.key === waiting.key) {
    const found = grown(waiting, charge, where, counter);
    // A charge that was wholly given back takes nothing from what is missing.
    return charge.verdict === 'evidence-only' ? [missing, ...found] : found;
  }
  const disagreement = pairDistant(waiting, charge, around);
  if (disagreement.afar === true) counter.count('claimedAfar');
  return [disagreement];
}

function findingsOf(disagreements: readonly Disagreement[], where: AccountDay, counter: Counter): Finding[] {
  return disagreements.map((disagreement) => {
    const finding = { ...disagreement, account: where.account, asset: where.asset };
    counter.finding(finding);
    return finding;
  });
}

function keyOf({ at, requestId }: Disagreement): string {
  return `${at}#${requestId ?? ''}`;
}
