import { createHash } from 'node:crypto';
import { SendMessageCommand, type SQSClient, SQSServiceException } from '@aws-sdk/client-sqs';
import { BULK_RESULTS } from '../../contract/limits.ts';
import { type bulk, bulkEnvelope, type bulkWithResults } from '../../contract/schemas/batches.ts';
import { id as idSchema } from '../../contract/schemas/common.ts';
import type { OutputOf } from '../../contract/schemas/deferred.ts';
import type { Chart } from '../../domain/chart.ts';
import { inOrder } from '../../domain/reconciliation/in-order.ts';
import type { Instant } from '../../domain/time.ts';
import * as store from '../../store/bulk.ts';
import { StoreUnavailableError } from '../../store/retry.ts';
import { type Answer, invalid, ok, problem, replayed } from '../runtime/answers.ts';
import type { ApiRequest, QueryOf } from '../runtime/pipeline.ts';
import { printable, readBody, readJson } from '../runtime/requests.ts';
import { cutIntoParts, messageText, type Part, type PartMessage, type Sent } from './bulk-parts.ts';
import { resultToKeep } from './bulk-results.ts';
import { countResults, readElements } from './elements.ts';

export interface BulkDeps {
  readonly bulks: store.BulkStore;
  readonly bulkQueue: { readonly client: SQSClient; readonly url: string };
  readonly chart: Chart;
  readonly now: () => Instant;
}

/**
 * Accepts charges and transfers to be posted in the background: the record first, then the results of what is bad in
 * itself, then a message for each part. Handing the same in again sends whatever has no results yet, so that a fault
 * between the two is mended by whoever tries again.
 */
export async function postBulk(deps: BulkDeps, { caller, event }: ApiRequest<unknown>): Promise<Answer> {
  const json = readJson(event);
  if (!json.ok) return json.answer;
  const envelope = readBody(bulkEnvelope(), json.value);
  if (!envelope.ok) return envelope.answer;
  const { id, elements: values } = envelope.value;
  const elements = readElements(values);
  if (!elements.ok) return elements.answer;

  const wanted = { id, digest: digestOf(values), acceptedAt: deps.now(), by: caller.keyId, elements: values.length };
  const recorded = await store.createBulk(deps.bulks, wanted);
  if (recorded.kind === 'conflict') return taken(id);
  const sent = elements.value.map((element, index): Sent => ({ element, value: values[index] }));
  const before = recorded.kind === 'created' ? undefined : await store.getBulk(deps.bulks, id);
  await handIn(deps, recorded.bulk, sent, before?.parts ?? new Map());
  const progress = await store.getBulk(deps.bulks, id);
  const answer = render(progress ?? { bulk: recorded.bulk, parts: new Map() });
  return recorded.kind === 'created' ? ok(202, answer) : replayed(answer);
}

/** How far a bulk is, and a page of the results of its elements in their order. */
export async function getBulk(
  deps: Pick<BulkDeps, 'bulks'>,
  { params, query }: ApiRequest<undefined, QueryOf<'getBulk'>>,
): Promise<Answer> {
  const id = params.bulkId ?? '';
  const progress = idSchema.safeParse(id).success ? await store.getBulk(deps.bulks, id) : undefined;
  if (progress === undefined) return problem('not-found', `There is no bulk "${printable(id)}".`);
  const { limit = BULK_RESULTS, cursor = '0' } = query;
  const from = Number(cursor);
  const left = resultsOf(progress).filter(({ index }) => index >= from);
  const page = left.sort((a, b) => a.index - b.index).slice(0, limit);
  const following = left[limit];
  const answer: OutputOf<typeof bulkWithResults> = {
    ...render(progress),
    results: page.map(({ errors, ...result }) => ({ ...result, ...(errors !== undefined && { errors: [...errors] }) })),
    ...(following !== undefined && { next: following.index.toString() }),
  };
  return ok(200, answer);
}

