import { chart } from '../../config/chart.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { type Item, integer, optionalText, text } from '../../store/items.ts';
import { AUDIT_PARTITION } from '../../store/tables.ts';
import { SEPARATOR } from './dynamodb/index.ts';
import { type Change, LEDGER, OPERATIONS, USAGE } from './dynamodb/tables.ts';
import { must } from './invariant.ts';

/** Looks at everything that is written, at the moment it is, and reckons for itself what must have moved with it. */
export interface Watch {
  commit(changes: readonly Change[], isEdit: boolean): void;
  /** Accounts and transfers that were edited past the ledger: nothing is asked of them any more. */
  readonly edited: ReadonlySet<string>;
  /** Whether this was so of an account at some moment since then. */
  was(account: string, since: number, test: (state: AccountState) => boolean): boolean;
}

export interface AccountState {
  readonly at: number;
  readonly status: string;
  readonly available: bigint;
  readonly hasGrants: boolean;
}

/** States of an account that are remembered, so that a refusal can be held against them. */
const STATES_MAX = 400;

interface Moved {
  credits: bigint;
  debits: bigint;
  held: bigint;
}

export function createWatch(now: () => number, holdOf: (id: string) => Item | undefined): Watch {
  const states = new Map<string, AccountState[]>();
  const edited = new Set<string>();
  const reversed = new Map<string, bigint>();
  const transfers = new Map<string, { readonly amount: bigint; readonly debit: string }>();
  let head = '0'.repeat(64);

  function commitLedger(changes: readonly Change[]): void {
    const moved = new Map<string, Moved>();
    const move = (account: string, name: keyof Moved, amount: bigint) => {
      if (chartEntryOf(chart, account)?.balance !== 'strict') return;
      const figures = moved.get(account) ?? { credits: 0n, debits: 0n, held: 0n };
      moved.set(account, figures);
      figures[name] += amount;
    };
    for (const change of changes) {
      const [kind] = change.key.split('#', 1);
      if (kind === 'transfer') noteTransfer(change, move);
      else if (kind === 'hold') move(text(isNew(change), 'account'), 'held', integer(isNew(change), 'amount'));
      else if (kind === 'resolution') noteResolution(isNew(change), move);
    }
    for (const change of changes) {
      if (change.key.startsWith('account#')) checkAccount(change, moved);
    }
    for (const [account] of moved) must(false, 'a balance moves with its transfers', () => `${account} was left out.`);
  }

  function noteTransfer(change: Change, move: (account: string, name: keyof Moved, amount: bigint) => void): void {
    const item = isNew(change);
    const amount = integer(item, 'amount');
    must(amount >= 0n, 'no amount is negative', () => change.key);
    move(text(item, 'debit'), 'debits', amount);
    move(text(item, 'credit'), 'credits', amount);
    transfers.set(text(item, 'id'), { amount, debit: text(item, 'debit') });
    const original = optionalText(item, 'corrects') ?? '';
    const whole = transfers.get(original);
    if (whole === undefined) return;
    // What corrects the other way moves more, and may itself be taken back.
    const sum = (reversed.get(original) ?? 0n) + (whole.debit === text(item, 'credit') ? amount : -amount);
    reversed.set(original, sum);
    must(sum <= whole.amount, 'no more is reversed than was moved', () => `${original}: ${sum} of ${whole.amount}.`);
  }

  function noteResolution(item: Item, move: (account: string, name: keyof Moved, amount: bigint) => void): void {
    const hold = holdOf(text(item, 'hold'));
    must(hold !== undefined, 'a hold is there before it ends', () => text(item, 'hold'));
    move(text(hold, 'account'), 'held', -integer(hold, 'amount'));
  }

  function checkAccount({ key, before, after }: Change, moved: Map<string, Moved>): void {
    if (after?.available === undefined) return;
    const account = text(after, 'account');
    if (after.rebalancedBy?.S !== before?.rebalancedBy?.S) {
      // A repair sets it to what transfers come to, which a reconciliation finds or not; no limit is asked of it.
      edited.add(account);
      return;
    }
    const { credits, debits, held } = moved.get(account) ?? { credits: 0n, debits: 0n, held: 0n };
    const isTouched = moved.delete(account);
    const by = (name: string) => figure(after, name) - (before === undefined ? 0n : figure(before, name));
    const told = () => `${key} became ${JSON.stringify(after)} from ${JSON.stringify(before)}.`;
    must(by('credits') === credits && by('debits') === debits, 'a balance moves with its transfers', told);
    must(by('held') === held, 'what is held moves with its holds', told);
    const available = credits - debits - held + by('creditLimit');
    must(by('available') === available, 'what is available follows from the balance', told);
    if (edited.has(account)) return;
    must(figure(after, 'available') >= 0n, 'every limit is kept', told);
    // What is freed is freed whatever an account's status.
    const isFreed = isTouched && credits === 0n && debits === 0n && held <= 0n;
    if (isTouched && !isFreed) must(before?.status?.S === 'open', 'only open accounts are moved', told);
  }

  function commitAudit({ key, after }: Change): void {
    const previous = text(after ?? {}, 'previousHash');
    must(previous === head, 'the audit chain is whole', () => `${key} names ${previous}, the head is ${head}.`);
    head = text(after ?? {}, 'hash');
  }

  function remember(item: Item | undefined): void {
    if (item?.available === undefined) return;
    const own = states.get(text(item, 'account')) ?? [];
    states.set(text(item, 'account'), own);
    const hasGrants = item.grantsShape !== undefined;
    own.push({ at: now(), status: text(item, 'status'), available: integer(item, 'available'), hasGrants });
    if (own.length > 2 * STATES_MAX) own.splice(0, STATES_MAX);
  }

  return {
    edited,
    was(account, since, test) {
      const own = states.get(account) ?? [];
      const first = own.findLastIndex(({ at }) => at < since);
      return own.slice(Math.max(0, first)).some(test);
    },
    commit(changes, isEdit) {
      for (const { table, after } of changes) if (table === LEDGER) remember(after);
      if (isEdit) {
        for (const { key, after } of changes) {
          edited.add(after?.account?.S ?? after?.id?.S ?? key);
          if (after?.amount === undefined) continue;
          transfers.set(text(after, 'id'), { amount: integer(after, 'amount'), debit: text(after, 'debit') });
        }
        return;
      }
      const ledger = changes.filter(({ table }) => table === LEDGER);
      if (ledger.length > 0) commitLedger(ledger);
      for (const change of changes) {
        if (change.table === USAGE) isNew(change);
        if (change.table !== OPERATIONS || !change.key.startsWith(`${AUDIT_PARTITION}${SEPARATOR}`)) continue;
        isNew(change);
        commitAudit(change);
      }
    },
  };
}

function figure(item: Item, name: string): bigint {
  return item[name] === undefined ? 0n : integer(item, name);
}

/** Records are there once and for ever. */
function isNew({ key, before, after }: Change): Item {
  must(before === undefined && after !== undefined, 'no record is ever changed', () => {
    return `${key} became ${JSON.stringify(after)} from ${JSON.stringify(before)}.`;
  });
  return after;
}
