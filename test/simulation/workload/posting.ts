import type { TestAnswer, TestCall } from '../../support/api.ts';
import { must } from '../invariant.ts';
import { kindOf, type Simulation, type Told } from '../simulation.ts';

/** Calls that post, and what everybody may rely on of their answers. */

export const CHARGE = 'POST /v1/charges';
export const TRANSFER = 'POST /v1/transfers';
export const REVERSE = 'POST /v1/transfers/{transferId}/reversals';
export const GRANT = 'POST /v1/grants';
export const HOLD = 'POST /v1/holds';
export const CAPTURE = 'POST /v1/holds/{holdId}/capture';
export const RELEASE = 'POST /v1/holds/{holdId}/release';

/** Answers to what was not posted. */
const REFUSALS: ReadonlySet<string> = new Set([
  'insufficient-funds',
  'account-frozen',
  'account-closed',
  'account-unknown',
  'before-opening',
  'ledger-paused',
  'unpriced',
  'not-reversible',
  'over-reversed',
  'too-many-reversals',
  'too-many-grants',
  'hold-captured',
  'hold-released',
  'hold-expired',
]);

/** Posts a transfer of any kind under an id of its own, and notes what is told. @returns whether it is posted. */
export async function post(simulation: Simulation, route: string, request: TestCall, id: string): Promise<boolean> {
  const since = simulation.world.scheduler.now();
  const { answer, isCertain } = await simulation.send('ledger', route, request);
  if (isPosted(answer)) {
    simulation.told.transfer(id, answer.body);
    simulation.known.transfers.push({ id, amount: BigInt(String(answer.body.amount)) });
    simulation.known.answered.push({ to: 'ledger', route, request });
    return true;
  }
  must(REFUSALS.has(kindOf(answer)), 'answers are those of the contract', () => `${route} ${JSON.stringify(answer)}`);
  if (isCertain) simulation.told.refused(id);
  checkRefusal(simulation, kindOf(answer), request.body as Asked, since);
  return false;
}

interface Asked {
  readonly account?: string;
  readonly debit?: string;
  readonly credit?: string;
  readonly amount?: string;
}

/** A refusal is told by an account as it stood at some moment of the call. */
function checkRefusal(simulation: Simulation, kind: string, asked: Asked, since: number): void {
  const { watch } = simulation.world;
  const sides = [asked.account, asked.debit, asked.credit].filter((side) => side !== undefined);
  const told = () => `${kind} was told of ${JSON.stringify(asked)}.`;
  const status = { 'account-frozen': 'frozen', 'account-closed': 'closed' }[kind];
  if (status !== undefined && sides.length > 0) {
    const isTrue = sides.some((account) => watch.was(account, since, (state) => state.status === status));
    must(isTrue, 'a refusal is true', told);
  }
  const payer = asked.debit;
  if (kind !== 'insufficient-funds' || payer === undefined || asked.amount === undefined) return;
  const amount = BigInt(asked.amount);
  // What has expired of grants is there and cannot be spent.
  const isTrue = watch.was(payer, since, ({ available, hasGrants }) => hasGrants || available < amount);
  must(isTrue, 'a refusal is true', told);
}

export function isPosted({ status }: TestAnswer): boolean {
  return status === 200 || status === 201;
}

/** Sends evidence until it is kept. */
export async function witness(
  simulation: Simulation,
  event: { requestId: string; account: string; operation: string; units: bigint; occurredAt: string },
): Promise<void> {
  const { units, ...fields } = event;
  const request = { body: { ...fields, quantities: { units: units.toString() } } };
  const { answer } = await simulation.send('usage', 'POST /v1/usage', request);
  must(isPosted(answer), 'answers are those of the contract', () => `evidence ${JSON.stringify(answer)}`);
  simulation.told.evidence(event);
  simulation.known.answered.push({ to: 'usage', route: 'POST /v1/usage', request });
}

/** Asks for something else than a posting; an answer that refuses is an answer. */
export async function ask(
  simulation: Simulation,
  to: 'ledger' | 'operations',
  route: string,
  request: TestCall,
  refusals: readonly string[],
): Promise<Told> {
  const told = await simulation.send(to, route, request);
  const isKnown = told.answer.status < 300 || refusals.includes(kindOf(told.answer));
  must(isKnown, 'answers are those of the contract', () => `${route} ${JSON.stringify(told.answer)}`);
  return told;
}
