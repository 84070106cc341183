import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Io } from '../../cli/io.ts';
import { run } from '../../cli/run.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks behind the text, before the length that was promised. */
  readonly isCut?: true;
}

/** What a tiny service answers, by `METHOD /path`; a list is answered in order, its last one for ever. */
export type Script = Readonly<Record<string, Answer | readonly Answer[] | ((request: Seen) => Answer)>>;

export interface TestService {
  readonly url: string;
  readonly seen: Seen[];
  /** Sets what is answered from now on. */
  answer(script: Script): void;
  stop(): Promise<void>;
}

/** An HTTP server that answers by a script, for callers that must not know the difference. */
export async function startService(): Promise<TestService> {
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  let current: Script = {};
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const { method = '', url: path = '' } = request;
    const told: Seen = { method, path, headers: request.headers, body, json: parse(body) };
    seen.push(told);
    const key = `${method} ${path}`;
    const entry = current[key] ?? { status: 404, json: { message: `The script has no ${key}` } };
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const answer =
      typeof entry === 'function' ? entry(told) : isList(entry) ? entry[Math.min(count, entry.length - 1)] : entry;
    const { status = 200, json, text = '', headers = {}, isCut } = answer ?? {};
    if (isCut) {
      response.writeHead(status, { 'content-length': Buffer.byteLength(text) + 1 });
      response.write(text, () => request.socket.destroy());
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(json === undefined ? text : JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answer(script) {
      current = script;
      counts.clear();
      seen.length = 0;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line as a user would, without a terminal, without waiting, and with the same new ids every time. */
export async function reckoner(argv: readonly string[], change: Partial<Io> = {}): Promise<Run> {
  const out = captured();
  const err = captured();
  let clock = 0;
  const io: Io = {
    env: {},
    stdout: out.stream,
    stderr: err.stream,
    signal: new AbortController().signal,
    fetch,
    now: () => clock,
    random: () => 0.5,
    wait: async (milliseconds, signal) => {
      clock += milliseconds;
      signal?.throwIfAborted();
    },
    newId: () => '0123456789abcdef',
    ...change,
  };
  const code = await run(argv, io);
  return { code, out: out.text(), err: err.text() };
}

export function captured(isTTY = false): { stream: Writable & { isTTY: boolean }; text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => chunks.join('') };
}

/** A problem document of the API. */
export function problem(kind: string, status: number, more: Readonly<Record<string, unknown>> = {}): Answer {
  const json = { type: `urn:reckoner:problem:${kind}`, title: 'A title', status, detail: 'A detail.', ...more };
  return { status, json, headers: { 'content-type': 'application/problem+json' } };
}

function isList(entry: Answer | readonly Answer[]): entry is readonly Answer[] {
  return Array.isArray(entry);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
