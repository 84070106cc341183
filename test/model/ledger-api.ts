import { expect } from 'vitest';
import type { Client } from '../../contract/client.ts';
import type { Call } from './histories.ts';
import { availableOf, type Ledger, type Operation, PLATFORM, type Posting } from './model.ts';

/** The ledger over HTTP, spoken to in the words of the model. Each history has accounts and ids of its own. */
export interface LedgerApi {
  send(call: Call): Promise<readonly string[]>;
  /** Throws unless one of these ledgers is what is really there. */
  check(ledgers: readonly Ledger[]): Promise<void>;
}

const REVENUE = 'platform:revenue:usage';

/** @param at when everything counts: both accounts are open since that day. */
export function ledgerApi(client: Client, name: string, at: string): LedgerApi {
  const accountOf = (account: string) => (account === PLATFORM ? REVENUE : `customer:${name}-${account}`);
  const idOf = (id: string) => `${name}-${id}`;
  const openedOn = at.slice(0, 10);

  const bodyOf = (posting: Posting) =>
    posting.do === 'charge'
      ? {
          id: idOf(posting.id),
          account: accountOf(posting.account),
          operation: 'token',
          quantities: { tokens: posting.amount.toString() },
          effectiveAt: at,
        }
      : {
          id: idOf(posting.id),
          debit: accountOf(posting.debit),
          credit: accountOf(posting.credit),
          amount: posting.amount.toString(),
          asset: 'TOKEN',
          effectiveAt: at,
        };

  const sendOne = (operation: Operation) => {
    switch (operation.do) {
      case 'open': {
        const body = { id: accountOf(operation.account), openedOn, creditLimit: operation.limit.toString() };
        return client.openAccount({ body });
      }
      case 'freeze':
      case 'unfreeze':
      case 'close': {
        const change = { params: { accountId: accountOf(operation.account) }, body: { reason: 'model' } };
        const { freezeAccount, unfreezeAccount, closeAccount } = client;
        return { freeze: freezeAccount, unfreeze: unfreezeAccount, close: closeAccount }[operation.do](change);
      }
      case 'limit':
        return client.setCreditLimit({
          params: { accountId: accountOf(operation.account) },
          body: { creditLimit: operation.limit.toString() },
        });
      case 'transfer':
        return client.postTransfer({ body: bodyOf(operation) as Parameters<Client['postTransfer']>[0]['body'] });
      case 'charge':
        return client.postCharge({ body: bodyOf(operation) as Parameters<Client['postCharge']>[0]['body'] });
      case 'reverse':
        return client.reverseTransfer({
          params: { transferId: idOf(operation.of) },
          body: { id: idOf(operation.id), ...amountOf(operation) },
        });
      case 'hold':
        return client.createHold({
          body: {
            id: idOf(operation.id),
            account: accountOf(operation.account),
            credit: REVENUE,
            amount: operation.amount.toString(),
          },
        });
      case 'capture':
        return client.captureHold({
          params: { holdId: idOf(operation.hold) },
          body: { id: idOf(operation.id), ...amountOf(operation) },
        });
      case 'release':
        return client.releaseHold({ params: { holdId: idOf(operation.hold) }, body: {} });
    }
  };

  return {
    async send(call) {
      if ('single' in call) return [wordOf(await sendOne(call.single))];
      const elements = call.batch.map(({ posting, group }) => ({
        type: posting.do,
        ...bodyOf(posting),
        ...(group !== undefined && { group }),
      }));
      const answer = await client.postBatch({ body: { elements } as Parameters<Client['postBatch']>[0]['body'] });
      if (!answer.ok) throw new Error(`A batch was answered ${answer.status} ${answer.kind}.`);
      return answer.body.results.map(({ result }) => result);
    },
    async check(ledgers) {
      const figures = await Promise.all(
        ['a', 'b'].map(async (account) => [account, await read(client, accountOf(account))] as const),
      );
      const real = figures.filter(([, read]) => read !== undefined);
      expect(ledgers.map(toldOf)).toContainEqual(Object.fromEntries(real));
    },
  };
}

function amountOf({ amount }: { readonly amount?: bigint }) {
  return amount === undefined ? {} : { amount: amount.toString() };
}

/** The word of the model for an answer of the API. */
function wordOf(answer: { ok: true; status: number; headers: Headers } | { ok: false; kind: string }): string {
  if (!answer.ok) return answer.kind;
  if (answer.headers.get('idempotent-replayed') === 'true') return 'replayed';
  return answer.status === 201 ? 'created' : 'changed';
}

/** An account as it is, and what its statement says; undefined when it does not exist. */
async function read(client: Client, accountId: string) {
  const account = await client.getAccount({ params: { accountId } });
  if (!account.ok) return undefined;
  const { status, creditLimit: limit, credits, debits, held, available } = account.body;
  const listed = { credits: 0n, debits: 0n };
  let cursor: string | undefined;
  do {
    const page = await client.getStatement({
      params: { accountId },
      query: cursor === undefined ? { limit: '5' } : { cursor },
    });
    if (!page.ok) throw new Error(`A statement was answered ${page.status} ${page.kind}.`);
    for (const { amount } of page.body.transfers) {
      const signed = BigInt(amount);
      listed[signed < 0n ? 'debits' : 'credits'] += signed < 0n ? -signed : signed;
    }
    cursor = page.body.next;
  } while (cursor !== undefined);
  expect([listed.credits, listed.debits].map(String)).toEqual([credits, debits]);
  return { status, limit, credits, debits, held, available };
}

/** The same of the model, whose own sums must agree first. */
function toldOf({ accounts, transfers }: Ledger) {
  const all = [...transfers.values()];
  return Object.fromEntries(
    [...accounts].map(([account, balance]) => {
      const sum = (side: 'debit' | 'credit') =>
        all.filter((one) => one[side] === account).reduce((total, { amount }) => total + amount, 0n);
      expect([sum('credit'), sum('debit')]).toEqual([balance.credits, balance.debits]);
      const available = availableOf(balance);
      expect(available).toBeGreaterThanOrEqual(0n);
      const { status, limit, credits, debits, held } = balance;
      const figures = { limit, credits, debits, held, available };
      return [
        account,
        { status, ...Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, value.toString()])) },
      ];
    }),
  );
}
