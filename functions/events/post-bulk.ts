import { randomUUID } from 'node:crypto';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { chart } from '../../config/chart.ts';
import { addPartResults, type BulkStore, getPartResults } from '../../store/bulk.ts';
import { systemClock } from '../../store/retry.ts';
import { type PartMessage, partMessage, type Queued } from '../api/bulk-parts.ts';
import { resultToKeep } from '../api/bulk-results.ts';
import { type Element, type ElementAnswer, postElements, readElement, resultOf } from '../api/elements.ts';
import type { PostingDeps } from '../api/ledger-deps.ts';
import { dynamoDb } from '../runtime/clients.ts';
import { environment } from '../runtime/environment.ts';
import { lazily } from '../runtime/lazily.ts';
import { logger } from '../runtime/logger.ts';
import { countMetric, metrics } from '../runtime/metrics.ts';
import type { Caller } from '../runtime/requests.ts';
import { createSettingsCache } from '../runtime/settings.ts';

export interface PostBulkDeps {
  readonly ledger: PostingDeps;
  readonly bulks: BulkStore;
}

/** Milliseconds that posting a part may take at worst; with less than that left, none is begun. */
const PART_MS_MAX = 30_000;

/**
 * Works through parts of bulks. The queue hands out the parts of a lane in order and to one worker at a time. Behind a
 * part that could not be done, the later ones of its lane are left alone and reported too, so that the order stays.
 */
export const makeHandler = (deps: PostBulkDeps) =>
  middy<SQSEvent, SQSBatchResponse, Error, Context>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics))
    .handler(async (event, context) => {
      const stuck = new Set<string | undefined>();
      const batchItemFailures: SQSBatchResponse['batchItemFailures'] = [];
      for (const message of event.Records) {
        const lane = message.attributes.MessageGroupId;
        const isTime = context.getRemainingTimeInMillis() >= PART_MS_MAX;
        if (isTime && !stuck.has(lane) && (await postMessage(deps, message))) continue;
        stuck.add(lane);
        batchItemFailures.push({ itemIdentifier: message.messageId });
      }
      return { batchItemFailures };
    });

export const handler = lazily(() => makeHandler(productionDeps()));

/** @returns whether every element of the part has its result now. */
async function postMessage(deps: PostBulkDeps, message: SQSRecord): Promise<boolean> {
  try {
    const part = partMessage.parse(JSON.parse(message.body));
    const waiting = await postPart(deps, part);
    logger.info('A part of a bulk was worked through', { bulk: part.bulk, part: part.part, waiting });
    return waiting === 0;
  } catch (error) {
    logger.error('A part of a bulk will be delivered again', {
      messageId: message.messageId,
      error: error instanceof Error ? error : String(error),
    });
    return false;
  }
}

/**
 * Posts the elements of a part that have no result yet, and tells the results. What was told is never asked again, so
 * that a refusal that somebody has read does not turn into a charge.
 * @returns how many elements still have none, because the table could not be reached or a fault stands in their way.
 */
async function postPart({ ledger, bulks }: PostBulkDeps, { elements, ...part }: PartMessage): Promise<number> {
  const place = { id: part.bulk, part: part.part };
  const told = await getPartResults(bulks, place.id, place.part);
  const known = new Set(told.map(({ index }) => index));
  const left = elements.filter(({ index }) => !known.has(index));
  if (left.length === 0) return 0;
  const caller: Caller = { keyId: part.by, scopes: [] };
  // Whatever a clock says that is behind: nothing of a bulk is recorded before it was accepted.
  const now = [ledger.now(), part.acceptedAt].reduce((a, b) => (a > b ? a : b));
  const times = { acceptedAt: part.acceptedAt, now };
  const answers = await postElements(ledger, caller, left.map(elementOf), times);

  const again = new Map(left.map((one) => [one.index, one.again]));
  const final = finalOf(answers);
  const results = final.map(({ element, answer }) => resultToKeep(element, answer, part, again.get(element.index)));
  if (results.length > 0) await addPartResults(bulks, place, told, results);
  countMetric('bulk_elements_done', results.length);
  return left.length - results.length;
}

function elementOf({ index, value, bad }: Queued): Element {
  if (bad === undefined) return readElement(value, index);
  const { id, group, errors } = bad;
  return { index, ...(id !== undefined && { id }), group, read: { ok: false, errors } };
}

/** Answers that say nothing of the element but that it is to come again. */
const NOT_FINAL: ReadonlySet<string> = new Set(['unavailable', 'internal-error']);

/** Answers that will stay. Linked elements wait for each other: one of them alone must never be posted. */
function finalOf(answers: readonly ElementAnswer[]): ElementAnswer[] {
  const groups = Map.groupBy(answers, ({ element }) => element.group ?? element);
  return [...groups.values()].filter((group) => !group.some(({ answer }) => NOT_FINAL.has(resultOf(answer)))).flat();
}

function productionDeps(): PostBulkDeps {
  const { LEDGER_TABLE, OPERATIONS_TABLE } = environment('LEDGER_TABLE', 'OPERATIONS_TABLE');
  const client = dynamoDb();
  const operations = { client, operationsTable: OPERATIONS_TABLE };
  return {
    ledger: {
      store: {
        client,
        ledgerTable: LEDGER_TABLE,
        clock: systemClock,
        newId: randomUUID,
        listed: new Set(),
        grants: new Map(),
      },
      settings: createSettingsCache(operations, Date.now),
      chart,
      now: () => new Date().toISOString(),
    },
    bulks: operations,
  };
}
