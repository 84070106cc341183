import { ChartChangedError } from '../../../domain/accounts.ts';
import { type Chart, type ChartEntry, chartEntryOf } from '../../../domain/chart.ts';
import { type RequestFacts, readFacts, seedsOf } from '../../../domain/repairs/facts.ts';
import { rebalanceStanding } from '../../../domain/repairs/rebalance.ts';
import { type Standing, standings } from '../../../domain/repairs/standing.ts';
import {
  claimsOf,
  type RebalanceStep,
  type RulingStep,
  type Step,
  type TransferStep,
} from '../../../domain/repairs/steps.ts';
import type { Instant } from '../../../domain/time.ts';
import type { Refusal, TransferResult } from '../../../domain/transfers.ts';
import { sha256 } from '../../../store/audit.ts';
import type { Books } from '../../../store/books.ts';
import type { EntryResult } from '../../../store/entries.ts';
import { getTransfer, postTransfers } from '../../../store/ledger.ts';
import type { LedgerStore, Posting } from '../../../store/posting.ts';
import { getBalance, setBalance } from '../../../store/rebalance.ts';
import { requestBooks } from '../../../store/request-books.ts';
import { burningRestored, getReversals, postingOf } from '../../../store/reversals.ts';
import { recordRuling, rulingRepair } from '../../../store/usage.ts';
import type { StepResult } from './files.ts';

/** What posting stands on. */
export interface PostingDeps {
  readonly books: Books;
  readonly ledger: LedgerStore;
  readonly chart: Chart;
  readonly now: () => Instant;
  /** Waits for the next turn to write. */
  readonly pace: () => Promise<void>;
}

/** The repair in whose name steps are posted. */
export interface Poster {
  readonly repairId: string;
  /** Who asked for it. */
  readonly by: string;
}

/** How the steps of one request stand, without doing anything: of those that are in the books, whether by this repair. */
export async function look(
  deps: PostingDeps,
  { repairId }: Poster,
  steps: readonly Step[],
): Promise<{ readonly stale: number; readonly posted: number }> {
  const { standing, isOurs } = await standingOf(deps, repairId, steps);
  let [stale, posted] = [0, 0];
  for (const step of steps) {
    if (standing.get(step.id) === 'stale') stale += 1;
    if (standing.get(step.id) === 'already-posted' && (await isOurs(step))) posted += 1;
  }
  return { stale, posted };
}

/**
 * Posts the steps of one request as far as they may still be posted. Nothing is posted that is no step, no transfer is
 * updated or deleted, and doing it again posts nothing twice: every write is on the condition that its id is new.
 * @throws StoreUnavailableError when the ledger cannot be reached: doing it again goes on from there.
 */
export async function postRequest(deps: PostingDeps, poster: Poster, steps: readonly Step[]): Promise<StepResult[]> {
  const { standing, isOurs } = await standingOf(deps, poster.repairId, steps);
  const results: StepResult[] = [];
  let isBroken = false;
  for (const write of writesOf(steps)) {
    const states = write.map(({ id }) => standing.get(id) ?? 'stale');
    if (states.every((state) => state === 'already-posted')) {
      for (const step of write)
        results.push({ id: step.id, outcome: (await isOurs(step)) ? 'posted' : 'already-posted' });
    } else if (isBroken) {
      results.push(...write.map(({ id }) => ({ id, outcome: 'not-tried', reason: NOT_TRIED }) as const));
    } else if (states.every((state) => state === 'ready')) {
      await deps.pace();
      const posted = await post(deps, poster, write);
      isBroken = posted.some(({ outcome }) => outcome !== 'posted' && outcome !== 'already-posted');
      results.push(...posted);
    } else {
      isBroken = true;
      results.push(...write.map(({ id }) => ({ id, outcome: 'stale', reason: STALE }) as const));
    }
  }
  return results;
}

const STALE = 'The books are not what this was planned from; plan again.';
const NOT_TRIED = 'A step of the same request before it was not posted.';

interface StandingOfSteps {
  readonly standing: ReadonlyMap<string, Standing>;
  /** Whether a step that is in the books was posted by this repair, in an attempt before. */
  readonly isOurs: (step: Step) => Promise<boolean>;
}

async function standingOf(deps: PostingDeps, repairId: string, steps: readonly Step[]): Promise<StandingOfSteps> {
  const [first] = steps;
  if (first === undefined) return { standing: new Map(), isOurs: async () => false };
  if (first.kind === 'rebalance') {
    const stored = await getBalance(deps.books, first.account);
    const state = stored === undefined ? 'stale' : rebalanceStanding(first, stored);
    return { standing: new Map([[first.id, state]]), isOurs: async () => stored?.rebalancedIn === repairId };
  }
  const ofRequest = steps.filter((step): step is TransferStep | RulingStep => step.kind !== 'rebalance');
  const { account, requestId } = first;
  const entry = entryOf(deps.chart, account);
  const books = requestBooks(deps.books, account, requestId, entry);
  const facts = await readFacts(books, { account, requestId, chargeable: true }, seedsOf(ofRequest), sha256);
  const states = standings(ofRequest, facts, sha256);
  return {
    standing: new Map(ofRequest.map(({ id }, index) => [id, states[index] ?? 'stale'])),
    isOurs: async (step) =>
      step.kind === 'ruling'
        ? (await rulingRepair(deps.books, step, entry)) === repairId
        : transferOf(facts, step.id)?.repair === repairId,
  };
}

