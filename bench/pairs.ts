import type { RateCard } from '../domain/rating.ts';
import { compareAccountDay } from '../domain/reconciliation/account-day.ts';
import { createPricer } from '../domain/reconciliation/pricing.ts';
import type { EvidenceRow, LedgerRow } from '../domain/reconciliation/rows.ts';
import { createCounter } from '../domain/reconciliation/summary.ts';

/** Rows of a page: about a megabyte, which is a page of DynamoDB. */
export const PAGE_ROWS = 3_000;

const DAY = '2026-11-19';
const MIDNIGHT = Date.parse(`${DAY}T00:00:00.000Z`);
const DAY_MS = 24 * 60 * 60 * 1000;
const ACCOUNT = 'customer:acme';

const CARD: RateCard = {
  name: 'standard',
  effectiveFrom: `${DAY}T00:00:00.000Z`,
  asset: 'TOKEN',
  revenueAccount: 'platform:revenue:usage',
  operations: {
    completion: {
      prices: { input_tokens: { amount: 30n, per: 1000n }, output_tokens: { amount: 60n, per: 1000n } },
      minimum: 1n,
      rounding: 'half-up',
    },
  },
};

/** Both books of a day of one account, page by page, as reading them from the tables gives them: no text is shared. */
export interface Pairs {
  readonly evidence: Iterable<readonly EvidenceRow[]>;
  readonly ledger: Iterable<readonly LedgerRow[]>;
}

/** @param differentQuantities how many different events there are, and so prices to work out. */
export function generatePairs(count: number, differentQuantities: number): Pairs {
  return {
    evidence: pages(count, (index) => evidenceRow(index, count, differentQuantities)),
    ledger: pages(count, (index) => ledgerRow(index, count, differentQuantities)),
  };
}

/** Compares pairs as a slice compares an account's day. @throws Error unless all of them match. */
export async function matchPairs({ evidence, ledger }: Pairs, count: number): Promise<void> {
  const counter = createCounter();
  const expectedOf = createPricer([CARD], CARD.name, undefined);
  const period = { start: DAY, end: '2026-11-20' };
  const where = { account: ACCOUNT, asset: CARD.asset, opened: true, day: DAY, period, expectedOf };
  const own = { evidence: asPages(evidence), ledger: asPages(ledger) };
  for await (const findings of compareAccountDay(own, NOWHERE, where, counter)) {
    if (findings.length > 0) throw new Error(`Generated pairs do not match: ${findings[0]?.detail}`);
  }
  const { pairs } = counter.result();
  if (pairs !== count) throw new Error(`Of ${count} generated pairs ${pairs} were matched.`);
}

/** Where leftovers would be looked for again; pairs that match leave none. */
const NOWHERE = {
  day: () => ({ evidence: asPages<EvidenceRow>([]), ledger: asPages<LedgerRow>([]) }),
  moment: async () => ({ evidence: [], ledger: [] }),
  transferOf: async () => undefined,
};

async function* asPages<Row>(all: Iterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  yield* all;
}

function* pages<Row>(count: number, rowOf: (index: number) => Row): Generator<readonly Row[]> {
  for (let start = 0; start < count; start += PAGE_ROWS) {
    yield Array.from({ length: Math.min(PAGE_ROWS, count - start) }, (_, offset) => rowOf(start + offset));
  }
}

function evidenceRow(index: number, count: number, different: number): EvidenceRow {
  const input = BigInt(index % different);
  return {
    key: keyOf(index, count),
    fingerprint: fresh((index % different).toString(16).padStart(16, '0')),
    operation: 'completion',
    quantities: { input_tokens: input, output_tokens: 100n },
  };
}

function ledgerRow(index: number, count: number, different: number): LedgerRow {
  const thousandths = 30n * BigInt(index % different) + 60n * 100n;
  return { key: keyOf(index, count), id: fresh(requestOf(index)), amount: (thousandths + 500n) / 1000n };
}

function keyOf(index: number, count: number): string {
  const at = Math.floor((index / count) * DAY_MS);
  const milliseconds = (at % 1000).toString().padStart(3, '0');
  return fresh(`${secondOf(Math.floor(at / 1000))}.${milliseconds}Z#${requestOf(index)}`);
}

let [second, writtenSecond] = [-1, ''];

/** `2026-11-19T08:00:00`. Rows come in order, and writing each one's time anew would be most of making them. */
function secondOf(ofDay: number): string {
  if (ofDay !== second) {
    second = ofDay;
    writtenSecond = new Date(MIDNIGHT + ofDay * 1000).toISOString().slice(0, 19);
  }
  return writtenSecond;
}

function requestOf(index: number): string {
  return `req-${index.toString().padStart(10, '0')}`;
}

/** A text as a parser leaves it: in one piece, and its own copy. */
function fresh(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
