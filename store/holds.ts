import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { OverCapture } from '../domain/chart.ts';
import {
  captureOf,
  expiryOf,
  firstHoldDifference,
  freeingOf,
  type Hold,
  type HoldClaims,
  type HoldResult,
  hasExpired,
  holdingOf,
  overCaptureRefusal,
  type Resolution,
  resolvedRefusal,
} from '../domain/holds.ts';
import { dayOf, type Instant } from '../domain/time.ts';
import type { TransferResult } from '../domain/transfers.ts';
import { getItems } from './batch-get.ts';
import { type Entry, type EntryResult, writeGroups } from './entries.ts';
import { type Item, integer, integers, MalformedItemError, optionalText, text, toItem } from './items.ts';
import { postTransfer, replayOf } from './ledger.ts';
import type { Guard, LedgerStore, LedgerTable, Posting } from './posting.ts';
import { retryTransient } from './retry.ts';
import { expiryPartition, holdKey, holdsPartition, momentKey, resolutionKey } from './tables.ts';

/**
 * Reserves what a hold asks for exactly once, in one round trip for a first write, a replay and a refusal alike.
 * @throws StoreUnavailableError when conflicts or faults last until the deadline.
 */
export async function postHold(store: LedgerStore, hold: Hold, claims: HoldClaims): Promise<HoldResult> {
  const entry: Entry<HoldResult> = {
    item: holdItem(hold),
    pk: holdKey(hold.id),
    created: { kind: 'created', hold },
    existing: (item) => answerFromHeld(holdFromItem(item), claims),
    guards: [],
    movements: [holdingOf(hold)],
    listings: [],
  };
  const [[result] = []] = await writeGroups(store, [[entry]]);
  if (result?.kind === 'unavailable') throw result.error;
  if (result === undefined || result.kind === 'group-failed') throw new Error('A group of one fails by its own.');
  return result;
}

export async function getHold(store: LedgerTable, id: string): Promise<Hold | undefined> {
  const item = await getItem(store, holdKey(id));
  return item && holdFromItem(item);
}

/** How a hold ended; undefined while nothing says that it did. */
export async function getResolution(store: LedgerTable, holdId: string): Promise<Resolution | undefined> {
  const item = await getItem(store, resolutionKey(holdId));
  return item && resolutionFromItem(item);
}

/** How holds ended, by their ids. */
export async function getResolutions(
  store: LedgerTable,
  holdIds: readonly string[],
): Promise<ReadonlyMap<string, Resolution>> {
  const items = await getItems(store, holdIds.map(resolutionKey));
  return new Map([...items.values()].map(resolutionFromItem).map((resolution) => [resolution.hold, resolution]));
}

/** What an id that is taken answers to these claims; undefined when no hold has it. */
export async function holdReplayOf(
  store: LedgerTable,
  id: string,
  claims: HoldClaims,
): Promise<HoldResult | undefined> {
  const held = await getHold(store, id);
  return held && answerFromHeld(held, claims);
}

/** A capture to post: of which hold, by which transfer, and what becomes of what it takes beyond the hold. */
export interface CapturePosting extends Omit<Posting, 'frees' | 'guard' | 'effects'> {
  readonly held: Hold;
  readonly overCapture?: OverCapture | undefined;
  /** The API key that captures. */
  readonly by: string;
}

/**
 * Captures a hold exactly once: the transfer, the end of the hold and the balance are one write, which frees what the
 * transfer does not take. The hold never changes, so that reading it before costs no certainty.
 * @param now decides whether the hold has expired, whatever was swept.
 * @throws StoreUnavailableError when conflicts or faults last until the deadline.
 */
export async function captureHold(store: LedgerStore, posting: CapturePosting, now: Instant): Promise<TransferResult> {
  const { held, overCapture, by, ...rest } = posting;
  const { transfer, claims } = rest;
  if (hasExpired(held, now)) {
    // Written down before it is told, so that no capture which is still on its way can come after.
    const { resolution } = await resolveHold(store, held, expiryOf(held, now));
    return (await replayOf(store, transfer.id, claims)) ?? resolvedRefusal(resolution);
  }
  const excessive = overCaptureRefusal(held, transfer.amount, overCapture);
  if (excessive !== undefined) {
    const replay = await replayOf(store, transfer.id, claims);
    const resolution = replay === undefined ? await getResolution(store, held.id) : undefined;
    return replay ?? (resolution === undefined ? excessive : resolvedRefusal(resolution));
  }
  return postTransfer(store, {
    ...rest,
    frees: held.amount,
    // It burns the grants that were valid when it reserved them, and what it takes beyond that like any charge.
    effects: { debit: { kind: 'valid-at', at: held.createdAt, reserved: held.amount } },
    guard: resolutionGuard(store, captureOf(held, transfer, by)),
  });
}

/**
 * Ends a hold without a capture exactly once, and frees what it reserved.
 * @returns how it ended, which may be otherwise than asked, and whether it ended by this call.
 * @throws StoreUnavailableError when conflicts or faults last until the deadline.
 */