function transferOf({ transfers }: RequestFacts, id: string) {
  return transfers.find(({ transfer }) => transfer.id === id)?.transfer;
}

/** Linked steps are one write, any other is its own. */
function writesOf(steps: readonly Step[]): Step[][] {
  return [...Map.groupBy(steps, (step) => ('linked' in step && step.linked) || step.id).values()];
}

async function post(deps: PostingDeps, poster: Poster, write: readonly Step[]): Promise<StepResult[]> {
  const [first] = write;
  if (first?.kind === 'ruling') return [await postRuling(deps, poster, first)];
  if (first?.kind === 'rebalance') return [await postBalance(deps, poster, first)];
  const steps = write.filter((step): step is TransferStep => 'transfer' in step);
  const postings = await Promise.all(steps.map((step) => postingOfStep(deps, poster, step)));
  const [results = []] = await postTransfers(deps.ledger, [burningRestored(postings)]);
  return steps.map(({ id }, index) => resultOf(id, results[index], poster));
}

async function postingOfStep(deps: PostingDeps, { repairId }: Poster, step: TransferStep): Promise<Posting> {
  const { transfer, kind } = step;
  const [debitEntry, creditEntry] = [transfer.debit, transfer.credit].map((account) => entryOf(deps.chart, account));
  if (debitEntry === undefined || creditEntry === undefined) throw new TypeError('A transfer has two accounts.');
  const recordedAt = deps.now();
  const [claims, entries] = [claimsOf(step), { debitEntry, creditEntry }];
  if (kind !== 'reversal') return { transfer: { ...transfer, recordedAt, repair: repairId }, claims, ...entries };
  const original = await getTransfer(deps.ledger, transfer.corrects ?? '');
  if (original === undefined) throw new TypeError(`The step ${step.id} reverses a transfer that is not there.`);
  const { id, effectiveAt, amount } = transfer;
  const terms = { id, effectiveAt, recordedAt, repair: repairId };
  const known = await getReversals(deps.ledger, original);
  return postingOf(deps.ledger, { original, terms, amount, claims, ...entries }, known);
}

async function postRuling(deps: PostingDeps, { repairId, by }: Poster, step: RulingStep): Promise<StepResult> {
  const { id, account, requestId, at, ruling } = step;
  const recorded = { id, account, requestId, at, ruling, decidedBy: by, repair: repairId };
  const store = { ...deps.books, clock: deps.ledger.clock };
  const result = await recordRuling(store, recorded, entryOf(deps.chart, account), deps.now());
  if (result === 'recorded') return { id, outcome: 'posted' };
  if (result === 'conflict') return { id, outcome: 'stale', reason: STALE };
  const isOurs = (await rulingRepair(deps.books, step, entryOf(deps.chart, account))) === repairId;
  return { id, outcome: isOurs ? 'posted' : 'already-posted' };
}

async function postBalance(deps: PostingDeps, { repairId }: Poster, step: RebalanceStep): Promise<StepResult> {
  const { id, account } = step;
  if ((await setBalance(deps.ledger, step, repairId)) === 'set') return { id, outcome: 'posted' };
  // The answer to the write may have been lost, and the write not.
  const stored = await getBalance(deps.books, account);
  if (stored?.rebalancedBy !== id) return { id, outcome: 'stale', reason: STALE };
  return { id, outcome: stored.rebalancedIn === repairId ? 'posted' : 'already-posted' };
}

function resultOf(id: string, result: EntryResult<TransferResult> | undefined, { repairId }: Poster): StepResult {
  if (result === undefined) throw new TypeError(`The ledger gave no result for the step ${id}.`);
  switch (result.kind) {
    case 'created':
      return { id, outcome: 'posted' };
    case 'replayed':
      return { id, outcome: result.transfer.repair === repairId ? 'posted' : 'already-posted' };
    case 'conflict':
    case 'over-reversed':
      return { id, outcome: 'stale', reason: STALE };
    case 'unavailable':
      throw result.error;
    case 'group-failed':
      return {
        id,
        outcome: 'refused',
        reason: 'It is posted with other steps or not at all, and one of them was refused.',
      };
    default:
      return { id, outcome: 'refused', reason: reasonOf(result) };
  }
}

function reasonOf(refusal: Refusal): string {
  const account = 'account' in refusal ? refusal.account : '';
  switch (refusal.kind) {
    case 'insufficient-funds':
      return `"${account}" has too little available; add funds or raise its credit limit, and plan again.`;
    case 'account-frozen':
      return `"${account}" is frozen; unfreeze it, and plan again.`;
    case 'account-closed':
      return `"${account}" is closed for ever; settle it outside of the ledger.`;
    case 'account-unknown':
      return `"${account}" is not opened; open it, and plan again.`;
    case 'before-opening':
      return `It would count before "${account}" was opened; decide what to do by hand.`;
    default:
      return `The ledger refused it: ${refusal.kind}.`;
  }
}

/** @throws ChartChangedError */
function entryOf(chart: Chart, account: string): ChartEntry {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined)
    throw new ChartChangedError(`The chart does not know "${account}" any more; add it, and apply again.`);
  return entry;
}
