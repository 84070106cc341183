import { functions } from '../lib/functions.ts';
import { prices } from './prices.ts';

/** Dollars by what they are paid for. */
export type Cost = Readonly<Record<string, number>>;

/**
 * A model where nothing can be measured here: a warm charge is billed for 10 ms. It waits for one answer of DynamoDB,
 * single-digit milliseconds on AWS, and computes for about one.
 */
const CHARGE_MS = 10;
/** The function's two lines, the answer and its metric, are 460 bytes; the rest is Lambda's own START, END and REPORT. */
const CHARGE_LOG_BYTES = 1_000;
/** What X-Ray samples unless told otherwise. */
const TRACES_SHARE = 0.05;

export const CHARGE_MODEL = `write units as measured; Lambda time is a model: ${CHARGE_MS} ms a charge at ${functions['api/ledger'].memoryMiB} MiB; ${CHARGE_LOG_BYTES} bytes of log; ${TRACES_SHARE * 100} % traced; the authorizer cached; without storage and data transfer`;

export function costOfCharges(count: number, writeUnitsEach: number): Cost {
  return {
    'table writes': count * writeUnitsEach * prices.dynamoDbWriteUnit,
    'HTTP API': count * prices.httpApiRequest,
    'Lambda requests': count * prices.lambdaRequest,
    'Lambda time': lambdaTime((count * CHARGE_MS) / 1000, functions['api/ledger'].memoryMiB),
    logs: ((count * CHARGE_LOG_BYTES) / 1e9) * prices.logGigabyte,
    traces: count * TRACES_SHARE * prices.trace,
  };
}

export const RECONCILIATION_MODEL =
  "read units as measured on a sample, scaled; Lambda time is a model: the processor time that the slices took here, on the whole virtual CPU that the function has on AWS, as if all waiting were hidden by reading ahead; a run's state transitions and objects cost less than a cent and are left out";

export function costOfReconciling(
  pairs: number,
  each: { readonly readUnits: number; readonly cpuSeconds: number },
): Cost {
  return {
    'table reads': pairs * each.readUnits * prices.dynamoDbReadUnit,
    'Lambda time': lambdaTime(pairs * each.cpuSeconds, functions['workflow/reconcile-slice'].memoryMiB),
  };
}

export function totalOf(cost: Cost): number {
  return Object.values(cost).reduce((sum, part) => sum + part, 0);
}

function lambdaTime(seconds: number, memoryMiB: number): number {
  return seconds * (memoryMiB / 1024) * prices.lambdaGigabyteSecond;
}