export async function resolveHold(store: LedgerStore, hold: Hold, resolution: Resolution): Promise<Resolved> {
  const [[result] = []] = await writeGroups(store, [[resolutionEntry(hold, resolution)]]);
  if (result?.kind === 'resolved') return result;
  if (result?.kind === 'unavailable') throw result.error;
  throw new Error(`The hold "${hold.id}" could not be ended: ${result?.kind}.`);
}

/** How a hold ended, and whether it ended by this write. */
export interface Resolved {
  readonly kind: 'resolved';
  readonly resolution: Resolution;
  readonly isNew: boolean;
}

/**
 * Writes down that holds of one account have expired, as many in one transaction as it takes; those that ended before
 * stay as they ended.
 * @returns the results in the order of the holds.
 */
export async function expireHolds(
  store: LedgerStore,
  holds: readonly Hold[],
  recordedAt: Instant,
): Promise<EntryResult<Resolved>[]> {
  const groups = holds.map((hold) => [resolutionEntry(hold, expiryOf(hold, recordedAt))]);
  return (await writeGroups(store, groups)).flat();
}

function resolutionEntry(hold: Hold, resolution: Resolution): Entry<Resolved> {
  return {
    item: resolutionItem(resolution),
    pk: resolutionKey(hold.id),
    created: { kind: 'resolved', resolution, isNew: true },
    existing: (item) => ({ kind: 'resolved', resolution: resolutionFromItem(item), isNew: false }),
    guards: [],
    movements: [freeingOf(hold, resolution.recordedAt)],
    listings: [],
  };
}

function resolutionGuard(store: LedgerStore, resolution: Resolution): Guard {
  return {
    pk: resolutionKey(resolution.hold),
    write: {
      Put: {
        TableName: store.ledgerTable,
        Item: resolutionItem(resolution),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    },
    refusalOf: (item) => resolvedRefusal(resolutionFromItem(item)),
  };
}

function answerFromHeld(held: Hold, claims: HoldClaims): HoldResult {
  const field = firstHoldDifference(held, claims);
  return field === undefined ? { kind: 'replayed', hold: held } : { kind: 'conflict', held, field };
}

async function getItem(store: LedgerTable, pk: string): Promise<Item | undefined> {
  const command = new GetItemCommand({ TableName: store.ledgerTable, Key: toItem({ pk }), ConsistentRead: true });
  return (await retryTransient(() => store.client.send(command), store.clock)).Item;
}

function holdItem(hold: Hold): Item {
  const moment = momentKey(hold.expiresAt, hold.id);
  const day = dayOf(hold.expiresAt);
  return toItem({
    pk: holdKey(hold.id),
    ...hold,
    debitDay: holdsPartition(hold.account, day),
    debitAt: moment,
    creditDay: expiryPartition(day, hold.id),
    creditAt: moment,
  });
}

/** Reads a hold; index keys are passed over. */
export function holdFromItem(item: Item): Hold {
  const [requestId, operation, rateCard, description, key] = [
    optionalText(item, 'requestId'),
    optionalText(item, 'operation'),
    optionalText(item, 'rateCard'),
    optionalText(item, 'description'),
    optionalText(item, 'key'),
  ];
  return {
    id: text(item, 'id'),
    account: text(item, 'account'),
    credit: text(item, 'credit'),
    asset: text(item, 'asset'),
    amount: integer(item, 'amount'),
    createdAt: text(item, 'createdAt'),
    expiresAt: text(item, 'expiresAt'),
    ...(requestId !== undefined && { requestId }),
    ...(operation !== undefined && { operation }),
    ...(item.quantities !== undefined && { quantities: integers(item, 'quantities') }),
    ...(rateCard !== undefined && { rateCard }),
    ...(description !== undefined && { description }),
    ...(key !== undefined && { key }),
  };
}

function resolutionItem(resolution: Resolution): Item {
  return toItem({ pk: resolutionKey(resolution.hold), ...resolution });
}

function resolutionFromItem(item: Item): Resolution {
  const [by, reason, transferId] = [
    optionalText(item, 'by'),
    optionalText(item, 'reason'),
    optionalText(item, 'transferId'),
  ];
  return {
    hold: text(item, 'hold'),
    kind: kindOf(text(item, 'kind')),
    at: text(item, 'at'),
    recordedAt: text(item, 'recordedAt'),
    ...(by !== undefined && { by }),
    ...(reason !== undefined && { reason }),
    ...(transferId !== undefined && { transferId }),
    ...(item.captured !== undefined && { captured: integer(item, 'captured') }),
    freed: integer(item, 'freed'),
  };
}

function kindOf(value: string): Resolution['kind'] {
  if (value === 'captured' || value === 'released' || value === 'expired') return value;
  throw new MalformedItemError(`A hold cannot end as "${value}".`);
}
