import { createHash } from 'node:crypto';
import { type Finding, findingIdentity } from '../../../domain/reconciliation/findings.ts';
import type { EvidenceRow, LedgerRow } from '../../../domain/reconciliation/rows.ts';
import type { Decision, RepairKind } from '../../../domain/repairs/decisions.ts';
import { REPAIR_KINDS } from '../../../domain/repairs/decisions.ts';
import type { Price } from '../../../domain/repairs/draft.ts';
import { type RequestBooks, type RequestFacts, readFacts, type Seeds, seedsOf } from '../../../domain/repairs/facts.ts';
import {
  type Found,
  findingsByRequest,
  type Planned,
  planRequest,
  seedsOfFindings,
} from '../../../domain/repairs/plan.ts';
import { type NotRolledBack, rollBackRequest } from '../../../domain/repairs/rollback.ts';
import { type Standing, standings } from '../../../domain/repairs/standing.ts';
import type { RulingStep, Step, TransferStep } from '../../../domain/repairs/steps.ts';
import { dayOf, type Period } from '../../../domain/time.ts';
import type { Reversals, Transfer } from '../../../domain/transfers.ts';
import { ACCOUNT, ASSET, priceOf as amountOf, reconcile } from '../reconciliation/in-memory-books.ts';

export const REVENUE = 'platform:revenue:usage';
export const CARD = 'standard@2026-01-01T00:00:00.000Z';

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

export function priceOf(row: EvidenceRow): Price {
  const amount = amountOf(row);
  return typeof amount === 'bigint' ? { amount, rateCard: CARD, credit: REVENUE } : amount;
}

/** Both books of one account, which repairs are applied to; posted transfers count up the clock. */
export interface World {
  readonly evidence: readonly EvidenceRow[];
  readonly transfers: readonly Transfer[];
  readonly opened: boolean;
}

export interface Posted {
  readonly world: World;
  /** By the id of the step. `not-tried` comes after one that was not posted. */
  readonly outcomes: ReadonlyMap<string, Standing | 'posted' | 'not-tried'>;
}

export function chargeOf(at: string, requestId: string, amount: bigint, id = requestId): Transfer {
  return {
    id,
    kind: 'charge',
    debit: ACCOUNT,
    credit: REVENUE,
    asset: ASSET,
    amount,
    effectiveAt: at,
    recordedAt: at,
    requestId,
    operation: 'chat',
    rateCard: CARD,
  };
}

/** A correction by hand: a negative amount gives back. */
export function correctionOf(charge: Transfer, id: string, by: bigint, at = charge.effectiveAt): Transfer {
  const { rateCard: _rateCard, ...rest } = charge;
  const [debit, credit] = by > 0n ? [charge.debit, charge.credit] : [charge.credit, charge.debit];
  const amount = by > 0n ? by : -by;
  return { ...rest, id, kind: 'transfer', debit, credit, amount, effectiveAt: at, corrects: charge.id };
}

export async function findings(world: World, period: Period): Promise<Found[]> {
  const ledger = world.transfers.flatMap(ledgerRow);
  const others = world.transfers.filter(({ debit, credit }) => debit !== ACCOUNT && credit !== ACCOUNT);
  const books = { evidence: world.evidence, ledger, others: others.map(({ id }) => id) };
  const { findings: found } = await reconcile(books, period, undefined, { opened: world.opened });
  return found.map((finding) => ({ id: findingId(finding), finding }));
}

export function findingId(finding: Finding): string {
  return digest(findingIdentity(finding)).slice(0, 24);
}

export interface Asked {
  readonly kinds?: readonly RepairKind[];
  readonly decisions?: ReadonlyMap<string, Decision>;
}

/** Plans all findings, request by request. */
export async function plan(
  world: World,
  found: readonly Found[],
  { kinds = REPAIR_KINDS, decisions = new Map() }: Asked = {},
): Promise<Planned> {
  const planned: Planned[] = [];
  for (const group of findingsByRequest(found)) {
    const facts = await factsOf(world, group[0]?.finding.requestId ?? '', seedsOfFindings(group, decisions));
    planned.push(planRequest(group, facts, priceOf, { kinds: new Set(kinds), decisions, digest }));
  }
  return {
    steps: planned.flatMap(({ steps }) => steps),
    answered: planned.flatMap(({ answered }) => answered),
    left: planned.flatMap(({ left }) => left),
  };
}

/**
 * Applies steps as an applying workflow does: each request's steps are tried against the books, linked ones all or none.
 * @param crashAfter requests after which nothing more is done, and posts of a request after which it is broken off.
 */
export async function apply(
  world: World,
  steps: readonly Step[],
  crashAfter = Number.POSITIVE_INFINITY,
): Promise<Posted> {
  const outcomes = new Map<string, Standing | 'posted' | 'not-tried'>();
  let now = world;
  let writes = 0;
  for (const ofRequest of byRequest(steps)) {
    const facts = await factsOf(now, ofRequest[0]?.requestId ?? '', seedsOf(ofRequest));
    const standing = new Map(standings(ofRequest, facts, digest).map((each, index) => [ofRequest[index]?.id, each]));
    let isBroken = false;
    for (const write of writesOf(ofRequest)) {
      const states = write.map(({ id }) => standing.get(id) ?? 'stale');
      const done = states.every((state) => state === 'already-posted');
      const mayPost: boolean = states.every((state) => state === 'ready') && !isBroken;
      if (mayPost && writes >= crashAfter) return { world: now, outcomes };
      for (const [index, step] of write.entries()) {
        outcomes.set(
          step.id,
          done ? 'already-posted' : mayPost ? 'posted' : isBroken ? 'not-tried' : (states[index] ?? 'stale'),
        );
        if (mayPost) now = post(now, step);
      }
      if (mayPost) writes += 1;
      isBroken ||= !done && !mayPost;
    }
  }
  return { world: now, outcomes };
}

