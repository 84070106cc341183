import type { Client, Refused } from '../contract/client.ts';
import { dayOf } from '../domain/time.ts';
import { CUSTOMERS, type ServedRequest } from './traffic.ts';

/** Tokens that each customer starts with: more than any day of the demo costs. */
const FUNDS = '1000000000';

/** Charges on their way at once: what a service with a few instances would send. */
const CONCURRENT_CHARGES = 16;

/** Usage events in one request; the API takes up to 500. */
const EVENTS_PER_REQUEST = 250;

/** The API answered the demo with a problem that it did not expect. */
export class UnexpectedProblemError extends Error {
  override name = 'UnexpectedProblemError';
}

/** Publishes the price list and opens and funds the customers, as of the day that will be played. */
export async function prepare(client: Client, openedOn: string): Promise<void> {
  const effectiveFrom = `${openedOn}T00:00:00.000Z`;
  const prices = {
    completion: {
      prices: { input_tokens: { amount: 30, per: 1000 }, output_tokens: { amount: 60, per: 1000 } },
      minimum: 1,
    },
    embedding: { prices: { input_tokens: { amount: 1, per: 1000 } }, minimum: 1 },
    search: { prices: { requests: { amount: 2 } } },
  };
  expectOk(
    await client.publishRateCard({
      body: {
        name: 'standard',
        effectiveFrom,
        asset: 'TOKEN',
        revenueAccount: 'platform:revenue:usage',
        operations: prices,
      },
    }),
  );
  for (const id of CUSTOMERS) {
    expectOk(await client.openAccount({ body: { id, openedOn } }));
    expectOk(
      await client.postTransfer({
        body: {
          id: `funding-${openedOn}-${id}`,
          debit: 'platform:funding',
          credit: id,
          amount: FUNDS,
          asset: 'TOKEN',
          effectiveAt: effectiveFrom,
          description: 'Prepaid tokens',
        },
      }),
    );
  }
}

/** Charges every request through the HTTP API, and records its evidence by another hand. */
export async function play(client: Client, requests: readonly ServedRequest[], progress: (done: number) => void) {
  let done = 0;
  const queue = requests.values();
  const service = async () => {
    for (const { at, ...request } of queue) {
      expectOk(await client.postCharge({ body: { ...request, id: request.requestId, effectiveAt: at } }));
      done += 1;
      progress(done);
    }
  };
  await Promise.all([...Array.from({ length: CONCURRENT_CHARGES }, service), recordAll(client, requests)]);
}

/** Times that evidence is sent again which a busy table did not take; the same evidence twice is one item. */
const EVIDENCE_ATTEMPTS_MAX = 10;

async function recordAll(client: Client, requests: readonly ServedRequest[]): Promise<void> {
  for (let start = 0; start < requests.length; start += EVENTS_PER_REQUEST) {
    const events = requests.slice(start, start + EVENTS_PER_REQUEST).map(evidenceOf);
    for (let attempt = 1; !(await isRecorded(client, events)); attempt += 1) {
      if (attempt === EVIDENCE_ATTEMPTS_MAX) throw new UnexpectedProblemError('The usage table takes nothing.');
    }
  }
}

async function isRecorded(client: Client, events: ReturnType<typeof evidenceOf>[]): Promise<boolean> {
  const { body } = expectOk(await client.recordUsage({ body: { events } }));
  if (!('refused' in body)) return true;
  if (body.refused > 0) {
    const refused = body.results.find((result) => result.errors);
    throw new UnexpectedProblemError(`Evidence was refused: ${JSON.stringify(refused)}`);
  }
  return body.unavailable === 0;
}

export function evidenceOf({ at, ...request }: ServedRequest) {
  return { ...request, occurredAt: at, source: 'gateway-log' };
}

export function expectOk<T extends { readonly ok: boolean }>(answer: T): Exclude<T, Refused> {
  if (isRefused(answer)) {
    throw new UnexpectedProblemError(`${answer.problem.status} ${answer.problem.title}: ${answer.problem.detail}`);
  }
  return answer as Exclude<T, Refused>;
}

function isRefused(answer: { readonly ok: boolean }): answer is Refused {
  return !answer.ok;
}

/** The days that the requests fall on, first to last. */
export function daysPlayed(requests: readonly ServedRequest[]): { first: string; last: string } {
  const days = requests.map(({ at }) => dayOf(at)).sort();
  return { first: days[0] ?? '', last: days.at(-1) ?? '' };
}
