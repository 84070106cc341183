import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Item, typeOf } from './values.ts';

/** The names of a table's or an index's keys. */
export interface Keys {
  readonly partition: string;
  readonly sort?: string;
}

/** An item in the order of an index. */
export interface Placed {
  /** Sort key, and the keys of the table behind it, so that every item has a place of its own. */
  readonly place: string;
  readonly item: Item;
}

/** A copy of a table under other keys (or its own), which may be behind it. */
export interface Index {
  readonly keys: Keys;
  /** The items of a partition in order, as far as they have come by this time. */
  partition(partition: string, now: number): readonly Placed[];
  /** An item changes now, and it shows from `dueAt` on; changes of one partition show in their order. */
  change(key: string, before: Item | undefined, after: Item | undefined, when: When): void;
  get(key: string, now: number): Item | undefined;
}

export interface When {
  readonly now: number;
  readonly dueAt: number;
}

interface Pending {
  readonly dueAt: number;
  readonly partition: string;
  readonly place: string;
  readonly key: string;
  /** Undefined when it leaves. */
  readonly item: Item | undefined;
}

/** What separates keys in a place: below every character of keys. */
export const SEPARATOR = '\u0000';

/** Changes wait in so many queues, so that items of different partitions overtake each other. */
const LANES = 4;

const NOTHING: readonly Placed[] = [];

/** @param kept the names of the attributes that it has; left out, it has all. */
export function createIndex(keys: Keys, kept?: readonly string[]): Index {
  const partitions = new Map<string, Placed[]>();
  const byKey = new Map<string, Item>();
  const lanes: Pending[][] = Array.from({ length: LANES }, () => []);
  let waiting = 0;

  function settle(now: number): void {
    if (waiting === 0) return;
    for (const lane of lanes) {
      let done = 0;
      for (; done < lane.length && (lane[done] as Pending).dueAt <= now; done += 1) show(lane[done] as Pending);
      if (done > 0) lane.splice(0, done);
      waiting -= done;
    }
  }

  function show({ partition, place, key, item }: Pending): void {
    const placed = partitions.get(partition) ?? [];
    partitions.set(partition, placed);
    const at = positionOf(placed, place);
    const isThere = placed[at]?.place === place;
    if (item === undefined) {
      if (isThere) placed.splice(at, 1);
      byKey.delete(key);
    } else {
      placed.splice(at, isThere ? 1 : 0, { place, item });
      byKey.set(key, item);
    }
  }

  function enter(pending: Pending, now: number): void {
    if (pending.dueAt <= now && waiting === 0) {
      show(pending);
      return;
    }
    const lane = lanes[laneOf(pending.partition)] as Pending[];
    const last = lane.at(-1);
    lane.push(last !== undefined && last.dueAt > pending.dueAt ? { ...pending, dueAt: last.dueAt } : pending);
    waiting += 1;
  }

  return {
    keys,
    partition(partition, now) {
      settle(now);
      return partitions.get(partition) ?? NOTHING;
    },
    get(key, now) {
      settle(now);
      return byKey.get(key);
    },
    change(key, before, after, when) {
      const [from, to] = [before && placeOf(keys, key, before), after && placeOf(keys, key, after)];
      const stays = from !== undefined && to?.place === from.place && to.partition === from.partition;
      // What an index keeps of an item beside its keys is all or nothing.
      if (stays && kept !== undefined) return;
      if (from !== undefined && !stays) enter({ ...from, key, dueAt: when.dueAt, item: undefined }, when.now);
      if (to === undefined || after === undefined) return;
      enter({ ...to, key, dueAt: when.dueAt, item: kept === undefined ? after : pick(after, kept) }, when.now);
    },
  };
}

/** What an item has of these attributes. */
export function pick(item: Item, names: readonly string[]): Item {
  const picked: Record<string, AttributeValue> = {};
  for (const name of names) {
    const value = item[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** Where the first place at or behind this one is. */
export function positionOf(placed: readonly Placed[], place: string): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((placed[middle] as Placed).place < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Undefined for an item that is not in the index, because it has not all of its keys. */
export function placeOf(keys: Keys, key: string, item: Item): { partition: string; place: string } | undefined {
  const partition = item[keys.partition];
  const sort = keys.sort === undefined ? undefined : item[keys.sort];
  if (partition === undefined || (keys.sort !== undefined && sort === undefined)) return undefined;
  for (const value of [partition, sort]) if (value && typeOf(value) !== 'S') throw new TypeError('Keys are texts.');
  return { partition: partition.S ?? '', place: `${sort?.S ?? ''}${SEPARATOR}${key}` };
}

/** The key of an item as one text. */
export function keyText({ partition, sort }: Keys, item: Item): string {
  const text = item[partition]?.S;
  const behind = sort === undefined ? '' : item[sort]?.S;
  if (text === undefined || behind === undefined) throw new TypeError('An item without its keys.');
  return sort === undefined ? text : `${text}${SEPARATOR}${behind}`;
}

function laneOf(partition: string): number {
  let hash = 0;
  for (let index = 0; index < partition.length; index += 1) hash = (hash * 31 + partition.charCodeAt(index)) | 0;
  return (hash >>> 0) % LANES;
}
