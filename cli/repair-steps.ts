import type { Client } from '../contract/client.ts';
import { FOLLOW_MS } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { CommandFailedError, describeRefusal, expectOk } from './failure.ts';
import { follow } from './follow.ts';
import { type Io, note, print } from './io.ts';
import { progressBar } from './progress.ts';
import { type Repair, repairDetails } from './repair-summary.ts';

export interface TellOptions {
  readonly json?: true;
  readonly wait?: true;
  readonly takeOver?: true;
  readonly timeout?: number;
}

/** Follows a repair until nothing is going on with it. */
export async function followRepair(io: Io, client: Client, repairId: string, deadlineMs: number): Promise<Repair> {
  const bar = progressBar(io, 'Posting', 'parts');
  try {
    return await follow(io, {
      look: async () => expectOk(await client.getRepair({ params: { repairId }, signal: io.signal })),
      isOver: ({ status }) => !UNDER_WAY.has(status),
      show: ({ progress, plan }) => bar.update(progress?.partsDone ?? 0, progress && plan?.parts),
      subject: `The repair goes on: reckoner repairs ${repairId}`,
      deadlineMs,
    });
  } finally {
    bar.stop();
  }
}

const UNDER_WAY: ReadonlySet<Repair['status']> = new Set(['requested', 'planning', 'applying']);

/** Applies exactly the plan that was read, follows it to its end and says what came of it. */
export async function applyPlan(io: Io, client: Client, repair: Repair, options: TellOptions): Promise<ExitCode> {
  const { id, plan, approval } = repair;
  if (plan === undefined) throw new CommandFailedError(`The repair ${id} is ${repair.status} and has no plan.`);
  const { hash } = plan;
  const body = { hash, ...(options.takeOver === true && { takeOver: true }) };
  const ask = () => client.applyRepair({ params: { repairId: id }, body, signal: io.signal });
  let answer = await ask();
  if (!answer.ok && answer.kind === 'approval-needed') {
    if (options.json !== true) tellRepair(io, repair, options);
    note(io, describeRefusal(answer));
    note(io, `A second person approves it: reckoner approve ${approval} --hash ${hash}`);
    if (options.wait !== true) {
      note(io, `Then: reckoner repairs ${id} --apply`);
      return exitCodes.approval;
    }
    await untilDecided(io, client, approval ?? '', options.timeout ?? FOLLOW_MS);
    answer = await ask();
  }
  expectOk(answer);
  note(io, `The repair ${id} is being applied.`);
  const ended = await followRepair(io, client, id, options.timeout ?? FOLLOW_MS);
  tellRepair(io, ended, options);
  return codeOf(ended);
}

async function untilDecided(io: Io, client: Client, approvalId: string, deadlineMs: number): Promise<void> {
  await follow(io, {
    look: async () => expectOk(await client.getApproval({ params: { approvalId }, signal: io.signal })),
    isOver: ({ state }) => state !== 'requested',
    show: () => undefined,
    subject: `Nobody has approved it yet: reckoner approvals ${approvalId}`,
    deadlineMs,
  });
}

export function tellRepair(io: Io, repair: Repair, { json }: TellOptions, tellsLinks = false): void {
  print(io, json === true ? JSON.stringify(repair, undefined, 2) : repairDetails(repair, tellsLinks));
}

/** @throws CommandFailedError when it did not come to an end. */
function codeOf({ id, status, error, kind, counts = {}, plan, verification }: Repair): ExitCode {
  if (status === 'stale') {
    throw new CommandFailedError('Nothing was posted: the books have moved since it was planned. Plan again.');
  }
  if (status !== 'applied') {
    const cause = error === undefined ? 'no reason was recorded.' : `${error.name}: ${error.cause}`;
    throw new CommandFailedError(
      `It broke off: ${cause} What is posted stays. To go on where it stopped: reckoner repairs ${id} --apply`,
    );
  }
  const done = (counts.posted ?? 0) + (counts['already-posted'] ?? 0);
  const isWhole = done === plan?.steps && plan.left === 0;
  // What a rollback takes back disagrees again, and is meant to.
  if (kind === 'rollback') return isWhole ? exitCodes.clean : exitCodes.attention;
  if (verification?.verdict === 'clean' && done === plan?.steps) return exitCodes.clean;
  return verification?.verdict === undefined ? exitCodes.notDone : exitCodes.attention;
}
