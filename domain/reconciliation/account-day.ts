import type { Asset } from '../money.ts';
import { addDays, contains, type Day } from '../time.ts';
import { compareBooks, emptyTally } from './compare.ts';
import { type Disagreement, disagreementOf, type Finding } from './findings.ts';
import { inOrder } from './in-order.ts';
import { type ExpectedOf, type Judged, judge } from './judge.ts';
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
  /** All rows of one key, `<time>#<request id>`. */
  moment(key: string): Promise<{ readonly evidence: readonly EvidenceRow[]; readonly ledger: readonly LedgerRow[] }>;
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
 * Leftovers of one account and day that are kept for the second look: about 50 MB. A day that has more is broken as a
 * whole, and its leftovers are reported as they are. What a neighbouring day leaves to such a day is not reported by
 * either; the summary's `notPaired` says that a run is not complete in this.
 */
export const LEFTOVERS_MAX = 100_000;

/** Transfers looked up at once: hides the network's latency and takes little of the table's throughput. */
const LOOKUPS_AT_ONCE = 16;

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
  for await (const disagreements of secondLook(leftovers, books, where, counter)) yield report(disagreements);
}

/** Pairs what is left over with what stands near, and last with the transfer that has the request's own id. */
async function* secondLook(
  leftovers: readonly Judged[],
  books: AccountBooks,
  where: AccountDay,
  counter: Counter,
): AsyncGenerator<readonly Disagreement[]> {
  if (leftovers.length === 0) return;
  const requests = await groupsNear(new Set(leftovers.map((group) => requestOf(group.key))), books, where);
  yield* inOrder(requests, LOOKUPS_AT_ONCE, async (groups) => {
    const disagreements = pairRequest(groups, where).map((disagreement) => {
      const waiting =
        disagreement.kind === 'missing' ? groups.find(({ key }) => key === keyOf(disagreement)) : undefined;
      return waiting === undefined ? disagreement : lookUp(disagreement, waiting, books, where, counter);
    });
    return (await Promise.all(disagreements)).filter((disagreement) => disagreement !== undefined);
  });
}

/** All groups of these requests from the day before to the day after, and further where pairing needs it; by request. */
async function groupsNear(
  requests: ReadonlySet<string>,
  books: AccountBooks,
  { day, expectedOf }: AccountDay,
): Promise<Judged[][]> {
  const byRequest = new Map<string, Judged[]>([...requests].map((request) => [request, []]));
  const read = async (at: Day, wanted: ReadonlySet<string>) => {
    for (const group of await groupsOf(books.day(at), wanted, expectedOf))
      byRequest.get(requestOf(group.key))?.push(group);
  };
  await Promise.all([-1, 0, 1].map((step) => read(addDays(day, step), requests)));
  const beyond = new Map<Day, Set<string>>();
  for (const [request, groups] of byRequest) {
    for (const at of daysBeyond(groups, day)) beyond.set(at, (beyond.get(at) ?? new Set()).add(request));
  }
  await Promise.all([...beyond].map(([at, wanted]) => read(at, wanted)));
  return [...byRequest.values()].map((groups) => groups.sort((a, b) => (a.key < b.key ? -1 : 1)));
}

/** The groups of some requests in a day's books, judged. */
async function groupsOf(books: DayBooks, wanted: ReadonlySet<string>, expectedOf: ExpectedOf): Promise<Judged[]> {
  const groups = new Map<string, { key: string; evidence: EvidenceRow[]; ledger: LedgerRow[] }>();
  const groupAt = (key: string) => {
    const group = groups.get(key) ?? { key, evidence: [], ledger: [] };
    groups.set(key, group);
    return group;
  };
  const gather = async <Row extends { readonly key: string }>(book: Pages<Row>, keep: (row: Row) => void) => {
    for await (const page of book) for (const row of page) if (wanted.has(requestOf(row.key))) keep(row);
  };
  await Promise.all([
    gather(books.evidence, (row) => groupAt(row.key).evidence.push(row)),
    gather(books.ledger, (row) => groupAt(row.key).ledger.push(row)),
  ]);
  return [...groups.values()].map((group) => judge(group, expectedOf));
}

/** Evidence without a charge near: a charge of its request may count on a day far away, or its id may be taken. */
async function lookUp(
  missing: Disagreement,
  waiting: Judged,
  books: AccountBooks,
  where: AccountDay,
  counter: Counter,
): Promise<Disagreement | undefined> {
  const transfer = await books.transferOf(requestOf(waiting.key));
  if (transfer === undefined) {
    return where.opened || missing.cause !== undefined ? missing : { ...missing, cause: 'account-not-opened' };
  }
  if (transfer === 'something-else') return idTaken(waiting);
  const moment = await books.moment(transfer.key);
  // An index may be behind the table; the transfer itself was read from the table.
  const ledger = moment.ledger.some((row) => row.id === transfer.id) ? moment.ledger : [...moment.ledger, transfer];
  const group = judge({ key: transfer.key, evidence: moment.evidence, ledger }, where.expectedOf);
  if (transfer.key === waiting.key) {
    if (group.verdict !== 'match') return disagreementOf(group);
    counter.matches(where.asset, { pairs: 1, evidenceRows: 0, ledgerRows: ledger.length, matched: group.net });
    return undefined;
  }
  const disagreement = pairDistant(waiting, group);
  if (contains(where.period, dayOfGroup(group))) counter.claimAfar(disagreement.transferIds);
  return disagreement;
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
