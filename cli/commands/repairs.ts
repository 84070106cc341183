import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from '../../contract/client.ts';
import { repairDecision, repairKind } from '../../contract/schemas/repairs.ts';
import { type Context, FOLLOW_MS, minutes } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { CommandFailedError, describeError, expectOk } from '../failure.ts';
import { type Io, note, print } from '../io.ts';
import { applyPlan, followRepair, tellRepair } from '../repair-steps.ts';
import { type Repair, repairsTable } from '../repair-summary.ts';
import { day, followRun } from './reconcile.ts';

const KINDS = repairKind.options;
type RepairKind = (typeof KINDS)[number];

/** What every command that plans or applies takes. */
interface ApplyOptions {
  readonly apply?: true;
  readonly wait?: true;
  readonly takeOver?: true;
  readonly json?: true;
  readonly timeout?: number;
}

interface PlanOptions extends ApplyOptions {
  readonly runId?: string;
}

interface PeriodOptions extends PlanOptions {
  readonly startDate?: string;
  readonly endDate?: string;
  readonly run?: string;
}

interface RepairOptions extends PlanOptions {
  readonly kinds?: readonly RepairKind[];
  readonly decide?: Readonly<Record<string, string>>;
}

/** The repairs that operators name by what they do. */
const BY_KIND = {
  backfill: 'charge what was used and not charged',
  dedupe: 'take back what was charged more than once',
  recalculate: 'correct amounts to the rate card of their date, and charges at the wrong time',
} as const satisfies Partial<Record<RepairKind, string>>;

/** `backfill`, `dedupe`, `recalculate`, `repair`, `rollback` and `repairs`. */
export function addRepairs(program: Command, context: Context): void {
  for (const [kind, summary] of Object.entries(BY_KIND)) addByKind(program, context, kind as RepairKind, summary);
  addRepair(program, context);
  addRollback(program, context);
  addReading(program, context);
}

function addByKind(program: Command, { io, connect, finish }: Context, kind: RepairKind, summary: string): void {
  const command = program
    .command(kind)
    .summary(summary)
    .description(
      `Plans to ${summary}, over whole days (UTC) or over the findings of a run. Without --apply it is a dry run: nothing is posted.`,
    )
    .option('--start-date <day>', 'first day; the days are reconciled first', day)
    .option('--end-date <day>', 'last day, inclusive', day)
    .option('--run <run>', 'repair what this reconciliation found, instead of reconciling');
  withPlanOptions(command)
    .addHelpText(
      'after',
      help(`reckoner ${kind} --start-date 2026-11-01 --end-date 2026-11-30 --run-id ${kind}-november`),
    )
    .action(async (options: PeriodOptions, self: Command) => {
      const client = connect(self);
      const id = options.runId ?? `${kind}-${io.newId().slice(0, 8)}`;
      const runId = options.run ?? (await reconcileFirst(io, client, options));
      finish(await plan(io, client, { id, runId, kinds: [kind] }, options));
    });
}

function addRepair(program: Command, { io, connect, finish }: Context): void {
  const command = program
    .command('repair')
    .summary('repair what a reconciliation found')
    .description(
      'Plans the repair of what a reconciliation found, in several ways at once and with what people decided. Without --apply it is a dry run: nothing is posted.',
    )
    .argument('<run>', 'a reconciliation run')
    .option('--kinds <kinds>', `of ${KINDS.join(', ')} (default: backfill,dedupe,recalculate)`, kindsOf)
    .option(
      '--decide <finding=decision>',
      'what a person decided: reverse, leave, or evidence:<fingerprint>; repeatable',
      decisionOf,
    );
  withPlanOptions(command)
    .addHelpText(
      'after',
      help('reckoner repair daily-2026-11-19 --kinds backfill,dedupe --decide 0f1e2d3c4b5a697887f0e1d2=reverse'),
    )
    .action(async (runId: string, options: RepairOptions, self: Command) => {
      const id = options.runId ?? `repair-${io.newId().slice(0, 8)}`;
      const { decide: decisions, kinds = ['backfill', 'dedupe', 'recalculate'] } = options;
      const asked = decisions === undefined ? [...kinds] : [...new Set([...kinds, 'decide' as const])];
      const body = { id, runId, kinds: asked, ...(decisions !== undefined && { decisions }) };
      finish(await plan(io, connect(self), body, options));
    });
}

function addRollback(program: Command, { io, connect, finish }: Context): void {
  const command = program
    .command('rollback')
    .summary('take back exactly what a repair posted')
    .description(
      'Plans to take back exactly what a repair posted, and says what cannot be. It is a repair of its own, and can be rolled back. Without --apply it is a dry run: nothing is posted.',
    )
    .argument('<repair>', 'an applied repair');
  withPlanOptions(command)
    .addHelpText('after', help('reckoner rollback backfill-november --run-id undo-november --apply'))
    .action(async (repairId: string, options: PlanOptions, self: Command) => {
      const client = connect(self);
      const id = options.runId ?? `rollback-${io.newId().slice(0, 8)}`;
      const asked = await client.rollBackRepair({ params: { repairId }, body: { id }, signal: io.signal });
      finish(await planned(io, client, expectOk(asked), options));
    });
}

