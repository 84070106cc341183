import { type Command, Option } from 'commander';
import type * as z from 'zod';
import { APPROVALS_LISTED_MAX } from '../../contract/limits.ts';
import type { approval } from '../../contract/schemas/approvals.ts';
import type { Context } from '../context.ts';
import { expectOk } from '../failure.ts';
import { listing, printable, table } from '../format.ts';
import { note, print } from '../io.ts';

type Approval = z.output<typeof approval>;

const STATES = ['requested', 'approved', 'rejected', 'used', 'expired'] as const;

/** `reckoner approvals [id]`, `approve`, `reject`: a second person's consent. */
export function addApprovals(program: Command, context: Context): void {
  addReading(program, context);
  addApprove(program, context);
  addReject(program, context);
}

interface ListOptions {
  readonly state?: Approval['state'];
  readonly json?: true;
}

function addReading(program: Command, { io, connect }: Context): void {
  program
    .command('approvals')
    .summary('list what a second person is asked to approve, or show one')
    .description('Lists the latest approvals, or shows exactly what one is asked for, with its hash.')
    .argument('[id]', 'of an approval')
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .option('--json', 'print JSON')
    .action(async (approvalId: string | undefined, { state, json }: ListOptions, command: Command) => {
      const client = connect(command);
      if (approvalId !== undefined) {
        const body = expectOk(await client.getApproval({ params: { approvalId }, signal: io.signal }));
        print(io, json === true ? JSON.stringify(body, undefined, 2) : details(body));
        return;
      }
      const query = { state, limit: APPROVALS_LISTED_MAX.toString() };
      const body = expectOk(await client.listApprovals({ query, signal: io.signal }));
      print(io, json === true ? JSON.stringify(body, undefined, 2) : approvalsTable(body.approvals));
      if (body.next !== undefined) note(io, `Only the latest ${APPROVALS_LISTED_MAX} were looked at.`);
    });
}

function addApprove(program: Command, { io, connect }: Context): void {
  program
    .command('approve')
    .summary('approve what somebody else asked for')
    .description('Approves exactly what the hash stands for. Read it first: reckoner approvals <id>')
    .argument('<id>', 'of an approval')
    .requiredOption('--hash <hash>', 'the hash that was shown')
    .option('--reason <text>', 'why, for whoever reads it next')
    .option('--json', 'print JSON')
    .action(async (approvalId: string, options: { hash: string; reason?: string; json?: true }, command: Command) => {
      const { json, ...body } = options;
      const answer = await connect(command).approve({ params: { approvalId }, body, signal: io.signal });
      const decided = expectOk(answer);
      print(io, json === true ? JSON.stringify(decided, undefined, 2) : details(decided));
    });
}

function addReject(program: Command, { io, connect }: Context): void {
  program
    .command('reject')
    .summary('reject what somebody else asked for')
    .description('Rejects what somebody else asked for, for ever.')
    .argument('<id>', 'of an approval')
    .requiredOption('--reason <text>', 'why, for whoever asked')
    .option('--json', 'print JSON')
    .action(async (approvalId: string, { json, ...body }: { reason: string; json?: true }, command: Command) => {
      const answer = await connect(command).reject({ params: { approvalId }, body, signal: io.signal });
      const decided = expectOk(answer);
      print(io, json === true ? JSON.stringify(decided, undefined, 2) : details(decided));
    });
}

function approvalsTable(approvals: readonly Approval[]): string {
  if (approvals.length === 0) return 'There are no such approvals.';
  const rows = approvals.map(({ id, action, target, state, requestedBy, requestedAt, expiresAt }) => [
    ...[id, action, target, state, requestedBy, requestedAt, expiresAt],
  ]);
  return table(['Approval', 'Action', 'Target', 'State', 'Asked by', 'Asked', 'Expires'], rows);
}

function details(approval: Approval): string {
  const fields = listing([
    ['Approval', approval.id],
    ['State', approval.state],
    ['Action', approval.action],
    ['Target', approval.target],
    ['Asked by', approval.requestedBy],
    ['Asked', approval.requestedAt],
    ['Expires', approval.expiresAt],
    ['Decided by', approval.decidedBy],
    ['Decided', approval.decidedAt],
    ['Reason', approval.reason],
    ['Used by', approval.usedBy],
    ['Used', approval.usedAt],
    ['Hash', approval.hash],
  ]);
  return [fields, '', ...approval.summary.map(printable)].join('\n').trimEnd();
}
