/**
 * The ledger as anybody would write it on a napkin: balances in a map, records in another, one operation after the
 * other. It knows nothing of tables, conditions or retries, and says what each operation must answer.
 */

/** Operations on the accounts and ids of one history. Names are short; whoever sends them makes them unique. */
export type Operation =
  | { readonly do: 'open'; readonly account: string; readonly limit: bigint }
  | { readonly do: 'freeze' | 'unfreeze' | 'close'; readonly account: string }
  | { readonly do: 'limit'; readonly account: string; readonly limit: bigint }
  | Posting
  | { readonly do: 'reverse'; readonly id: string; readonly of: string; readonly amount?: bigint }
  | { readonly do: 'hold'; readonly id: string; readonly account: string; readonly amount: bigint }
  | { readonly do: 'capture'; readonly id: string; readonly hold: string; readonly amount?: bigint }
  | { readonly do: 'release'; readonly hold: string };

/** What may stand in a batch. `PLATFORM` is the company's own side, which has no limit. */
export type Posting =
  | {
      readonly do: 'transfer';
      readonly id: string;
      readonly debit: string;
      readonly credit: string;
      readonly amount: bigint;
    }
  | { readonly do: 'charge'; readonly id: string; readonly account: string; readonly amount: bigint };

export const PLATFORM = 'platform';

export interface Balance {
  readonly status: 'open' | 'frozen' | 'closed';
  readonly limit: bigint;
  readonly openingLimit: bigint;
  readonly credits: bigint;
  readonly debits: bigint;
  readonly held: bigint;
}

interface Moved {
  readonly said: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: bigint;
  readonly reversed: bigint;
  readonly isReversal: boolean;
}

interface Held {
  readonly account: string;
  readonly amount: bigint;
  readonly resolved?: 'captured' | 'released';
}

/** A state of the ledger; operations make new ones. */
export interface Ledger {
  readonly accounts: ReadonlyMap<string, Balance>;
  readonly transfers: ReadonlyMap<string, Moved>;
  readonly holds: ReadonlyMap<string, Held>;
}

export const EMPTY: Ledger = { accounts: new Map(), transfers: new Map(), holds: new Map() };

export const availableOf = ({ credits, debits, held, limit }: Balance) => credits - debits - held + limit;

export type Step = readonly [ledger: Ledger, answer: string];

/** What an operation answers, in the words of the API, and what the ledger is after it. */
export function perform(ledger: Ledger, operation: Operation): Step {
  switch (operation.do) {
    case 'open':
      return open(ledger, operation.account, operation.limit);
    case 'freeze':
    case 'unfreeze':
    case 'close':
      return changeStatus(ledger, operation.do, operation.account);
    case 'limit':
      return changeLimit(ledger, operation.account, operation.limit);
    case 'transfer':
      return post(ledger, operation.id, operation);
    case 'charge':
      return post(
        ledger,
        operation.id,
        { debit: operation.account, credit: PLATFORM, amount: operation.amount },
        'charge',
      );
    case 'reverse':
      return reverse(ledger, operation);
    case 'hold':
      return hold(ledger, operation);
    case 'capture':
      return capture(ledger, operation);
    case 'release':
      return release(ledger, operation.hold);
  }
}

/**
 * Linked postings: all or none. Of those that fail one says why, which may be any of them, and the others that the group
 * failed: so there are several sets of answers that are right.
 */
export function performGroup(
  ledger: Ledger,
  postings: readonly Operation[],
): readonly [Ledger, readonly (readonly string[])[]] {
  let after = ledger;
  const exists = postings.map((one) =>
    'id' in one && ledger.transfers.has(one.id) ? perform(ledger, one)[1] : undefined,
  );
  if (exists.some((answer) => answer !== undefined)) {
    return [ledger, [exists.map((answer) => answer ?? 'group-failed')]];
  }
  const answers = postings.map((one) => {
    const [next, answer] = perform(after, one);
    after = next;
    return answer;
  });
  const failed = answers.flatMap((answer, index) => (answer === 'created' ? [] : [index]));
  if (failed.length === 0) return [after, [answers]];
  return [ledger, failed.map((teller) => answers.map((answer, index) => (index === teller ? answer : 'group-failed')))];
}

