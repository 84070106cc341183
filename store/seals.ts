import { QueryCommand, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { AuditEntry } from '../domain/audit.ts';
import type { SealLink } from '../domain/seals/chain.ts';
import type { SealOutcome } from '../domain/seals/outcome.ts';
import type { Instant } from '../domain/time.ts';
import { appendWith } from './audit.ts';
import { type Item, integer, text, toItem } from './items.ts';
import { retryTransient } from './retry.ts';
import {
  type ClaimedSealRun,
  type SealRunsStore,
  sealRunFromItem,
  sealTarget,
  spanOf,
  whereSealRunIs,
} from './seal-runs.ts';
import { SEALS_PARTITION, sequenceText } from './tables.ts';

/** The run belongs to another execution, or was never recorded. */
export class SealRunNotOursError extends Error {
  override name = 'SealRunNotOursError';
}

/** The table lists another seal under the sequence of the one that was made. Somebody wrote it there by hand. */
export class SealListedOtherwiseError extends Error {
  override name = 'SealListedOtherwiseError';
}

/**
 * Records how a sealing or a verification ended, lists the seal if one was made, and audits it: all or nothing. Doing it
 * again changes nothing.
 * @throws SealRunNotOursError when the run is another execution's, and SealListedOtherwiseError.
 */
export async function finishSealRun(
  store: SealRunsStore,
  { execution, ...run }: ClaimedSealRun,
  outcome: SealOutcome,
  link: SealLink | undefined,
  now: Instant,
): Promise<void> {
  const update: TransactWriteItem = {
    Update: {
      ...whereSealRunIs(store, run),
      UpdateExpression: 'SET #status = :succeeded, outcome = :outcome, finishedAt = :now REMOVE #error',
      ConditionExpression: 'execution = :execution AND #status <> :succeeded',
      ExpressionAttributeNames: { '#status': 'status', '#error': 'error' },
      ExpressionAttributeValues: toItem({
        ':succeeded': 'succeeded',
        ':outcome': JSON.stringify(outcome),
        ':now': now,
        ':execution': execution,
      }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
  const list = link === undefined ? [] : [listing(store, link)];
  const result = await appendWith(store, auditEntry(run, outcome, link, now), [update, ...list]);
  if (result.kind === 'appended') return;
  const [ofRun, ofList] = result.reasons;
  if (ofRun?.Item !== undefined && sealRunFromItem(ofRun.Item).execution === execution) return;
  if (ofRun?.Item === undefined && ofList?.Item !== undefined && link !== undefined) {
    const what = `The table lists another seal ${link.sequence} than "${run.id}" has made`;
    throw new SealListedOtherwiseError(`${what}: verify the chain, take the false one out, and start it again.`);
  }
  throw new SealRunNotOursError(`"${run.id}" is not that of ${execution}; another execution has it.`);
}

/** Lists a seal under its sequence, unless another is listed there. */
function listing({ operationsTable }: SealRunsStore, link: SealLink): TransactWriteItem {
  return {
    Put: {
      TableName: operationsTable,
      Item: itemOf(link),
      ConditionExpression: 'attribute_not_exists(pk) OR #hash = :hash',
      ExpressionAttributeNames: { '#hash': 'hash' },
      ExpressionAttributeValues: toItem({ ':hash': link.hash }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

function auditEntry(
  { mode, id }: Pick<ClaimedSealRun, 'mode' | 'id'>,
  { verdict, changes, faults }: SealOutcome,
  link: SealLink | undefined,
  at: Instant,
): AuditEntry {
  const found = { verdict, changes: changes.toString(), faults: faults.toString() };
  const target = sealTarget({ mode, id });
  const actor = `run:${id}`;
  if (link === undefined) return { at, actor, action: 'seal.verified', target, details: found };
  const { sequence, hash, days } = link;
  const details = { ...found, ...spanOf(days), sequence: sequence.toString(), hash };
  return { at, actor, action: 'seal.made', target, details };
}

export interface SealPage {
  readonly seals: readonly SealLink[];
  /** The sequence to go on before; left out on the last page. */
  readonly next?: number;
}

/** Seals as the table lists them, newest first. */
export async function listSeals(store: SealRunsStore, limit: number, before?: number): Promise<SealPage> {
  const seals = await readPage(store, { limit: limit + 1, before });
  const page = seals.slice(0, limit);
  const last = page.at(-1);
  return { seals: page, ...(seals.length > limit && last !== undefined && { next: last.sequence }) };
}

/** Seals on one page while the list is read whole: under a megabyte, which is the most that a query gives (AWS limit). */
const PAGE_SEALS = 1_000;

/** Every seal that the table lists, newest first. */
export async function listedSeals(store: SealRunsStore): Promise<SealLink[]> {
  const seals: SealLink[] = [];
  for (let before: number | undefined; ; ) {
    const page: SealLink[] = await readPage(store, { limit: PAGE_SEALS, before });
    seals.push(...page);
    before = page.at(-1)?.sequence;
    if (before === undefined) return seals;
  }
}

async function readPage(
  store: SealRunsStore,
  { limit, before }: { readonly limit: number; readonly before: number | undefined },
): Promise<SealLink[]> {
  const command = new QueryCommand({
    TableName: store.operationsTable,
    KeyConditionExpression: before === undefined ? 'pk = :seals' : 'pk = :seals AND sk < :before',
    ExpressionAttributeValues: toItem({
      ':seals': SEALS_PARTITION,
      ':before': before === undefined ? undefined : sequenceText(before),
    }),
    ScanIndexForward: false,
    Limit: limit,
    ConsistentRead: true,
  });
  const { Items = [] } = await retryTransient(() => store.client.send(command), store.clock);
  return Items.map(linkFromItem);
}

function itemOf({ sequence, entries, ...fields }: SealLink): Item {
  return toItem({ pk: SEALS_PARTITION, sk: sequenceText(sequence), ...fields, entries: BigInt(entries) });
}

function linkFromItem(item: Item): SealLink {
  return {
    sequence: Number(text(item, 'sk')),
    id: text(item, 'id'),
    sealedAt: text(item, 'sealedAt'),
    recordedUntil: text(item, 'recordedUntil'),
    days: (item.days?.L ?? []).map(({ S }) => S ?? ''),
    entries: Number(integer(item, 'entries')),
    contents: text(item, 'contents'),
    previousHash: text(item, 'previousHash'),
    hash: text(item, 'hash'),
  };
}