function addReading(program: Command, { io, connect, finish }: Context): void {
  const command = program
    .command('repairs')
    .summary('list repairs, show one, or apply its plan')
    .description('Lists the latest repairs, shows one with its plan and outcome, or applies the plan of one.')
    .argument('[repair]', 'name of a repair');
  withApplyOptions(command)
    .option('--hash <hash>', 'with --apply: apply only a plan with this hash')
    .option('--take-over', 'with --apply: take it from an execution that has ended without a word')
    .addHelpText('after', EXIT_CODES)
    .action(async (repairId: string | undefined, options: ApplyOptions & { hash?: string }, self: Command) => {
      const client = connect(self);
      if (repairId === undefined) {
        if (options.apply === true) throw new CommandFailedError('Say which repair is to be applied.');
        const body = expectOk(await client.listRepairs({ signal: io.signal }));
        print(io, options.json === true ? JSON.stringify(body, undefined, 2) : repairsTable(body.repairs));
        return;
      }
      const repair = expectOk(await client.getRepair({ params: { repairId }, signal: io.signal }));
      if (options.apply !== true) {
        tellRepair(io, repair, options, true);
        return;
      }
      const known = options.hash === undefined ? repair : withHash(repair, options.hash);
      finish(await applyPlan(io, client, known, options));
    });
}

/** The repair as far as its plan has this hash: another is refused by the service, which knows the plan of the moment. */
function withHash(repair: Repair, hash: string): Repair {
  return repair.plan === undefined ? repair : { ...repair, plan: { ...repair.plan, hash } };
}

function withPlanOptions(command: Command): Command {
  return withApplyOptions(command)
    .addOption(new Option('--dry-run', 'plan, and post nothing (the default)').conflicts('apply'))
    .option('--run-id <id>', 'name of this repair, for the audit trail and for rolling it back');
}

function withApplyOptions(command: Command): Command {
  return command
    .option('--apply', 'post what is planned, and have a reconciliation verify it')
    .option('--wait', 'with --apply: wait for the second person that approves it')
    .option('--json', 'print the repair as JSON')
    .option('--timeout <minutes>', 'how long to follow it (default: 60)', minutes);
}

const EXIT_CODES = `
Exit codes:
  0  planned, and nothing is left; applied, and the books agree; rolled back whole
  1  something is left for a person, was not posted, or still disagrees
  2  it could not be planned or applied, or the plan is stale
  3  it waits for a second person's approval`;

function help(example: string): string {
  return `${EXIT_CODES}\n\nExample:\n  ${example}`;
}

/** Compares the days first, and gives the name of the run. @throws CommandFailedError */
async function reconcileFirst(io: Io, client: Client, options: PeriodOptions): Promise<string> {
  const { startDate, endDate, timeout = FOLLOW_MS } = options;
  if (startDate === undefined || endDate === undefined) {
    throw new CommandFailedError('Say what to repair: with --start-date and --end-date, or with --run.');
  }
  const id = `manual-${startDate}-${io.newId().slice(0, 8)}`;
  expectOk(await client.startReconciliation({ body: { id, startDate, endDate }, signal: io.signal }));
  note(io, `Reconciliation ${id} of ${startDate} to ${endDate} was started.`);
  const run = await followRun(io, client, id, timeout);
  if (run.outcome === undefined) {
    throw new CommandFailedError(`The reconciliation failed: ${describeError(run)} Look again: reckoner runs ${id}`);
  }
  note(io, run.outcome.sentence);
  return id;
}

type PlanBody = { readonly id: string; readonly runId: string; readonly kinds: RepairKind[] } & {
  readonly decisions?: Record<string, string>;
};

async function plan(io: Io, client: Client, body: PlanBody, options: PlanOptions): Promise<ExitCode> {
  const asked = expectOk(await client.planRepair({ body, signal: io.signal }));
  return planned(io, client, asked, options);
}

/** Follows a repair until it is planned; then shows it or applies it. */
async function planned(io: Io, client: Client, { id }: Repair, options: PlanOptions): Promise<ExitCode> {
  const repair = await followRepair(io, client, id, options.timeout ?? FOLLOW_MS);
  if (repair.status === 'failed' && repair.plan === undefined) {
    throw new CommandFailedError(`Nothing was planned: ${describeError(repair)}`);
  }
  if (options.apply === true && repair.status !== 'nothing-to-do') return applyPlan(io, client, repair, options);
  tellRepair(io, repair, options);
  if (repair.status === 'planned') note(io, `Nothing was posted. To post it: reckoner repairs ${id} --apply`);
  return (repair.plan?.left ?? 0) > 0 ? exitCodes.attention : exitCodes.clean;
}

/** @throws InvalidArgumentError */
function kindsOf(text: string): RepairKind[] {
  return text.split(',').map((kind) => {
    const known = KINDS.find((each) => each === kind.trim());
    if (known === undefined) throw new InvalidArgumentError(`"${kind}" is none of ${KINDS.join(', ')}.`);
    return known;
  });
}

/** @throws InvalidArgumentError */
function decisionOf(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [finding = '', ...rest] = text.split('=');
  const decision = rest.join('=');
  if (finding === '' || !repairDecision.safeParse(decision).success) {
    throw new InvalidArgumentError('Give <finding>=reverse, <finding>=leave or <finding>=evidence:<fingerprint>.');
  }
  return { ...before, [finding]: decision };
}
