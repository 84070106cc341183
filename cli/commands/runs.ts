import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { formatCount, listing, table } from '../format.ts';
import { print } from '../io.ts';
import { type Reconciliation, runSummary } from '../run-summary.ts';

interface Options {
  readonly schedule?: 'daily' | 'recheck' | 'spot' | 'invoices';
  readonly json?: true;
}

/** `reckoner runs [id]`: the latest reconciliation runs, or one of them. */
export function addRuns(program: Command, { io, connect }: Context): void {
  program
    .command('runs')
    .summary('list reconciliation runs, or show one')
    .description('Lists the latest reconciliation runs, or shows one with the links to its artifacts.')
    .argument('[id]', 'name of a run')
    .addOption(
      new Option('--schedule <name>', 'list runs of this schedule alone').choices([
        'daily',
        'recheck',
        'spot',
        'invoices',
      ]),
    )
    .option('--json', 'print JSON')
    .action(async (runId: string | undefined, { schedule, json }: Options, command: Command) => {
      const client = connect(command);
      const body =
        runId === undefined
          ? expectOk(await client.listReconciliations({ query: { schedule }, signal: io.signal }))
          : expectOk(await client.getReconciliation({ params: { runId }, signal: io.signal }));
      if (json === true) print(io, JSON.stringify(body, undefined, 2));
      else print(io, 'reconciliations' in body ? runsTable(body.reconciliations) : runDetails(body));
    });
}

function runsTable(runs: readonly Reconciliation[]): string {
  if (runs.length === 0) return 'There are no reconciliation runs yet.';
  const rows = runs.map((run) => [
    run.id,
    `${run.startDate} to ${run.endDate}`,
    run.requestedAt,
    run.status,
    run.outcome?.verdict ?? '',
    run.outcome === undefined ? '' : formatCount(run.outcome.findings),
  ]);
  return table(['Run', 'Period', 'Requested', 'Status', 'Verdict', 'Findings'], rows, [5]);
}

function runDetails(run: Reconciliation): string {
  if (run.outcome !== undefined) {
    const links = Object.entries(run.artifacts ?? {}).map(([name, link]) => [name, link] as const);
    const artifacts = links.length === 0 ? [] : ['Artifacts (links are good for 15 minutes):', listing(links)];
    return [runSummary(run, run.outcome), ...artifacts, run.outcome.sentence].join('\n');
  }
  const { slicesDone, slicesTotal } = run.progress;
  return listing([
    ['Run', run.id],
    ['Period', `${run.startDate} to ${run.endDate}`],
    ['Status', run.status],
    ['Progress', slicesTotal === undefined ? undefined : `${slicesDone} of ${slicesTotal} slices`],
    ['Error', run.error && `${run.error.name}: ${run.error.cause}`],
  ]);
}
