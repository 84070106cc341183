import { DATA_LIMIT_EXCEEDED, StateFailure } from './failure.ts';

/** The most that a state's input, arguments, result or output may hold, in bytes of UTF-8 JSON (AWS's service quota). */
export const PAYLOAD_LIMIT_BYTES = 262_144;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The JSON text of a payload.
 *
 * @throws StateFailure `States.DataLimitExceeded` when it is larger than a state may hand on.
 */
export function payloadText(value: unknown, what: string): string {
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= PAYLOAD_LIMIT_BYTES) return text;
  throw new StateFailure(
    DATA_LIMIT_EXCEEDED,
    `${what} is ${bytes} bytes of JSON and may be ${PAYLOAD_LIMIT_BYTES} at most; keep the data in S3 and pass its key.`,
  );
}

/**
 * A plain copy of what a JSONata expression gave: its sequences become ordinary arrays.
 *
 * @throws TypeError for what JSON cannot hold (a function, a number that is not finite).
 */
export function plainJson(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return Array.from(value, (item) => (item === undefined ? null : plainJson(item)));
  // JSONata gives its functions as objects too.
  if (isObject(value) && !('_jsonata_function' in value) && !('_jsonata_lambda' in value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([key, item]) => [key, plainJson(item)]));
  }
  throw new TypeError('a function or a number without end cannot be written as JSON');
}
