import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChartEntry } from '../../domain/chart.ts';
import { compareAccountDay } from '../../domain/reconciliation/account-day.ts';
import type { EvidenceRow } from '../../domain/reconciliation/rows.ts';
import { createCounter } from '../../domain/reconciliation/summary.ts';
import { type Decision, REPAIR_KINDS } from '../../domain/repairs/decisions.ts';
import { readFacts, seedsOf } from '../../domain/repairs/facts.ts';
import { type Found, planRequest, seedsOfFindings } from '../../domain/repairs/plan.ts';
import { rollBackRequest } from '../../domain/repairs/rollback.ts';
import { standings } from '../../domain/repairs/standing.ts';
import { claimsOf, type Step } from '../../domain/repairs/steps.ts';
import { addMilliseconds, type Instant } from '../../domain/time.ts';
import type { Transfer } from '../../domain/transfers.ts';
import { accountBooks } from '../../store/books.ts';
import { getTransfer, postTransfer } from '../../store/ledger.ts';
import { requestBooks } from '../../store/request-books.ts';
import { systemClock } from '../../store/retry.ts';
import { postReversal } from '../../store/reversals.ts';
import { fingerprintOf, recordEvidence, recordRuling } from '../../store/usage.ts';
import { startBooks, type TestBooks } from '../support/books.ts';

const DAY = '2026-11-19';
const NOON = '2026-11-19T12:00:00.000Z';
const LATER = addMilliseconds(NOON, 3_600_000);
const CUSTOMER: ChartEntry = { pattern: 'p:*', asset: 'TOKEN', balance: 'derived', party: 'customer', shards: 3 };
const PLATFORM: ChartEntry = { pattern: 'x:*', asset: 'TOKEN', balance: 'derived', party: 'platform', shards: 1 };
const REVENUE = 'platform:revenue';

let engine: TestBooks;
let account: string;
let accounts = 0;

beforeAll(async () => {
  engine = await startBooks();
});
afterAll(() => engine.stop());

describe('a request in the tables', () => {
  it('is repaired and rolled back by what is read of it, missing', async () => {
    const request = begin();
    await use(request, NOON, 7n);
    await repairAndRollBack(request, ['missing'], ['charge']);
  });

  it('is repaired and rolled back by what is read of it, charged twice', async () => {
    const request = begin();
    await use(request, NOON, 7n);
    await charge(request, NOON, 7n);
    await charge(request, NOON, 7n, `${request}-again`);
    await repairAndRollBack(request, ['duplicate'], ['reversal']);
  });

  it('is repaired and rolled back by what is read of it, charged at another time', async () => {
    const request = begin();
    await use(request, NOON, 7n);
    await charge(request, LATER, 7n);
    await repairAndRollBack(request, ['misdated'], ['reversal', 'charge']);
  });

  it('is repaired and rolled back by a ruling on conflicting evidence', async () => {
    const request = begin();
    await use(request, NOON, 7n);
    await use(request, NOON, 9n);
    await charge(request, NOON, 7n);
    await repairAndRollBack(request, ['conflicting-evidence'], ['ruling', 'transfer'], {
      kind: 'evidence',
      fingerprint: fingerprint(9n),
    });
  });

  it('is repaired and rolled back by a ruling on evidence at several times', async () => {
    const request = begin();
    await use(request, NOON, 7n);
    await use(request, LATER, 7n);
    await charge(request, NOON, 7n);
    await repairAndRollBack(request, ['conflicting-evidence'], ['ruling', 'reversal', 'charge'], {
      kind: 'evidence',
      fingerprint: fingerprint(7n),
      at: LATER,
    });
  });
});

/** A request of an account of its own, so that tests do not meet each other. */
function begin(): string {
  accounts += 1;
  account = `postpaid:r${accounts}`;
  return `request-${accounts}`;
}

async function repairAndRollBack(
  requestId: string,
  kinds: readonly string[],
  steps: readonly string[],
  decision?: Decision,
): Promise<void> {
  const found = await findings();
  expect(found.map(({ finding }) => finding.kind)).toEqual(kinds);
  const decisions = new Map(decision === undefined ? [] : found.map(({ id }) => [id, decision]));
  const facts = await factsOf(requestId, seedsOfFindings(found, decisions));
  const planned = planRequest(found, facts, priceOf, { kinds: new Set(REPAIR_KINDS), decisions, digest });
  expect(planned.left).toEqual([]);
  expect(planned.steps.map(({ kind }) => kind)).toEqual(steps);
  await apply(requestId, planned.steps);
  expect(await findings()).toEqual([]);
  expect(await standingsOf(requestId, planned.steps)).toEqual(steps.map(() => 'already-posted'));

  const posted = new Set(planned.steps.map(({ id }) => id));
  const now = await factsOf(requestId, seedsOf(planned.steps));
  const rollback = rollBackRequest(planned.steps.filter(isOfRequest), posted, now, digest);
  expect(rollback.left).toEqual([]);
  await apply(requestId, rollback.steps);
  expect((await findings()).map(({ id }) => id)).toEqual(found.map(({ id }) => id));
}

