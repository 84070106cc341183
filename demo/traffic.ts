import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { spread } from '../domain/ids.ts';
import { addMilliseconds, type Instant, parseInstant } from '../domain/time.ts';
import type { Random } from './random.ts';

/** One request that was served: what its charge and its evidence both speak of. */
export interface ServedRequest {
  readonly requestId: string;
  readonly account: string;
  readonly operation: string;
  readonly quantities: Readonly<Record<string, string>>;
  readonly at: Instant;
}

/** The customers of the demo; each takes a different share of the traffic. */
export const CUSTOMERS = ['acme', 'borealis', 'cumulus', 'dunes', 'estuary', 'fjord', 'glacier', 'harbor'].map(
  (name) => `customer:${name}`,
);

const DAY_MS = 24 * 60 * 60 * 1000;

/** A day of requests, in order of time, the same for the same seed. */
export function generateDay(random: Random, day: string, count: number): ServedRequest[] {
  const start = `${day}T00:00:00.000Z`;
  const times = Array.from({ length: count }, () => Math.floor(random() * DAY_MS)).sort((a, b) => a - b);
  return times.map((offset, index) => ({
    requestId: `req-${index.toString().padStart(5, '0')}`,
    // The square favours the first customers: real traffic is not even.
    account: CUSTOMERS[Math.floor(random() ** 2 * CUSTOMERS.length)] ?? 'customer:acme',
    ...operationOf(random),
    at: addMilliseconds(start, offset),
  }));
}

function operationOf(random: Random): Pick<ServedRequest, 'operation' | 'quantities'> {
  const pick = random();
  const upTo = (limit: number) => Math.ceil(random() * limit).toString();
  if (pick < 0.6)
    return { operation: 'completion', quantities: { input_tokens: upTo(8000), output_tokens: upTo(900) } };
  if (pick < 0.85) return { operation: 'embedding', quantities: { input_tokens: upTo(2000) } };
  return { operation: 'search', quantities: {} };
}

/** The columns of the Azure LLM inference trace of 2023 that are read; a file without them is refused. */
const TRACE_COLUMNS = ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'] as const;

/** The file is not a usage trace that the demo can play; the message says why. */
export class UnreadableTraceError extends Error {
  override name = 'UnreadableTraceError';
}

/**
 * Reads a trace of real requests. It names no customer, so rows are spread over the demo's customers by a rule that is
 * the same every time: a hash of the row's number.
 */
export async function readTrace(file: string): Promise<ServedRequest[]> {
  const rows = createReadStream(file).on('error', (error) => parser.destroy(error));
  const parser = rows.pipe(parse({ columns: true, bom: true, skip_empty_lines: true }));
  const requests: ServedRequest[] = [];
  for await (const row of parser as AsyncIterable<Record<string, string>>) {
    const number = requests.length + 1;
    const missing = TRACE_COLUMNS.find((column) => row[column] === undefined);
    if (missing !== undefined) throw new UnreadableTraceError(`${file} has no column "${missing}".`);
    const at = parseInstant(row.TIMESTAMP ?? '', 'utc');
    if (at === undefined) throw new UnreadableTraceError(`${file}, row ${number}: "${row.TIMESTAMP}" is not a time.`);
    requests.push({
      requestId: `trace-${number.toString().padStart(6, '0')}`,
      account: CUSTOMERS[spread(`row-${number}`, CUSTOMERS.length)] ?? 'customer:acme',
      operation: 'completion',
      quantities: { input_tokens: row.ContextTokens ?? '', output_tokens: row.GeneratedTokens ?? '' },
      at,
    });
  }
  if (requests.length === 0) throw new UnreadableTraceError(`${file} has no rows.`);
  return requests;
}
