import type { EvidenceRow } from '../reconciliation/rows.ts';
import { addDays, type Day, dayOf, type Instant } from '../time.ts';
import type { Reversals, Transfer } from '../transfers.ts';
import { type Basis, type Digest, repairId, type Step } from './steps.ts';

/** What both books say of one request of one account. What decides is read from the tables and not from their indexes. */
export interface RequestBooks {
  transfer(id: string): Promise<Transfer | undefined>;
  reversals(transfer: Pick<Transfer, 'id' | 'amount'>): Promise<Reversals>;
  /** Ids of what the indexes list of the request at a time, on either side of the account. They may be behind. */
  idsAt(at: Instant): Promise<readonly string[]>;
  /** All evidence of the request at a time, and the rulings on it. */
  evidenceAt(at: Instant): Promise<readonly EvidenceRow[]>;
  /** The times of a day at which either book has something of the request. Reads the whole day. */
  momentsOn(day: Day): Promise<readonly Instant[]>;
}

export interface Request {
  readonly account: string;
  readonly requestId: string;
  /** The ledger takes charges of the account: it was opened, or its first charge opens it. */
  readonly chargeable: boolean;
}

/** A transfer of a request, and what was reversed of it. */
export interface KnownTransfer {
  readonly transfer: Transfer;
  readonly reversals: Reversals;
}

/** All that is known of one request now; what a repair is planned from, and tried against when it is applied. */
export interface RequestFacts extends Request {
  /** Its charges and what corrects them, in the order in which they were recorded. */
  readonly transfers: readonly KnownTransfer[];
  /** All evidence and rulings, by the times that were looked at. */
  readonly evidence: ReadonlyMap<Instant, readonly EvidenceRow[]>;
  /** Something that is no charge of this request has its id. */
  readonly idTaken: boolean;
  /** How many transfers repairs have posted for it (repairId). */
  readonly slots: number;
  /** False when it has more than is read of one request. */
  readonly complete: boolean;
}

/** Where to begin: everything that is found leads on to what belongs to it. */
export interface Seeds {
  readonly transferIds: readonly string[];
  readonly moments: readonly Instant[];
  /** Look through the days around for other evidence, for a person's decision between several. */
  readonly around?: boolean;
}

/** A request that has more transfers than this is broken in a way that no plan should guess at. */
const TRANSFERS_MAX = 500;
/** Days looked through for other evidence. */
const DAYS_MAX = 14;

/** Reads what the books say of a request: from what a finding or a plan names to all that belongs to it. */
export async function readFacts(
  books: RequestBooks,
  request: Request,
  seeds: Seeds,
  digest: Digest,
): Promise<RequestFacts> {
  const transfers = new Map<string, KnownTransfer | 'something-else' | undefined>();
  const evidence = new Map<Instant, readonly EvidenceRow[]>();
  const slotIds = await takenSlots(books, request, digest);
  let ids = [...seeds.transferIds, request.requestId, ...slotIds];
  let moments = [...seeds.moments];
  const days = new Set<Day>();
  let complete = true;
  for (;;) {
    ids = [...new Set(ids)].filter((id) => !transfers.has(id));
    moments = [...new Set(moments)].filter((at) => !evidence.has(at));
    if (ids.length + moments.length === 0) {
      const near = seeds.around === true ? daysAround(evidence.keys()).filter((day) => !days.has(day)) : [];
      if (near.length === 0) break;
      complete &&= days.size + near.length <= DAYS_MAX;
      if (!complete) break;
      for (const day of near) days.add(day);
      moments = (await Promise.all(near.map((day) => books.momentsOn(day)))).flat();
      continue;
    }
    complete &&= transfers.size + ids.length <= TRANSFERS_MAX;
    if (!complete) break;
    const [found, listed] = await Promise.all([
      Promise.all(ids.map(async (id) => [id, await known(books, request, id)] as const)),
      Promise.all(moments.map((at) => books.idsAt(at))),
      ...moments.map(async (at) => evidence.set(at, await books.evidenceAt(at))),
    ]);
    ids = listed.flat();
    moments = [];
    for (const [id, each] of found) {
      transfers.set(id, each);
      if (typeof each !== 'object') continue;
      moments.push(each.transfer.effectiveAt);
      ids.push(...each.reversals.ids, ...(each.transfer.corrects === undefined ? [] : [each.transfer.corrects]));
    }
  }
  return {
    ...request,
    transfers: [...transfers.values()].filter((each) => typeof each === 'object').sort(byRecord),
    evidence,
    idTaken: transfers.get(request.requestId) === 'something-else',
    slots: slotIds.length,
    complete,
  };
}

