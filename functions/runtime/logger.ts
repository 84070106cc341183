import type { Context } from 'aws-lambda';

/** What lines carry beside their message. */
export type LogFields = Readonly<Record<string, unknown>>;

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'SILENT'] as const;
type Level = (typeof LEVELS)[number];

export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Fields of every further line of this invocation. */
  appendKeys(fields: LogFields): void;
  /** Forgets what was appended, and puts the invocation into every line from now on. */
  begin(context: Context): void;
}

/**
 * Structured logs: a JSON object a line, under the names that Powertools for AWS Lambda gave them, so that queries written
 * for those find these. Its logger and metrics were a fifteenth of the charge function's bundle and of its cold start.
 * @param environment `SERVICE_NAME`, `LOG_LEVEL` (INFO where it is not set), and the trace that Lambda sets for each
 * invocation.
 */
export function createLogger(
  environment: Readonly<Record<string, string | undefined>>,
  write: (line: string) => void,
): Logger {
  let invocation: LogFields = {};
  let appended: LogFields = {};
  let isFirst = true;

  function log(level: Level, message: string, fields: LogFields = {}): void {
    if (LEVELS.indexOf(level) < lowest(environment.LOG_LEVEL)) return;
    const timestamp = new Date().toISOString();
    const known = { level, message, timestamp, service: environment.SERVICE_NAME, ...invocation };
    const [, trace] = /^Root=([^;]*)/.exec(environment._X_AMZN_TRACE_ID ?? '') ?? [];
    write(JSON.stringify({ ...known, xray_trace_id: trace, ...appended, ...fields }, writable()));
  }

  return {
    info: (message, fields) => log('INFO', message, fields),
    warn: (message, fields) => log('WARN', message, fields),
    error: (message, fields) => log('ERROR', message, fields),
    appendKeys(fields) {
      appended = { ...appended, ...fields };
    },
    begin(context) {
      appended = {};
      invocation = {
        cold_start: isFirst,
        function_arn: context.invokedFunctionArn,
        function_memory_size: context.memoryLimitInMB,
        function_name: context.functionName,
        function_request_id: context.awsRequestId,
      };
      isFirst = false;
    },
  };
}

/** To where Lambda reads lines from; its `console` would put a time and a level in front of each. */
export function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export const logger: Logger = createLogger(process.env, writeLine);

function lowest(name: string | undefined): number {
  const level = LEVELS.indexOf((name ?? '').toUpperCase() as Level);
  return level === -1 ? LEVELS.indexOf('INFO') : level;
}

/** What JSON cannot say: errors, large integers, and objects that hold themselves. A line must not fail. */
function writable() {
  const above: unknown[] = [];
  return function (this: unknown, _: string, value: unknown): unknown {
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'object' || value === null) return value;
    while (above.length > 0 && above.at(-1) !== this) above.pop();
    if (above.includes(value)) return undefined;
    above.push(value);
    return value instanceof Error ? described(value, above) : value;
  };
}

function described(error: Error, above: unknown[]): LogFields {
  const { name, message, stack, cause } = error;
  // Its own fields come first: whatever they are called, what an error is stays as it is.
  const fields = { ...error, name, message, stack, cause };
  above.push(fields);
  return fields;
}
