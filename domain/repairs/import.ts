import { type Chart, type ChartEntry, chartEntryOf } from '../chart.ts';
import { type Quantities, quantityEntries } from '../evidence.ts';
import { cardInForce, type RateCard, rate, versionName } from '../rating.ts';
import type { Instant } from '../time.ts';
import { firstDifference } from '../transfers.ts';
import { basisOf, type RequestFacts } from './facts.ts';
import { claimsOf, type Digest, type PlannedTransfer, type TransferStep } from './steps.ts';

/** A row of a file of entries: a charge that the ledger should have. It says its amount, or what the rate card prices. */
export interface Entry {
  /** Of the file; 1 is its first. */
  readonly line: number;
  readonly account: string;
  readonly requestId: string;
  readonly operation: string;
  readonly quantities?: Quantities;
  /** Minor units of the account's asset. */
  readonly amount?: bigint;
  readonly occurredAt: Instant;
  readonly description?: string;
  /** Where the file was made of the findings of a run. */
  readonly findingId?: string;
}

/** Why a row is not imported: which field, and the rule that it breaks. */
export interface EntryRefusal {
  readonly field: string;
  readonly rule: string;
}

export interface DistinctEntries {
  /** Each request once, in the order of the file. */
  readonly entries: readonly Entry[];
  /** Rows that say again what a row before them says. */
  readonly duplicates: number;
  readonly refused: readonly { readonly entry: Entry; readonly refusal: EntryRefusal }[];
}

/**
 * Finds what the file has twice. The same said twice is one entry; of a request of which it says different things nothing
 * is imported, because nobody can tell which of them holds.
 */
export function distinctEntries(rows: readonly Entry[]): DistinctEntries {
  const entries: Entry[] = [];
  const refused: { entry: Entry; refusal: EntryRefusal }[] = [];
  let duplicates = 0;
  for (const [requestId, same] of Map.groupBy(rows, (row) => row.requestId)) {
    const [first, ...others] = same;
    if (first === undefined) continue;
    if (others.every((other) => contentOf(other) === contentOf(first))) {
      entries.push(first);
      duplicates += others.length;
      continue;
    }
    const lines = same.slice(0, LINES_NAMED_MAX).map(({ line }) => line);
    const rule = `must be there once: lines ${lines.join(', ')} say different things of "${requestId}"; keep what holds`;
    refused.push(...same.map((entry) => ({ entry, refusal: { field: 'request_id', rule } })));
  }
  return { entries, duplicates, refused };
}

/** Lines that a sentence names; it stays readable. */
const LINES_NAMED_MAX = 5;

function contentOf({ account, operation, quantities, amount, occurredAt, description }: Entry): string {
  const counted = quantities && quantityEntries(quantities);
  return JSON.stringify([account, operation, counted, amount?.toString(), occurredAt, description]);
}

/** What an entry charges, and where to. */
export interface EntryPrice {
  readonly amount: bigint;
  /** The revenue account that is credited. */
  readonly credit: string;
  /** `name@effectiveFrom`, where the amount follows from it. */
  readonly rateCard?: string;
}

/** What an entry comes to: by the rate card of its time where it has quantities, or else by the amount that it says. */
export function priceOfEntry(
  { account, operation, quantities, amount, occurredAt: at }: Entry,
  { rateCard, asset }: ChartEntry,
  chart: Chart,
  cards: readonly RateCard[],
): EntryPrice | EntryRefusal {
  const card = rateCard === undefined ? undefined : cardInForce(cards, rateCard, at);
  if (card === undefined) {
    const rule = `must be in an account and at a time that a rate card is in force for; "${account}" at ${at} has none`;
    return { field: rateCard === undefined ? 'account' : 'occurred_at', rule };
  }
  if (card.asset !== asset || chartEntryOf(chart, card.revenueAccount) === undefined) {
    return {
      field: 'account',
      rule: `has the rate card "${versionName(card)}", which does not fit the chart of accounts`,
    };
  }
  const credit = card.revenueAccount;
  if (quantities === undefined) {
    return amount === undefined ? { field: 'amount', rule: 'is missing, and so are quantities' } : { amount, credit };
  }
  const rating = rate(cards, rateCard, { account, operation, quantities, at });
  if (rating.kind === 'unpriced') return { field: COLUMNS[rating.field], rule: `has no price: ${rating.rule}` };
  if (amount !== undefined && amount !== rating.amount) {
    const rule = `must be ${rating.amount}, which is what the rate card says of the quantities; leave one of both out`;
    return { field: 'amount', rule };
  }
  return { amount: rating.amount, credit, rateCard: versionName(rating.card) };
}

const COLUMNS = {
  account: 'account',
  occurredAt: 'occurred_at',
  operation: 'operation',
  quantities: 'quantities',
} as const;

export type PlannedEntry =
  | { readonly kind: 'insert'; readonly step: TransferStep }
  /** The ledger has exactly this. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly refusal: EntryRefusal };

/**
 * Plans what becomes of an entry. It is posted under the request's own id, so it can double no charge that comes in by
 * another way; and where the ledger has anything else of the request, it is refused instead of guessed at.
 * @param facts what the books say of the request, at the entry's time and under its id.
 */
export function planEntry(
  entry: Entry,
  facts: RequestFacts,
  price: EntryPrice,
  { asset }: Pick<ChartEntry, 'asset'>,
  digest: Digest,
): PlannedEntry {
  const { account, requestId, operation, quantities, occurredAt, description, line } = entry;
  const transfer: PlannedTransfer = {
    id: requestId,
    kind: 'charge',
    debit: account,
    credit: price.credit,
    asset,
    amount: price.amount,
    effectiveAt: occurredAt,
    requestId,
    operation,
    ...(quantities !== undefined && { quantities }),
    ...(price.rateCard !== undefined && { rateCard: price.rateCard }),
    ...(description !== undefined && { description }),
  };
  const step: TransferStep = {
    kind: 'charge',
    id: requestId,
    account,
    asset,
    findingId: entry.findingId ?? entryId(line),
    requestId,
    detail: `Charge ${operation}, as line ${line} says.`,
    transfer,
    basis: basisOf(facts, digest),
  };
  const refused = (field: string, rule: string): PlannedEntry => ({ kind: 'refused', refusal: { field, rule } });
  if (!facts.complete) return refused('request_id', 'has more transfers in the ledger than can be looked through');
  const own = facts.transfers.find((known) => known.transfer.id === requestId);
  if (own !== undefined) {
    const differing = firstDifference(own.transfer, claimsOf(step));
    if (differing !== undefined) return refused('request_id', `is in the ledger already, with another "${differing}"`);
    return facts.transfers.length === 1 ? { kind: 'unchanged' } : refused('request_id', CORRECTED);
  }
  if (facts.idTaken) return refused('request_id', 'is the id of another transfer; ids are used once, for ever');
  const [other] = facts.transfers;
  if (other !== undefined) {
    return refused('request_id', `is charged already, by the transfer "${other.transfer.id}"`);
  }
  if (!facts.chargeable) return refused('account', 'must be opened before it is charged');
  return { kind: 'insert', step };
}

const CORRECTED =
  'is in the ledger already and was corrected or reversed since; reconcile its day, and repair what is found';

/** What an entry of a file without findings is called. */
export function entryId(line: number): string {
  return `line-${line}`;
}
