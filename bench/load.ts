import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Charge } from './charges.ts';
import type { Setting } from './setting.ts';
import type { Write } from './taps.ts';

/** A POST request, ready to be sent. */
export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly expectedStatus: number;
}

/** A charge as a caller of the API sends it. */
export function apiMessage({ apiUrl, key }: Setting, charge: Charge): Message {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return { url: `${apiUrl}/v1/charges`, headers, body: JSON.stringify(charge), expectedStatus: 201 };
}

/** Engines want a signature to be there and do not verify it, so making one is no part of the measure. */
const SIGNATURE =
  'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none';

/** A write as it goes to the engine, without the SDK. */
export function engineMessage({ engineUrl }: Setting, { operation, input }: Write): Message {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': `DynamoDB_20120810.${operation}`,
    'x-amz-date': '20260101T000000Z',
    authorization: SIGNATURE,
  };
  return { url: engineUrl, headers, body: JSON.stringify(input), expectedStatus: 200 };
}

const agent = new Agent({ keepAlive: true });

/** Sends on a connection that is kept. @throws Error when the answer has another status than expected. */
export async function send({ url, headers, body, expectedStatus }: Message): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const length = { 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { agent, method: 'POST', headers: { ...headers, ...length } }, (answer) => {
      text(answer).then((said) => {
        if (answer.statusCode === expectedStatus) resolve();
        else reject(new Error(`${url} answered ${answer.statusCode}: ${said}`));
      }, reject);
    });
    sent.once('error', reject).end(body);
  });
}

/** Closed loop: does all the work, so many pieces at a time. @returns pieces a second */
export async function ratePerSecond<Piece>(
  work: readonly Piece[],
  atOnce: number,
  perform: (piece: Piece) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now();
  const queue = work.values();
  const worker = async () => {
    for (const piece of queue) await perform(piece);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return work.length / ((performance.now() - startedAt) / 1000);
}

/** An arrival that has to wait so many milliseconds for its turn has missed it, and is not sent. */
const TURN_MS_MAX = 1_000;

export interface OpenLoop {
  readonly perSecond: number;
  readonly atOnceMax: number;
}

/**
 * Open loop: work arrives at a steady rate, whether earlier work is done or not. Latency runs from the arrival, so that
 * time spent waiting for a turn is in it.
 * @param perform rejects for a piece that could not be done, which is no reason to stop.
 * @returns milliseconds of each piece that was done, in order of completion, how many missed their turn, how many failed.
 */
export async function latenciesOf<Piece>(
  work: readonly Piece[],
  { perSecond, atOnceMax }: OpenLoop,
  perform: (piece: Piece) => Promise<unknown>,
): Promise<{ readonly latencies: readonly number[]; readonly missed: number; readonly failed: number }> {
  const latencies: number[] = [];
  const waiting: { readonly piece: Piece; readonly arrivedAt: number }[] = [];
  let [underWay, missed, failed] = [0, 0, 0];

  const takeTurn = async (): Promise<void> => {
    underWay += 1;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (performance.now() - next.arrivedAt > TURN_MS_MAX) {
        missed += 1;
        continue;
      }
      const isDone = await perform(next.piece).then(
        () => true,
        () => false,
      );
      if (isDone) latencies.push(performance.now() - next.arrivedAt);
      else failed += 1;
    }
    underWay -= 1;
  };

  const startedAt = performance.now();
  const turns: Promise<void>[] = [];
  for (const [index, piece] of work.entries()) {
    const arrivedAt = startedAt + (index * 1000) / perSecond;
    const early = arrivedAt - performance.now();
    if (early > 0) await delay(early);
    waiting.push({ piece, arrivedAt });
    if (underWay < atOnceMax) turns.push(takeTurn());
  }
  await Promise.all(turns);
  return { latencies, missed, failed };
}