/** Where to read again what steps were planned from, and what they will have posted. */
export function seedsOf(steps: readonly Step[]): Seeds {
  const bases = steps.flatMap((step) => (step.kind === 'rebalance' ? [] : [step.basis]));
  return {
    transferIds: [...bases.flatMap(({ transferIds }) => transferIds), ...steps.filter(isPosting).map(({ id }) => id)],
    moments: bases.flatMap(({ moments }) => moments),
  };
}

function isPosting(step: Step): boolean {
  return step.kind !== 'ruling' && step.kind !== 'rebalance';
}

/** What a plan made from these facts rests on. */
export function basisOf(facts: RequestFacts, digest: Digest): Basis {
  const transfers = facts.transfers
    .map(({ transfer, reversals }) => ({ ...transfer, remaining: reversals.remaining }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const moments = [...facts.evidence.keys()].sort();
  return {
    transferIds: transfers.map(({ id }) => id),
    moments,
    ledger: digest(
      JSON.stringify([
        facts.idTaken,
        facts.slots,
        ...transfers.map(({ id, amount, effectiveAt, remaining }) => [id, `${amount}`, effectiveAt, `${remaining}`]),
      ]),
    ),
    evidence: digest(
      JSON.stringify(
        moments.map((at) => [
          at,
          ...(facts.evidence.get(at) ?? [])
            .map(({ fingerprint, ruling }) => JSON.stringify([fingerprint, ruling?.number, ruling?.overrules]))
            .sort(),
        ]),
      ),
    ),
  };
}

/** What the facts would be without what these steps posted: what they were planned from, unless others posted too. */
export function without(facts: RequestFacts, steps: readonly Step[]): RequestFacts {
  const ids = new Set(steps.map(({ id }) => id));
  const posted = facts.transfers.filter(({ transfer }) => ids.has(transfer.id));
  const rulings = steps.filter((step) => step.kind === 'ruling');
  const isOurs = (at: Instant, row: EvidenceRow) =>
    rulings.some((step) => step.at === at && step.ruling.number === row.ruling?.number);
  const transfers = facts.transfers.filter(({ transfer }) => !ids.has(transfer.id));
  return {
    ...facts,
    slots: facts.slots - posted.filter(({ transfer }) => transfer.id !== facts.requestId).length,
    transfers: transfers.map(({ transfer, reversals }) => {
      const ours = posted.filter((each) => reversals.ids.includes(each.transfer.id));
      const back = ours.reduce((sum, each) => sum + each.transfer.amount, 0n);
      const rest = reversals.ids.filter((id) => !ids.has(id));
      return { transfer, reversals: { remaining: reversals.remaining + back, ids: rest } };
    }),
    evidence: new Map([...facts.evidence].map(([at, rows]) => [at, rows.filter((row) => !isOurs(at, row))])),
  };
}

async function takenSlots(
  books: RequestBooks,
  { account, requestId }: Request,
  digest: Digest,
): Promise<readonly string[]> {
  const taken: string[] = [];
  for (;;) {
    const id = repairId(digest, account, requestId, taken.length);
    if (taken.length >= TRANSFERS_MAX || (await books.transfer(id)) === undefined) return taken;
    taken.push(id);
  }
}

async function known(
  books: RequestBooks,
  request: Request,
  id: string,
): Promise<KnownTransfer | 'something-else' | undefined> {
  const transfer = await books.transfer(id);
  if (transfer === undefined) return undefined;
  if (!belongs(transfer, request)) return 'something-else';
  const isCorrection = transfer.corrects !== undefined;
  // What corrects is not reversed, but answered by another correction of the same charge.
  const reversals = isCorrection ? { remaining: transfer.amount, ids: [] } : await books.reversals(transfer);
  return { transfer, reversals };
}

/** A charge of the request or a correction of one: what a comparison counts. */
function belongs(transfer: Transfer, { account, requestId }: Request): boolean {
  const isCounted = transfer.kind === 'charge' || (transfer.corrects !== undefined && transfer.requestId !== undefined);
  const isOfAccount = transfer.debit === account || (transfer.corrects !== undefined && transfer.credit === account);
  return isCounted && isOfAccount && (transfer.requestId ?? transfer.id) === requestId;
}

function byRecord(a: KnownTransfer, b: KnownTransfer): number {
  const [x, y] = [a, b].map(({ transfer }) => `${transfer.recordedAt}#${transfer.id}`);
  return (x ?? '') < (y ?? '') ? -1 : 1;
}

function daysAround(moments: Iterable<Instant>): Day[] {
  return [...new Set([...moments].flatMap((at) => [-1, 0, 1].map((step) => addDays(dayOf(at), step))))];
}