function open(ledger: Ledger, account: string, limit: bigint): Step {
  const known = ledger.accounts.get(account);
  if (known !== undefined) return [ledger, known.openingLimit === limit ? 'replayed' : 'conflict'];
  const balance = { status: 'open', limit, openingLimit: limit, credits: 0n, debits: 0n, held: 0n } as const;
  return [withBalance(ledger, account, balance), 'created'];
}

function changeStatus(ledger: Ledger, change: 'freeze' | 'unfreeze' | 'close', account: string): Step {
  const known = ledger.accounts.get(account);
  const to = ({ freeze: 'frozen', unfreeze: 'open', close: 'closed' } as const)[change];
  if (known === undefined) return [ledger, 'account-unknown'];
  if (known.status === to) return [ledger, 'replayed'];
  if (known.status === 'closed') return [ledger, 'account-closed'];
  if (change === 'close' && (known.credits !== known.debits || known.held !== 0n)) return [ledger, 'account-not-empty'];
  return [withBalance(ledger, account, { ...known, status: to }), 'changed'];
}

function changeLimit(ledger: Ledger, account: string, limit: bigint): Step {
  const known = ledger.accounts.get(account);
  if (known === undefined) return [ledger, 'account-unknown'];
  if (known.limit === limit) return [ledger, 'replayed'];
  if (known.status === 'closed') return [ledger, 'account-closed'];
  if (availableOf({ ...known, limit }) < 0n) return [ledger, 'limit-in-use'];
  return [withBalance(ledger, account, { ...known, limit }), 'changed'];
}

type Move = Pick<Moved, 'debit' | 'credit' | 'amount'>;

/** @param said what the caller said beside the move, by which a replay is told from a conflict. */
function post(ledger: Ledger, id: string, move: Move, said = 'transfer', frees = 0n): Step {
  const full = saidOf(said, move);
  const existing = existingOf(ledger, id, full);
  if (existing !== undefined) return [ledger, existing];
  const refusal = refusalOf(ledger, move, frees);
  if (refusal !== undefined) return [ledger, refusal];
  const moved = { ...move, said: full, reversed: 0n, isReversal: said.startsWith('reverse') };
  const after = { ...ledger, transfers: new Map(ledger.transfers).set(id, moved) };
  return [move.amount === 0n && frees === 0n ? after : balanced(after, move, frees), 'created'];
}

const saidOf = (said: string, { debit, credit, amount }: Move) => `${said} ${debit} ${credit} ${amount}`;

function existingOf(ledger: Ledger, id: string, said: string): string | undefined {
  const existing = ledger.transfers.get(id);
  return existing && (existing.said === said ? 'replayed' : 'conflict');
}

/** In order of precedence, and of the two accounts the debit's comes first. */
function refusalOf(ledger: Ledger, { debit, credit, amount }: Move, frees: bigint): string | undefined {
  const sides = [debit, credit].filter((account) => account !== PLATFORM);
  const refusals = sides.map((account) => {
    const known = ledger.accounts.get(account);
    if (known === undefined) return 'account-unknown';
    if (account === debit && amount > frees && availableOf(known) + frees < amount) return 'insufficient-funds';
    return known.status === 'open' ? undefined : `account-${known.status}`;
  });
  return ['insufficient-funds', 'account-frozen', 'account-closed', 'account-unknown'].find((one) =>
    refusals.includes(one),
  );
}

