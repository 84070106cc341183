import type { ApprovalPolicy } from '../../../domain/approvals.ts';
import type { Chart } from '../../../domain/chart.ts';
import type { NoticeTemplates } from '../../../domain/invoices/notice-template.ts';
import type { BillingPolicy } from '../../../domain/invoices/policy.ts';
import type { RateCard } from '../../../domain/rating.ts';
import type { Instant } from '../../../domain/time.ts';
import type { Artifacts } from '../../../store/artifacts.ts';
import type {
  BillingKind,
  BillingOutcome,
  BillingRun,
  BillingRunsStore,
  BillingSpec,
} from '../../../store/billing-runs.ts';
import type { InvoicesStore } from '../../../store/invoices.ts';
import type { LedgerTable } from '../../../store/posting.ts';
import type { Notifier } from './notifier.ts';

/** What the steps of all billing runs work with. */
export interface BillingDeps {
  readonly runs: BillingRunsStore;
  readonly invoices: InvoicesStore;
  readonly ledger: LedgerTable;
  readonly artifacts: Artifacts;
  readonly chart: Chart;
  readonly policy: BillingPolicy;
  readonly approvals: ApprovalPolicy;
  readonly readRateCards: () => Promise<readonly RateCard[]>;
  readonly readNoticeTemplates: () => NoticeTemplates;
  /** Asked for only by runs that tell customers something: others may not hand anything over. */
  readonly notifier: () => Notifier;
  readonly newId: () => string;
  readonly now: () => Instant;
  readonly wait: (milliseconds: number) => Promise<void>;
}

/** A run of a kind, in the name of the execution that has it. */
export type RunOf<Kind extends BillingKind> = Pick<BillingRun, 'id' | 'requestedBy' | 'requestedAt'> & {
  readonly spec: Extract<BillingSpec, { readonly kind: Kind }>;
  readonly execution: string;
  /** When it was first taken: what must come out the same whoever ends the run counts from here. */
  readonly startedAt: Instant;
};

/** A piece of a run that one worker does alone. */
export interface BillingSlice {
  readonly id: string;
  /** Account buckets; of runs that are not cut by accounts, none. */
  readonly buckets: readonly string[];
  /** Where the slice's input is, of runs that are cut otherwise. */
  readonly key?: string;
}

/** What a slice notes of one thing that it came to; a line of a file. */
export interface Row {
  /** What it counts as. */
  readonly counts: readonly string[];
}

/** The rows of a pass in the order of slices, however many there are. May be read more than once. */
export type ReadRows<R extends Row> = (pass: string) => AsyncIterable<R>;

/**
 * A kind of run: what it does in each pass over its slices, and what it leaves. Each step may be done again, wholly or
 * from the middle, and then comes to the same: what a slice notes is told from the books and not from what it did.
 */
export interface BillingJob<Kind extends BillingKind, R extends Row = Row> {
  readonly passes: readonly string[];
  /** Slices under way at once; 1 where they must come one after the other. */
  readonly concurrency: number;
  plan(deps: BillingDeps, run: RunOf<Kind>): Promise<readonly BillingSlice[]>;
  work(deps: BillingDeps, run: RunOf<Kind>, slice: BillingSlice, pass: string): AsyncIterable<R>;
  close(
    deps: BillingDeps,
    run: RunOf<Kind>,
    rows: ReadRows<R>,
    counts: Readonly<Record<string, number>>,
  ): Promise<BillingOutcome>;
}
