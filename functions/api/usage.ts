import { chart } from '../../config/chart.ts';
import { CLOCK_SKEW_MS_MAX } from '../../contract/limits.ts';
import { usageRoutes } from '../../contract/routes/usage.ts';
import { cloudEvent, usageBatch, usageEvent } from '../../contract/schemas/usage.ts';
import { type Chart, chartEntryOf } from '../../domain/chart.ts';
import type { UsageEvent } from '../../domain/evidence.ts';
import { addMilliseconds, type Instant } from '../../domain/time.ts';
import { systemClock } from '../../store/retry.ts';
import { recordEvidence, type UsageStore } from '../../store/usage.ts';
import { type Answer, type FieldError, invalid, ok, replayed } from '../runtime/answers.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric } from '../runtime/metrics.ts';
import { type ApiRequest, apiHandler } from '../runtime/pipeline.ts';
import { type ApiEvent, type Caller, fieldErrors, maySee, readBody, readJson } from '../runtime/requests.ts';
import { unknownAccount } from './outcomes.ts';

export interface UsageDeps {
  readonly store: UsageStore;
  readonly chart: Chart;
  readonly now: () => Instant;
}

export const makeHandler = (deps: UsageDeps) =>
  apiHandler('api/usage', usageRoutes, { recordUsage: (request) => recordUsage(deps, request) });

export const handler = lazily(() => makeHandler(productionDeps()));

/** One event or a batch of them, as plain JSON or as CloudEvents (structured and batched content mode). */
async function recordUsage(deps: UsageDeps, { caller, event }: ApiRequest<unknown>): Promise<Answer> {
  const json = readJson(event);
  if (!json.ok) return json.answer;
  const isCloudEvents = contentTypeOf(event).startsWith('application/cloudevents');
  const read = isCloudEvents ? readCloudEvent : readPlainEvent;
  const isBatch = Array.isArray(json.value) || (!isCloudEvents && hasEvents(json.value));
  if (!isBatch) return recordOne(deps, caller, read(json.value));
  const batch = readBody(usageBatch, Array.isArray(json.value) ? { events: json.value } : json.value);
  return batch.ok ? recordBatch(deps, caller, batch.value.events.map(read)) : batch.answer;
}

function hasEvents(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'events' in value;
}

/** An event as read, with what its sender calls its fields; or what is wrong with it. */
type ReadEvent =
  | {
      readonly ok: true;
      readonly event: UsageEvent;
      readonly names: Readonly<Record<'account' | 'occurredAt', string>>;
    }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

async function recordOne(deps: UsageDeps, caller: Caller, read: ReadEvent): Promise<Answer> {
  const checked = check(deps, read);
  if (!checked.ok) {
    countMetric('usage_refused');
    return invalid(checked.errors);
  }
  const { event } = checked;
  if (!maySee(caller, event.account)) return unknownAccount(event.account, checked.names.account);
  const status = await record(deps, event);
  const body = { requestId: event.requestId, status };
  return status === 'duplicate' ? replayed(body) : ok(201, body);
}

/** Writes at once from one request: enough to hide the table's latency, few enough for its connections. */
const CONCURRENT_WRITES = 32;

/**
 * Milliseconds after which no further event of a batch is begun. With the store's own deadline for the last ones it
 * leaves time to answer within the function's 20 s, so that a slow table still gets an answer for every element.
 */
const BATCH_DEADLINE_MS = 8_000;

async function recordBatch(deps: UsageDeps, caller: Caller, reads: readonly ReadEvent[]): Promise<Answer> {
  const results: BatchResult[] = new Array(reads.length);
  const queue = reads.entries();
  const deadline = Date.parse(deps.now()) + BATCH_DEADLINE_MS;
  const worker = async () => {
    for (const [index, read] of queue) {
      const isLate = Date.parse(deps.now()) >= deadline;
      results[index] = { index, ...(isLate ? LATE : await recordElement(deps, caller, read)) };
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_WRITES, reads.length) }, worker));
  const count = (status: BatchResult['status']) => results.filter((result) => result.status === status).length;
  const refused = count('refused');
  const unavailable = count('unavailable');
  if (unavailable > 0) countMetric('usage_unavailable', unavailable);
  if (refused > 0) countMetric('usage_refused', refused);
  return ok(200, {
    recorded: count('recorded'),
    duplicates: count('duplicate'),
    refused,
    unavailable,
    results,
  });
}

const LATE: ElementResult = { status: 'unavailable' };

interface ElementResult {
  readonly requestId?: string;
  readonly status: 'recorded' | 'duplicate' | 'refused' | 'unavailable';
  readonly errors?: readonly FieldError[];
}
type BatchResult = ElementResult & { readonly index: number };

async function recordElement(deps: UsageDeps, caller: Caller, read: ReadEvent): Promise<ElementResult> {
  const checked = check(deps, read);
  if (!checked.ok) return { status: 'refused', errors: checked.errors };
  const { event } = checked;
  const { requestId } = event;
  if (!maySee(caller, event.account)) {
    return {
      requestId,
      status: 'refused',
      errors: [{ field: checked.names.account, rule: 'names an account that is not open' }],
    };
  }
  try {
    return { requestId, status: await record(deps, event) };
  } catch (error) {
    // One element that could not be written is told to come again; its neighbours keep their answers.
    logger.error('An event could not be kept', {
      usageRequestId: requestId,
      error: error instanceof Error ? error : String(error),
    });
    return { requestId, status: 'unavailable' };
  }
}

/** Evidence for an account that the chart does not know is still evidence, and is kept. */
async function record(deps: UsageDeps, event: UsageEvent): Promise<'recorded' | 'duplicate'> {
  const entry = chartEntryOf(deps.chart, event.account) ?? { shards: 1 };
  const status = await recordEvidence(deps.store, event, entry, deps.now());
  countMetric(status === 'recorded' ? 'usage_recorded' : 'usage_duplicates');
  return status;
}

function check(deps: UsageDeps, read: ReadEvent): ReadEvent {
  if (!read.ok || read.event.occurredAt <= addMilliseconds(deps.now(), CLOCK_SKEW_MS_MAX)) return read;
  const rule = `must not be more than ${CLOCK_SKEW_MS_MAX / 60_000} minutes in the future`;
  return { ok: false, errors: [{ field: read.names.occurredAt, rule }] };
}

function readPlainEvent(value: unknown): ReadEvent {
  const parsed = usageEvent.safeParse(value);
  if (!parsed.success) return { ok: false, errors: fieldErrors(parsed.error) };
  const { source, ...event } = parsed.data;
  const names = { account: 'account', occurredAt: 'occurredAt' };
  return { ok: true, event: { ...event, ...(source !== undefined && { source }) }, names };
}

function readCloudEvent(value: unknown): ReadEvent {
  const parsed = cloudEvent.safeParse(value);
  if (!parsed.success) return { ok: false, errors: fieldErrors(parsed.error) };
  const { id, source, type, subject, time, data } = parsed.data;
  return {
    ok: true,
    event: { requestId: id, account: subject, operation: type, quantities: data, occurredAt: time, source },
    names: { account: 'subject', occurredAt: 'time' },
  };
}

function contentTypeOf(event: ApiEvent): string {
  return (event.headers['content-type'] ?? 'application/json').toLowerCase();
}

function productionDeps(): UsageDeps {
  const { USAGE_TABLE } = environment('USAGE_TABLE');
  return {
    store: { client: dynamoDb(), usageTable: USAGE_TABLE, clock: systemClock, seenAccounts: new Set() },
    chart,
    now: () => new Date().toISOString(),
  };
}
