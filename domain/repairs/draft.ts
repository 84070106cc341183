import type { Asset } from '../money.ts';
import type { EvidenceRow } from '../reconciliation/rows.ts';
import { lastRuling, ruled } from '../reconciliation/rulings.ts';
import type { Instant } from '../time.ts';
import type { RequestFacts } from './facts.ts';
import { createState, type State } from './state.ts';
import {
  type Basis,
  type Digest,
  ID_DIGITS,
  LINKED_STEPS_MAX,
  type PlannedTransfer,
  repairId,
  type Step,
  type TransferStep,
} from './steps.ts';

/** What evidence should have cost, as a charge of it says so; or the sentence why no price can be told. */
export type Price =
  | {
      readonly amount: bigint;
      /** `name@effectiveFrom` */
      readonly rateCard: string;
      /** The revenue account that is credited. */
      readonly credit: string;
    }
  | { readonly unpriced: string };

export type PriceOf = (evidence: EvidenceRow) => Price;
export type Priced = Exclude<Price, { unpriced: string }>;

/**
 * The state that a request would be in after the steps drafted so far, and the only place where steps are made: each
 * changes the state, so the next is drafted from what the ones before it come to.
 */
export interface Draft extends State {
  steps(): readonly Step[];
  /** Charges the evidence under the request's own id, or where that is taken, under another. */
  charge(findingId: string, evidence: EvidenceRow, at: Instant, price: Priced): void;
  /** Moves what a charge comes to at a time: up by a correction, down by a reversal as far as that goes. */
  bring(findingId: string, chargeId: string, at: Instant, by: bigint): void;
  /** Brings all at a time to nothing. */
  clear(findingId: string, at: Instant): void;
  /** Answers a correction by its opposite. */
  oppose(findingId: string, correction: PlannedTransfer): void;
  /** Keeps a ruling, unless it is what is ruled already. */
  rule(findingId: string, at: Instant, overrules: readonly string[]): void;
  /** All transfers drafted by `work` are posted all or none, if they are few enough. */
  together(work: () => void): void;
}

export function createDraft(facts: RequestFacts, asset: Asset, basis: Basis, priceOf: PriceOf, digest: Digest): Draft {
  const { account, requestId } = facts;
  const state = createState(facts, priceOf);
  const remaining = new Map(facts.transfers.map(({ transfer, reversals }) => [transfer.id, reversals.remaining]));
  const steps: Step[] = [];
  let slots = facts.slots;

  const nextId = () => repairId(digest, account, requestId, slots++);
  const post = (findingId: string, kind: TransferStep['kind'], transfer: PlannedTransfer, detail: string) => {
    state.addTransfer(transfer);
    steps.push({ kind, id: transfer.id, account, asset, findingId, requestId, detail, transfer, basis });
  };
  const correct = (
    findingId: string,
    kind: 'reversal' | 'transfer',
    charge: PlannedTransfer,
    at: Instant,
    by: bigint,
  ) => {
    if (by === 0n) return;
    const transfer = correctionOf(charge, nextId(), requestId, at, by);
    post(findingId, kind, transfer, detailOf(kind, transfer, by));
  };
  const bring: Draft['bring'] = (findingId, chargeId, at, by) => {
    const charge = state.transfer(chargeId);
    if (charge === undefined) return;
    const reversible = by < 0n ? (remaining.get(chargeId) ?? 0n) : 0n;
    const reversed = by < 0n && reversible + by > 0n ? -by : reversible;
    // One remainder is one item, which a transaction may have once: so a charge is reversed once.
    if (reversed > 0n) remaining.delete(chargeId);
    correct(findingId, 'reversal', charge, at, -reversed);
    correct(findingId, 'transfer', charge, at, by + reversed);
  };

  return {
    ...state,
    steps: () => steps,
    charge(findingId, { operation, quantities }, at, { amount, rateCard, credit }) {
      const id = facts.idTaken || state.transfer(requestId) !== undefined ? nextId() : requestId;
      const common = { asset, amount, effectiveAt: at, requestId, operation, quantities, rateCard };
      const transfer: PlannedTransfer = { id, kind: 'charge', debit: account, credit, ...common };
      post(findingId, 'charge', transfer, `Charge ${operation} by ${rateCard}.`);
    },
    bring,
    clear(findingId, at) {
      for (const [charge, net] of [...state.netsAt(at)].reverse()) bring(findingId, charge, at, -net);
    },
    oppose(findingId, correction) {
      const charge = state.transfer(correction.corrects ?? '');
      if (charge === undefined) return;
      correct(findingId, 'transfer', charge, correction.effectiveAt, -state.signed(correction));
    },
    rule(findingId, at, overrules) {
      const rows = state.evidenceAt(at);
      const last = lastRuling(rows);
      const wanted = [...overrules].sort();
      if (JSON.stringify(last?.overrules ?? []) === JSON.stringify(wanted)) return;
      const ruling = { number: (last?.number ?? 0) + 1, overrules: wanted };
      const row: EvidenceRow = { key: `${at}#${requestId}`, fingerprint: '', operation: '', quantities: {}, ruling };
      state.addEvidence(at, row);
      const counts = ruled([...rows, row]).evidence.map(({ fingerprint }) => fingerprint);
      const detail = `Rule that of the evidence at ${at} ${counts.length === 0 ? 'none' : counts.join(', ')} counts.`;
      const id = rulingId(digest, account, requestId, at, ruling.number);
      steps.push({ kind: 'ruling', id, account, asset, findingId, requestId, at, ruling, detail, basis });
    },
    together(work) {
      const first = steps.length;
      work();
      const drafted = steps.slice(first).filter((step): step is TransferStep => 'transfer' in step);
      const [{ id: linked } = { id: '' }] = drafted;
      if (drafted.length < 2 || drafted.length > LINKED_STEPS_MAX) return;
      const named = steps.splice(first).map((step) => ('transfer' in step ? { ...step, linked } : step));
      steps.push(...named);
    },
  };
}

/**
 * A correction counts for the same request, operation and key as its charge, so that all that sum see the net.
 * @param by minor units: positive charges more, negative gives back.
 */
function correctionOf(
  charge: PlannedTransfer,
  id: string,
  requestId: string,
  effectiveAt: Instant,
  by: bigint,
): PlannedTransfer {
  const [debit, credit, amount] = by > 0n ? [charge.debit, charge.credit, by] : [charge.credit, charge.debit, -by];
  return {
    id,
    kind: 'transfer',
    debit,
    credit,
    asset: charge.asset,
    amount,
    effectiveAt,
    requestId,
    ...(charge.operation !== undefined && { operation: charge.operation }),
    corrects: charge.id,
    ...(charge.key !== undefined && { key: charge.key }),
  };
}

function detailOf(kind: 'reversal' | 'transfer', { amount, corrects }: PlannedTransfer, by: bigint): string {
  if (kind === 'reversal') return `Reverse ${amount} of ${corrects}.`;
  return `${by > 0n ? 'Charge' : 'Give back'} ${amount} as a correction of ${corrects}.`;
}

function rulingId(digest: Digest, account: string, requestId: string, at: Instant, number: number): string {
  return `ruling:${digest(JSON.stringify([account, requestId, at, number])).slice(0, ID_DIGITS)}`;
}
