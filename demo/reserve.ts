import { table } from '../cli/format.ts';
import type { Client } from '../contract/client.ts';
import { evidenceOf, expectOk } from './play.ts';
import { CUSTOMERS, type ServedRequest } from './traffic.ts';

const [CUSTOMER = ''] = CUSTOMERS;

/** What a completion may use at most, which is held before the call; and what it used in the end. */
const ESTIMATE = { input_tokens: '3000', output_tokens: '4096' };
const USED = { input_tokens: '3000', output_tokens: '812' };

/**
 * What services do beside plain charges: hold the estimate of a call before it and capture what it used after it, and
 * charge many calls in one request. All of it counts now, and leaves evidence as any call does.
 */
export async function reserveAndBatch(client: Client, now: string, say: (line: string) => void): Promise<void> {
  say('\nBefore a call its estimate is held; after it, what it used is captured and the rest is free at once:');
  say(table(['', 'amount', 'held', 'available'], await holdAndCapture(client), [1, 2, 3]));
  say('\nA batch of three charges, one of them twice:');
  say(table(['element', 'id', 'answer', 'amount'], await chargeInBatch(client, now), [0, 3]));
}

async function holdAndCapture(client: Client): Promise<string[][]> {
  const call = { account: CUSTOMER, operation: 'completion' };
  const row = async (what: string, amount: string) => {
    const { held = '', available = '' } = expectOk(await client.getAccount({ params: { accountId: CUSTOMER } })).body;
    return [what, amount, held, available];
  };
  const rows = [await row('before', '')];
  const body = { id: 'hold-of-a-call', ...call, quantities: ESTIMATE, expiresInSeconds: 300 };
  rows.push(await row('held', expectOk(await client.createHold({ body })).body.amount));
  const { operation } = call;
  const captured = expectOk(
    await client.captureHold({
      params: { holdId: body.id },
      body: { id: 'a-call', operation, quantities: USED, requestId: 'a-call' },
    }),
  ).body;
  await witness(client, [{ ...call, requestId: 'a-call', quantities: USED, at: captured.effectiveAt }]);
  rows.push(await row('captured', captured.amount));
  return rows;
}

async function chargeInBatch(client: Client, now: string): Promise<string[][]> {
  const charge = (id: string) => ({
    requestId: id,
    account: CUSTOMER,
    operation: 'embedding',
    quantities: { input_tokens: '1500' },
    at: now,
  });
  const calls = ['batched-1', 'batched-2', 'batched-1'].map(charge);
  const elements = calls.map(({ at, requestId, ...rest }) => ({
    type: 'charge' as const,
    id: requestId,
    ...rest,
    effectiveAt: at,
  }));
  const { results } = expectOk(await client.postBatch({ body: { elements } })).body;
  await witness(client, calls.slice(0, 2));
  return results.map(({ index, id = '', result, transfer }) => [String(index + 1), id, result, transfer?.amount ?? '']);
}

async function witness(client: Client, calls: readonly ServedRequest[]): Promise<void> {
  expectOk(await client.recordUsage({ body: { events: calls.map(evidenceOf) } }));
}
