import { groupOf, type Judged, judge } from '../reconciliation/judge.ts';
import type { EvidenceRow, LedgerRow } from '../reconciliation/rows.ts';
import type { Instant } from '../time.ts';
import type { PriceOf } from './draft.ts';
import type { RequestFacts } from './facts.ts';
import type { PlannedTransfer } from './steps.ts';

/** A charge that counts at a time and is not wholly given back then. */
export interface LiveCharge {
  readonly id: string;
  readonly net: bigint;
}

/** What both books say of a request. */
export interface State {
  /** Both books at a time, judged as a reconciliation would. */
  judgedAt(at: Instant): Judged;
  /** Charges at a time in the order in which they were recorded. */
  liveAt(at: Instant): readonly LiveCharge[];
  /** Times at which the ledger has something that does not cancel out. */
  chargedMoments(): readonly Instant[];
  /** All evidence at a time, what was overruled too. */
  evidenceAt(at: Instant): readonly EvidenceRow[];
  evidenceMoments(): readonly Instant[];
  /** Whether all that the ledger has at a time belongs to charges that are known. */
  isKnownAt(at: Instant): boolean;
}

/** A state that steps change. */
export interface ChangingState extends State {
  /** What the charges that have something at a time come to then, corrections with them; by id. */
  netsAt(at: Instant): ReadonlyMap<string, bigint>;
  transfer(id: string): PlannedTransfer | undefined;
  /** Minor units as the account sees them: charged is positive, given back is negative. */
  signed(transfer: PlannedTransfer): bigint;
  addTransfer(transfer: PlannedTransfer): void;
  addEvidence(at: Instant, row: EvidenceRow): void;
}

export function createState(facts: RequestFacts, priceOf: PriceOf): ChangingState {
  const { account, requestId } = facts;
  const transfers = new Map<string, PlannedTransfer>(facts.transfers.map(({ transfer }) => [transfer.id, transfer]));
  const evidence = new Map(facts.evidence);
  const expectedOf = (row: EvidenceRow) => {
    const price = priceOf(row);
    return 'unpriced' in price ? price : price.amount;
  };
  const signed = ({ debit, credit, amount }: PlannedTransfer) =>
    (debit === account ? amount : 0n) - (credit === account ? amount : 0n);
  const transfersAt = (at: Instant) => [...transfers.values()].filter(({ effectiveAt }) => effectiveAt === at);
  const evidenceAt = (at: Instant) => evidence.get(at) ?? [];
  const netsAt = (at: Instant) => {
    const nets = new Map<string, bigint>();
    for (const transfer of transfersAt(at)) {
      const charge = transfer.corrects ?? transfer.id;
      nets.set(charge, (nets.get(charge) ?? 0n) + signed(transfer));
    }
    return nets;
  };

  return {
    judgedAt(at) {
      const ledger = transfersAt(at).map((transfer) => ledgerRow(transfer, signed(transfer)));
      return judge(groupOf(`${at}#${requestId}`, evidenceAt(at), ledger), expectedOf);
    },
    liveAt(at) {
      const nets = netsAt(at);
      return transfersAt(at).flatMap(({ id, corrects, amount }) => {
        const net = nets.get(id) ?? 0n;
        return corrects === undefined && (net > 0n || amount === 0n) ? [{ id, net }] : [];
      });
    },
    chargedMoments() {
      const moments = new Set([...transfers.values()].map(({ effectiveAt }) => effectiveAt));
      return [...moments].filter((at) => [...netsAt(at).values()].some((net) => net !== 0n)).sort();
    },
    evidenceAt,
    evidenceMoments: () => [...evidence.keys()].filter((at) => evidenceAt(at).length > 0).sort(),
    isKnownAt: (at) => [...netsAt(at).keys()].every((charge) => transfers.has(charge)),
    netsAt,
    signed,
    transfer: (id) => transfers.get(id),
    addTransfer: (transfer) => transfers.set(transfer.id, transfer),
    addEvidence: (at, row) => evidence.set(at, [...evidenceAt(at), row]),
  };
}

function ledgerRow({ id, effectiveAt, requestId, corrects }: PlannedTransfer, amount: bigint): LedgerRow {
  return { key: `${effectiveAt}#${requestId ?? id}`, id, amount, ...(corrects !== undefined && { corrects }) };
}
