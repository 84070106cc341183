import { Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { bytesOf } from './hostile.ts';
import type { Sent } from './requests.ts';

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** How long API Gateway waits for an answer (AWS limit). */
const GATEWAY_MS = 30_000;

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/**
 * Sends a request as it is written: `fetch` would tidy its path and its headers. What gets no answer in time is told as
 * one that no service gives, with the status 0.
 */
export function send(apiUrl: string, { method, path, headers, body }: Sent): Promise<Received> {
  const { hostname, port } = new URL(apiUrl);
  return new Promise((resolve) => {
    const reject = (error: Error) => resolve({ status: 0, headers: {}, text: `No answer: ${error.message}` });
    const bytes = body === undefined ? undefined : bytesOf(body);
    const length = bytes === undefined ? {} : { 'content-length': bytes.length };
    const sent = request(
      { agent, hostname, port, method, path, headers: { ...headers, ...length }, timeout: GATEWAY_MS },
      async (response) => {
        try {
          const text = (await buffer(response)).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        } catch (error) {
          reject(error as Error);
        }
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`No answer within ${GATEWAY_MS} ms.`)));
    sent.on('error', reject);
    sent.end(bytes);
  });
}
