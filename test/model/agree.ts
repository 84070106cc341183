import fc from 'fast-check';
import type { Client } from '../../contract/client.ts';
import { expectOk } from '../../demo/play.ts';
import { addDays, dayOf } from '../../domain/time.ts';
import { type Answered, explain } from './explain.ts';
import { type History, histories } from './histories.ts';
import { ledgerApi } from './ledger-api.ts';
import { EMPTY, type Ledger } from './model.ts';

/** The ledger answered what no order of the calls explains, or is not what the model says. */
export class DisagreementError extends Error {
  override name = 'DisagreementError';
}

export interface Agreement {
  readonly histories: number;
  /** Histories on their way at once. */
  readonly atOnce: number;
  /** Every history follows from it. */
  readonly seed: number;
  /** Sets the accounts and ids of this run apart from those of others in the same ledger. */
  readonly run: string;
  readonly progress?: (done: number) => void;
}

/** Publishes the price that the histories are charged by: one for one. @returns when everything of them counts. */
export async function prepareModel(client: Client, now: string): Promise<string> {
  const day = addDays(dayOf(now), -1);
  const operations = { token: { prices: { tokens: { amount: 1 } } } };
  const card = { name: 'standard', asset: 'TOKEN', revenueAccount: 'platform:revenue:usage' };
  expectOk(await client.publishRateCard({ body: { ...card, effectiveFrom: `${day}T00:00:00.000Z`, operations } }));
  return `${day}T12:00:00.000Z`;
}

/**
 * Lets the ledger and its model live through generated histories, and compares every answer and every end.
 * @throws the shrunk history, with the seed and the path that replay it.
 */
export async function agree(client: Client, at: string, options: Agreement): Promise<void> {
  let [done, lived] = [0, 0];
  const share = Math.ceil(options.histories / options.atOnce);
  const property = fc.asyncProperty(histories, async (history) => {
    lived += 1;
    await live(client, `${options.run}-${lived}`, at, history);
    done += 1;
    options.progress?.(done);
  });
  await Promise.all(
    Array.from({ length: options.atOnce }, (_, index) =>
      fc.assert(property, { numRuns: share, seed: options.seed + index, endOnFailure: false }),
    ),
  );
}

async function live(client: Client, name: string, at: string, history: History): Promise<void> {
  const api = ledgerApi(client, name, at);
  let ledgers: Ledger[] = [EMPTY];
  for (const calls of history) {
    const answered: Answered[] = await Promise.all(
      calls.map(async (call) => ({ call, answers: await api.send(call) })),
    );
    const after = explain(ledgers, answered);
    if (after.length === 0) {
      throw new DisagreementError(
        `No order of these calls explains their answers: ${answered.map(({ call, answers }) => `${fc.stringify(call)} -> ${answers.join()}`).join('; ')}`,
      );
    }
    ledgers = after;
  }
  await api.check(ledgers);
}