function balanced(ledger: Ledger, { debit, credit, amount }: Move, frees: bigint): Ledger {
  const paid = changeBalance(ledger, debit, (known) => ({ debits: known.debits + amount, held: known.held - frees }));
  return changeBalance(paid, credit, (known) => ({ credits: known.credits + amount }));
}

function reverse(ledger: Ledger, { id, of, amount }: Extract<Operation, { do: 'reverse' }>): Step {
  const original = ledger.transfers.get(of);
  if (original === undefined) return [ledger, 'not-found'];
  if (original.isReversal) return [ledger, 'not-reversible'];
  const remaining = original.amount - original.reversed;
  const move = { debit: original.credit, credit: original.debit, amount: amount ?? remaining };
  const said = `reverse ${of}`;
  // A reversal that names no amount is repeated by one that names none or the one that it had.
  const posted = ledger.transfers.get(id);
  const same = saidOf(said, { ...move, amount: amount ?? posted?.amount ?? remaining });
  const existing = existingOf(ledger, id, same);
  if (existing !== undefined) return [ledger, existing];
  if (remaining === 0n || move.amount > remaining) return [ledger, 'over-reversed'];
  const [after, answer] = post(ledger, id, move, said);
  if (answer !== 'created') return [ledger, answer];
  const reversed = { ...original, reversed: original.reversed + move.amount };
  return [{ ...after, transfers: new Map(after.transfers).set(of, reversed) }, answer];
}

function hold(ledger: Ledger, { id, account, amount }: Extract<Operation, { do: 'hold' }>): Step {
  const existing = ledger.holds.get(id);
  if (existing !== undefined) {
    return [ledger, existing.account === account && existing.amount === amount ? 'replayed' : 'conflict'];
  }
  const refusal = refusalOf(ledger, { debit: account, credit: PLATFORM, amount }, 0n);
  if (refusal !== undefined) return [ledger, refusal];
  const reserved = changeBalance(ledger, account, (known) => ({ held: known.held + amount }));
  return [{ ...reserved, holds: new Map(ledger.holds).set(id, { account, amount }) }, 'created'];
}

function capture(ledger: Ledger, { id, hold: name, amount }: Extract<Operation, { do: 'capture' }>): Step {
  const held = ledger.holds.get(name);
  if (held === undefined) return [ledger, 'not-found'];
  const move = { debit: held.account, credit: PLATFORM, amount: amount ?? held.amount };
  const said = `capture ${name}`;
  const posted = ledger.transfers.get(id);
  const existing = existingOf(ledger, id, saidOf(said, { ...move, amount: amount ?? posted?.amount ?? held.amount }));
  if (existing !== undefined) return [ledger, existing];
  if (held.resolved !== undefined) return [ledger, `hold-${held.resolved}`];
  const [after, answer] = post(ledger, id, move, said, held.amount);
  return answer === 'created' ? [resolved(after, name, held, 'captured'), answer] : [ledger, answer];
}

function release(ledger: Ledger, name: string): Step {
  const held = ledger.holds.get(name);
  if (held === undefined) return [ledger, 'not-found'];
  if (held.resolved !== undefined) return [ledger, held.resolved === 'released' ? 'replayed' : 'hold-captured'];
  const freed = changeBalance(ledger, held.account, (known) => ({ held: known.held - held.amount }));
  return [resolved(freed, name, held, 'released'), 'changed'];
}

function resolved(ledger: Ledger, name: string, held: Held, how: 'captured' | 'released'): Ledger {
  return { ...ledger, holds: new Map(ledger.holds).set(name, { ...held, resolved: how }) };
}

function withBalance(ledger: Ledger, account: string, balance: Balance): Ledger {
  return { ...ledger, accounts: new Map(ledger.accounts).set(account, balance) };
}

function changeBalance(ledger: Ledger, account: string, change: (known: Balance) => Partial<Balance>): Ledger {
  const known = ledger.accounts.get(account);
  return known === undefined ? ledger : withBalance(ledger, account, { ...known, ...change(known) });
}