/** Plans the rollback of what an application posted. */
export async function rollBack(
  world: World,
  steps: readonly Step[],
  outcomes: Posted['outcomes'],
): Promise<{ steps: Step[]; left: NotRolledBack[] }> {
  const posted = new Set([...outcomes].flatMap(([id, outcome]) => (outcome === 'posted' ? id : [])));
  const rollback: { steps: Step[]; left: NotRolledBack[] } = { steps: [], left: [] };
  for (const ofRequest of byRequest(steps).reverse()) {
    const facts = await factsOf(world, ofRequest[0]?.requestId ?? '', seedsOf(ofRequest));
    const planned = rollBackRequest(ofRequest, posted, facts, digest);
    rollback.steps.push(...planned.steps);
    rollback.left.push(...planned.left);
  }
  return rollback;
}

/** What the account was charged in all, corrections netted. */
export function balanceOf(world: World, account = ACCOUNT): bigint {
  return world.transfers.reduce(
    (sum, { debit, credit, amount }) => sum + (debit === account ? amount : 0n) - (credit === account ? amount : 0n),
    0n,
  );
}

export function factsOf(world: World, requestId: string, seeds: Seeds): Promise<RequestFacts> {
  return readFacts(booksOf(world, requestId), { account: ACCOUNT, requestId, chargeable: world.opened }, seeds, digest);
}

function booksOf(world: World, requestId: string): RequestBooks {
  const rows = () => world.transfers.flatMap(ledgerRow).filter(({ key }) => key.endsWith(`#${requestId}`));
  const evidence = world.evidence.filter(({ key }) => key.endsWith(`#${requestId}`));
  const at = (key: string) => key.slice(0, 24);
  return {
    transfer: async (id) => world.transfers.find((transfer) => transfer.id === id),
    reversals: async (transfer) => reversalsOf(world, transfer),
    idsAt: async (moment) => rows().flatMap(({ key, id }) => (at(key) === moment ? id : [])),
    evidenceAt: async (moment) => evidence.filter(({ key }) => at(key) === moment),
    momentsOn: async (day) => [...evidence, ...rows()].flatMap(({ key }) => (dayOf(key) === day ? at(key) : [])),
  };
}

/** As the ledger keeps it: what corrects a charge and gives back is a reversal, unless it was posted as a transfer. */
function reversalsOf(world: World, { id, amount }: Pick<Transfer, 'id' | 'amount'>): Reversals {
  const reversals = world.transfers.filter(
    (transfer) => transfer.corrects === id && transfer.credit === ACCOUNT && transfer.description !== NO_REVERSAL,
  );
  const back = reversals.reduce((sum, transfer) => sum + transfer.amount, 0n);
  return { remaining: amount - back, ids: reversals.map((transfer) => transfer.id) };
}

const NO_REVERSAL = 'no reversal';

function post(world: World, step: TransferStep | RulingStep): World {
  if (step.kind === 'ruling') {
    const { at, requestId, ruling } = step;
    const row: EvidenceRow = { key: `${at}#${requestId}`, fingerprint: '', operation: '', quantities: {}, ruling };
    return { ...world, evidence: [...world.evidence, row] };
  }
  const recordedAt = new Date(Date.parse('2026-12-01T00:00:00.000Z') + world.transfers.length).toISOString();
  if (world.transfers.some(({ id }) => id === step.id)) throw new Error(`${step.id} is posted twice.`);
  const transfer: Transfer = {
    ...step.transfer,
    recordedAt,
    ...(step.kind === 'transfer' && { description: NO_REVERSAL }),
  };
  const after = { ...world, transfers: [...world.transfers, transfer] };
  if (step.kind === 'reversal') {
    const original = world.transfers.find(({ id }) => id === transfer.corrects);
    if (original === undefined || original.corrects !== undefined) throw new Error(`${step.id} reverses no charge.`);
    if (reversalsOf(after, original).remaining < 0n) throw new Error(`${step.id} reverses too much.`);
  }
  return after;
}

function byRequest(steps: readonly Step[]): (TransferStep | RulingStep)[][] {
  const ofRequests = steps.filter((step) => step.kind !== 'rebalance');
  return [...Map.groupBy(ofRequests, ({ requestId }) => requestId).values()];
}

/** Linked steps are one write, any other is its own. */
function writesOf(steps: readonly (TransferStep | RulingStep)[]): (TransferStep | RulingStep)[][] {
  return [...Map.groupBy(steps, (step) => ('linked' in step && step.linked) || step.id).values()];
}

function ledgerRow(transfer: Transfer): LedgerRow[] {
  const { id, kind, debit, credit, amount, effectiveAt, requestId, corrects } = transfer;
  if (debit !== ACCOUNT && credit !== ACCOUNT) return [];
  if (kind !== 'charge' && (corrects === undefined || requestId === undefined)) return [];
  const key = `${effectiveAt}#${requestId ?? id}`;
  return [{ key, id, amount: debit === ACCOUNT ? amount : -amount, ...(corrects !== undefined && { corrects }) }];
}
