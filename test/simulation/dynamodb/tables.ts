import { createIndex, type Index, type Keys, keyText } from './index.ts';
import type { Item } from './values.ts';

/** What a table is; the conformance test holds it against the tables that the stack deploys. */
export interface TableShape {
  readonly keys: Keys;
  readonly indexes: Readonly<Record<string, Keys & { readonly keysOnly?: true }>>;
}

export const LEDGER = 'ledger';
export const USAGE = 'usage';
export const OPERATIONS = 'operations';

export const TABLES: Readonly<Record<string, TableShape>> = {
  [LEDGER]: {
    keys: { partition: 'pk' },
    indexes: {
      byDebit: { partition: 'debitDay', sort: 'debitAt' },
      byCredit: { partition: 'creditDay', sort: 'creditAt' },
      byBucket: { partition: 'bucket', sort: 'account', keysOnly: true },
    },
  },
  [USAGE]: { keys: { partition: 'pk', sort: 'sk' }, indexes: {} },
  [OPERATIONS]: { keys: { partition: 'pk', sort: 'sk' }, indexes: {} },
};

/** One change of one item. */
export interface Change {
  readonly table: string;
  readonly key: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/** A table, its indexes, and a copy of its own that reads which are not consistent may get. */
export interface Table {
  readonly shape: TableShape;
  readonly items: ReadonlyMap<string, Item>;
  readonly indexes: ReadonlyMap<string, Index>;
  /** In order of the table's keys, and never behind. */
  readonly current: Index;
  readonly behind: Index;
  write(change: Change, now: number, lag: () => number): void;
}

export function createTable(shape: TableShape): Table {
  const items = new Map<string, Item>();
  const indexes = new Map(
    Object.entries(shape.indexes).map(([name, keys]) => [name, createIndex(keys, namesKept(shape.keys, keys))]),
  );
  const current = createIndex(shape.keys);
  const behind = createIndex(shape.keys);
  return {
    ...{ shape, items, indexes, current, behind },
    write({ key, before, after }, now, lag) {
      if (after === undefined) items.delete(key);
      else items.set(key, after);
      current.change(key, before, after, { now, dueAt: now });
      behind.change(key, before, after, { now, dueAt: now + lag() });
      for (const index of indexes.values()) index.change(key, before, after, { now, dueAt: now + lag() });
    },
  };
}

function namesKept(table: Keys, index: Keys & { readonly keysOnly?: true }): readonly string[] | undefined {
  if (!index.keysOnly) return undefined;
  return [table.partition, table.sort, index.partition, index.sort].filter((name) => name !== undefined);
}

export function keyOf(shape: TableShape, item: Item): string {
  return keyText(shape.keys, item);
}