async function standingsOf(requestId: string, steps: readonly Step[]) {
  return standings(steps.filter(isOfRequest), await factsOf(requestId, seedsOf(steps)), digest);
}

async function apply(requestId: string, steps: readonly Step[]): Promise<void> {
  expect(new Set(await standingsOf(requestId, steps))).toEqual(new Set(['ready']));
  for (const step of steps.filter(isOfRequest)) {
    if (step.kind === 'ruling') {
      const recorded = { id: step.id, account, requestId, at: step.at, ruling: step.ruling, decidedBy: 'ops@acme' };
      const record = () => recordRuling({ ...engine, clock: systemClock }, recorded, CUSTOMER, LATER);
      expect([await record(), await record()]).toEqual(['recorded', 'duplicate']);
      const other = { ...recorded, ruling: { ...step.ruling, overrules: ['0000000000000000'] } };
      expect(await recordRuling({ ...engine, clock: systemClock }, other, CUSTOMER, LATER)).toBe('conflict');
      continue;
    }
    const { transfer } = step;
    const original = step.kind === 'reversal' ? await getTransfer(engine, transfer.corrects ?? '') : undefined;
    const { id, amount, effectiveAt } = transfer;
    const entries = { debitEntry: entryOf(transfer.debit), creditEntry: entryOf(transfer.credit) };
    const claims = claimsOf(step);
    const result =
      original === undefined
        ? await postTransfer(store(), { transfer: { ...transfer, recordedAt: LATER }, claims, ...entries })
        : await postReversal(store(), {
            original,
            amount,
            terms: { id, effectiveAt, recordedAt: LATER },
            claims,
            ...entries,
          });
    expect(result).toMatchObject({ kind: 'created', transfer });
  }
}

async function findings(): Promise<Found[]> {
  const books = accountBooks({ ...engine, pageRows: 1 }, account, CUSTOMER);
  const period = { start: DAY, end: '2026-11-20' };
  const expectedOf = ({ quantities }: EvidenceRow) => quantities.tokens ?? 0n;
  const where = { day: DAY, period, account, asset: 'TOKEN', opened: true, expectedOf };
  const found = await Array.fromAsync(compareAccountDay(books.day(DAY), books, where, createCounter()));
  return found.flat().map((finding) => ({ id: `${finding.kind} ${finding.requestId} ${finding.at}`, finding }));
}

function factsOf(requestId: string, seeds: Parameters<typeof readFacts>[2]) {
  const books = requestBooks(engine, account, requestId, CUSTOMER);
  return readFacts(books, { account, requestId, chargeable: true }, seeds, digest);
}

function priceOf({ quantities }: EvidenceRow) {
  return { amount: quantities.tokens ?? 0n, rateCard: 'standard@2026-01-01T00:00:00.000Z', credit: REVENUE };
}

function isOfRequest<S extends Step>(step: S): step is Exclude<S, { kind: 'rebalance' }> {
  return step.kind !== 'rebalance';
}

async function use(requestId: string, occurredAt: Instant, tokens: bigint): Promise<void> {
  const usage = { ...engine, clock: systemClock, seenAccounts: new Set<string>() };
  const event = { requestId, account, operation: 'chat', quantities: { tokens }, occurredAt };
  await recordEvidence(usage, event, CUSTOMER, occurredAt);
}

async function charge(requestId: string, effectiveAt: Instant, amount: bigint, id = requestId): Promise<void> {
  const transfer: Transfer = {
    id,
    kind: 'charge',
    debit: account,
    credit: REVENUE,
    asset: 'TOKEN',
    amount,
    effectiveAt,
    recordedAt: effectiveAt,
    requestId,
    operation: 'chat',
  };
  const posting = { transfer, claims: {}, debitEntry: CUSTOMER, creditEntry: PLATFORM };
  expect((await postTransfer(store(), posting)).kind).toBe('created');
}

function fingerprint(tokens: bigint): string {
  return fingerprintOf({ operation: 'chat', quantities: { tokens } });
}

function store() {
  return { ...engine, clock: systemClock, newId: randomUUID, listed: new Set<string>() };
}

function entryOf(id: string): ChartEntry {
  return id === account ? CUSTOMER : PLATFORM;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
