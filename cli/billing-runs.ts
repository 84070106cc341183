import { InvalidArgumentError } from 'commander';
import type * as z from 'zod';
import type { Client } from '../contract/client.ts';
import type { billingRun } from '../contract/schemas/billing-runs.ts';
import { month as monthSchema } from '../contract/schemas/invoices.ts';
import { FOLLOW_MS } from './context.ts';
import { CommandFailedError, describeError, expectOk } from './failure.ts';
import { follow } from './follow.ts';
import { formatAmount, formatCount, listing, table } from './format.ts';
import { type Io, note, print } from './io.ts';
import { progressBar } from './progress.ts';

/** What commands that start billing runs share: asking for one, following it, and telling how it ended. */

export type BillingRun = z.output<typeof billingRun>;

export interface RunOptions {
  readonly json?: true;
  readonly timeout?: number;
}

/** Reads a month. @throws InvalidArgumentError */
export function month(text: string): string {
  const read = monthSchema.safeParse(text);
  if (!read.success) throw new InvalidArgumentError(`It ${read.error.issues[0]?.message}.`);
  return read.data;
}

/** Follows a run to its end. @throws CommandFailedError when it fails, with what its record says of the reason */
export async function followBillingRun(
  io: Io,
  client: Client,
  runId: string,
  { timeout = FOLLOW_MS, json }: RunOptions,
): Promise<BillingRun & { readonly outcome: NonNullable<BillingRun['outcome']> }> {
  const bar = progressBar(io, 'Working', 'slices');
  let run: BillingRun;
  try {
    run = await follow(io, {
      look: async () => expectOk(await client.getBillingRun({ params: { runId }, signal: io.signal })),
      isOver: ({ status }) => status === 'succeeded' || status === 'failed',
      show: ({ progress }) => bar.update(progress.slicesDone, progress.slicesTotal),
      subject: `The run goes on: reckoner invoices runs ${runId}`,
      deadlineMs: timeout,
    });
  } finally {
    bar.stop();
  }
  const { outcome } = run;
  if (outcome !== undefined) return { ...run, outcome };
  if (json === true) print(io, JSON.stringify(run, undefined, 2));
  throw new CommandFailedError(`The run failed: ${describeError(run)} Look again: reckoner invoices runs ${runId}`);
}

/** Prints how a run ended; its sentence last, so that it is what stands above the prompt. */
export function tellBillingRun(io: Io, run: BillingRun, { json }: RunOptions): void {
  if (json === true) print(io, JSON.stringify(run, undefined, 2));
  else print(io, billingRunDetails(run));
}

export function billingRunDetails(run: BillingRun): string {
  const { outcome, error } = run;
  const { slicesDone, slicesTotal } = run.progress;
  const facts = listing([
    ['Run', run.id],
    ['Kind', run.kind],
    ['Month', run.month],
    ['Of', run.of],
    ['Accounts', run.accounts?.join(', ')],
    ['Status', run.status],
    ['Asked for', `${run.requestedAt} by ${run.requestedBy}`],
    ['Progress', run.status === 'running' ? `${slicesDone} of ${slicesTotal ?? '?'} slices` : undefined],
    ...Object.entries(outcome?.counts ?? {}).map(([name, count]) => [name, formatCount(count)] as const),
    ['Approval', outcome?.approval],
    ['Hash', outcome?.hash],
    ['Artifacts', run.artifacts && Object.keys(run.artifacts).join(', ')],
    ['Error', error && `${error.name}: ${error.cause}`],
  ]);
  const totals = outcome?.totals ?? [];
  const rows = totals.map(({ asset, before, after }) => [
    asset,
    ...[before, after, `${BigInt(after) - BigInt(before)}`].map((amount) => formatAmount(amount, asset)),
  ]);
  return [
    facts,
    ...(rows.length === 0 ? [] : [table(['Asked for', 'Before', 'Now', 'Difference'], rows, [1, 2, 3])]),
    ...(outcome === undefined ? [] : [outcome.sentence]),
  ].join('\n');
}

export function billingRunsTable(runs: readonly BillingRun[]): string {
  if (runs.length === 0) return 'There are no billing runs yet.';
  const rows = runs.map(({ id, kind, month: of = '', requestedAt, status, outcome, error }) => [
    ...[id, kind, of, requestedAt, status],
    outcome?.sentence ?? error?.name ?? '',
  ]);
  return table(['Run', 'Kind', 'Month', 'Requested', 'Status', 'Outcome'], rows);
}

/** Says that something goes on without the command. */
export function noteStarted(io: Io, run: BillingRun, isNew: boolean): void {
  note(io, `Billing run ${run.id} (${run.kind}) ${isNew ? 'was started' : 'is followed'}.`);
}
