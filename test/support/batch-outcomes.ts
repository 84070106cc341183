import type { TestAnswer } from './api.ts';
import { BULK, startBulks } from './bulk.ts';
import type { TestLedger } from './ledger.ts';
import { BATCH, DAY_BEFORE, ELEMENT, scenesOf } from './outcomes.ts';

interface Result {
  readonly status: number;
  readonly result: string;
  readonly transfer?: object;
  readonly problem?: object;
}

/** How each row about batches, bulks and their elements comes about. */
export function batchProvocations(ledger: () => TestLedger): Record<string, Record<string, () => Promise<TestAnswer>>> {
  const { fresh, funded, empty, frozen, closed, opened } = scenesOf(ledger);
  const charge = (account: string, more: object = {}) => ({
    ...{ type: 'charge', id: `batched-${fresh()}`, account, operation: 'completion', quantities: { tokens: 5 } },
    ...more,
  });
  const send = (elements: readonly object[]) => ledger().send(BATCH, { body: { elements } });
  const bulk = (id: string, elements: readonly object[]) => startBulks(ledger()).send(BULK, { body: { id, elements } });
  /** The last element's result, as a single request would have been answered. */
  const last = async (...elements: readonly object[]): Promise<TestAnswer> => lastOf(await send(elements));
  const linked = { group: 'linked' };
  const unpriced = { operation: 'unheard-of' };

  return {
    [BATCH]: {
      'invalid-request': () => send([]),
      answered: () => send([{}]),
    },
    [BULK]: {
      'invalid-request': () => bulk('empty', []),
      replayed: async () => {
        const [id, elements] = [`bulk-${fresh()}`, [charge('customer:x')]];
        await bulk(id, elements);
        return bulk(id, elements);
      },
      conflict: async () => {
        const id = `bulk-${fresh()}`;
        await bulk(id, [charge('customer:x')]);
        return bulk(id, [charge('customer:x')]);
      },
      accepted: () => bulk(`bulk-${fresh()}`, [charge('customer:x')]),
    },
    [ELEMENT]: {
      'invalid-request': () => last({ type: 'charge' }),
      replayed: async () => {
        const same = charge(await funded());
        return last(same, same);
      },
      conflict: async () => {
        const first = charge(await funded());
        return last(first, { ...first, quantities: {} });
      },
      unpriced: async () => last(charge(await funded(), unpriced)),
      'ledger-paused': async () => {
        const elements = [charge(await funded())];
        return lastOf(await ledger().sendWhilePaused(BATCH, { body: { elements } }));
      },
      'group-failed': async () => {
        const account = await empty();
        return last(charge(account, { ...linked, ...unpriced }), charge(account, linked));
      },
      'insufficient-funds': async () => last(charge(await empty())),
      'account-frozen': async () => last(charge(await frozen(5))),
      'account-closed': async () => last(charge(await closed(), { quantities: {} })),
      'before-opening': async () => last(charge(await opened('2026-11-20'), { effectiveAt: DAY_BEFORE })),
      'account-unknown': () => last(charge(`customer:${fresh()}`)),
      'group-failed again': async () => last(charge(await empty(), linked), charge(await funded(), linked)),
      created: async () => last(charge(await funded())),
    },
  };
}

function lastOf({ body }: TestAnswer): TestAnswer {
  const { status, result, transfer, problem } = (body.results as unknown as Result[]).at(-1) ?? {
    status: 0,
    result: '',
  };
  const headers = result === 'replayed' ? { 'idempotent-replayed': 'true' } : {};
  return { status, headers, body: { ...transfer, ...problem } };
}