function render(progress: store.BulkProgress): OutputOf<typeof bulk> {
  const { id, acceptedAt, elements } = progress.bulk;
  const results = resultsOf(progress);
  const status = results.length < elements ? 'processing' : 'done';
  return { id, status, acceptedAt, elements, done: results.length, counts: countResults(results) };
}

/**
 * The first result of each element. One may have two where it was handed in again after a change of how bulks are cut,
 * and so came in another part.
 */
function resultsOf({ parts }: store.BulkProgress): store.BulkResult[] {
  const results = new Map<number, store.BulkResult>();
  for (const result of [...parts.values()].flat()) if (!results.has(result.index)) results.set(result.index, result);
  return [...results.values()];
}

function taken(id: string): Answer {
  const rule = 'differ from those of the bulk that has this id; choose another id';
  return problem('conflict', `The id "${id}" belongs to a bulk with other "elements".`, [{ field: 'elements', rule }]);
}

/** Lanes that are sent at once: hides the queue's latency. Parts of one lane are sent one after the other. */
const LANES_AT_ONCE = 8;

async function handIn(
  deps: BulkDeps,
  accepted: store.Bulk,
  sent: readonly Sent[],
  told: ReadonlyMap<number, readonly store.BulkResult[]>,
): Promise<void> {
  const isBadAlone = ({ element }: Sent) => !element.read.ok && element.group === undefined;
  const parts = cutIntoParts(
    sent.filter((one) => !isBadAlone(one)),
    deps.chart,
  );
  await refuse(deps, accepted, sent.filter(isBadAlone), { first: parts.length, told });
  const unfinished = parts.filter(({ number, elements }) => (told.get(number)?.length ?? 0) < elements.length);
  const lanes = Map.groupBy(unfinished, ({ lane }) => lane).values();
  const sending = inOrder(lanes, LANES_AT_ONCE, async (lane) => {
    for (const part of lane) await send(deps, accepted, part);
  });
  for await (const _ of sending);
}

/** Results that are kept as one item. */
const REFUSED_AT_ONCE = 100;

/** Tells at once of elements that are bad in themselves. Their results stand behind those of the parts. */
async function refuse(
  deps: BulkDeps,
  accepted: store.Bulk,
  bad: readonly Sent[],
  { first, told }: { readonly first: number; readonly told: ReadonlyMap<number, unknown> },
): Promise<void> {
  const results = bad.map(({ element }) =>
    resultToKeep(element, invalid(element.read.ok ? [] : element.read.errors), accepted),
  );
  for (let start = 0; start < results.length; start += REFUSED_AT_ONCE) {
    const part = first + start / REFUSED_AT_ONCE;
    if (told.has(part)) continue;
    try {
      await store.addPartResults(
        deps.bulks,
        { id: accepted.id, part },
        [],
        results.slice(start, start + REFUSED_AT_ONCE),
      );
    } catch (error) {
      // Whoever hands the same in at the same time tells the same.
      if (!(error instanceof store.PartChangedError)) throw error;
    }
  }
}

/** @throws StoreUnavailableError when the queue takes nothing now. */
async function send({ bulkQueue }: BulkDeps, accepted: store.Bulk, { number, lane, elements }: Part): Promise<void> {
  const { id, acceptedAt, by } = accepted;
  const message: PartMessage = { bulk: id, part: number, acceptedAt, by, elements: [...elements] };
  const command = new SendMessageCommand({
    QueueUrl: bulkQueue.url,
    MessageBody: messageText(message),
    MessageGroupId: lane,
    MessageDeduplicationId: `${id}#${number}`,
  });
  try {
    await bulkQueue.client.send(command);
  } catch (error) {
    // The client has tried again by itself. What it refuses for good is a fault of this service.
    if (error instanceof SQSServiceException && error.$fault === 'client' && error.$retryable === undefined)
      throw error;
    throw new StoreUnavailableError('The queue of bulks could not be reached in time.', { cause: error });
  }
}

/** SHA-256 of the elements, the same whatever order their fields came in. */
function digestOf(values: readonly unknown[]): string {
  const canonical = JSON.stringify(values, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(canonical).digest('hex');
}
