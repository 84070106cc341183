import { chart } from '../../config/chart.ts';
import { makeHandler } from '../../functions/api/ledger.ts';
import type { LedgerDeps } from '../../functions/api/ledger-deps.ts';
import type { SettingsCache } from '../../functions/runtime/settings.ts';
import type { RetryClock } from '../../store/retry.ts';
import { call, type TestAnswer, type TestCall } from './api.ts';
import { startBooks, type TestBooks } from './books.ts';

export const NOW = '2026-11-20T08:00:00.000Z';

type Settings = Awaited<ReturnType<SettingsCache['get']>>;

/** One token per token used, by the operation "completion". */
const SETTINGS: Settings = {
  rateCards: [
    {
      name: 'standard',
      effectiveFrom: '2026-11-01T00:00:00.000Z',
      asset: 'TOKEN',
      revenueAccount: 'platform:revenue:usage',
      operations: { completion: { prices: { tokens: { amount: 1n, per: 1n } }, minimum: 0n, rounding: 'up' } },
    },
  ],
  ledgerControl: { paused: false, reason: '' },
};

export interface TestLedger {
  readonly books: TestBooks;
  readonly deps: LedgerDeps;
  send(route: string, request?: TestCall): Promise<TestAnswer>;
  /** The same as `send`, with other things to stand on: another time, another chart. */
  sendWith(change: Partial<LedgerDeps>, route: string, request?: TestCall): Promise<TestAnswer>;
  /** The same as `send`, while an operator holds new transfers back. */
  sendWhilePaused(route: string, request?: TestCall): Promise<TestAnswer>;
  /** Opens a customer from 2026-11-01 on and pays funds in; the id says whose it is. */
  openCustomer(name: string, funds?: number, terms?: object): Promise<string>;
  account(id: string): Promise<TestAnswer['body']>;
}

/** The ledger's API on the embedded engine, at a time that stands still. */
export async function startLedger(): Promise<TestLedger> {
  const books = await startBooks();
  let tokens = 0;
  const deps: LedgerDeps = {
    store: {
      client: books.client,
      ledgerTable: books.ledgerTable,
      clock: impatientClock(),
      newId: () => `token-${tokens++}`,
      listed: new Set(),
    },
    audit: { client: books.client, operationsTable: books.operationsTable },
    settings: settled(SETTINGS),
    chart,
    now: () => NOW,
  };
  const handler = makeHandler(deps);
  const pausing = settled({ ...SETTINGS, ledgerControl: { paused: true, reason: 'Trial balance broken.' } });
  const paused = makeHandler({ ...deps, settings: pausing });
  const send: TestLedger['send'] = (route, request) => call(handler, route, request);
  return {
    books,
    deps,
    send,
    sendWith: (change, route, request) => call(makeHandler({ ...deps, ...change }), route, request),
    sendWhilePaused: (route, request) => call(paused, route, request),
    async openCustomer(name, funds = 0, terms = {}) {
      const id = `customer:${name}`;
      await send('POST /v1/accounts', { body: { id, openedOn: '2026-11-01', ...terms } });
      const body = { id: `fund-${name}`, debit: 'platform:funding', credit: id, amount: funds, asset: 'TOKEN' };
      if (funds > 0) await send('POST /v1/transfers', { body });
      return id;
    },
    account: async (accountId) => (await send('GET /v1/accounts/{accountId}', { params: { accountId } })).body,
  };
}

function settled(settings: Settings): SettingsCache {
  return { get: async () => settings, refresh: async () => settings };
}

/** Every look at it is a second later, so that deadlines pass without waiting. */
function impatientClock(): RetryClock {
  let seconds = 0;
  return { now: () => ++seconds * 1_000, random: () => 0.5, sleep: async () => undefined };
}
