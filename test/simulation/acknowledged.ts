import { chart } from '../../config/chart.ts';
import { canonicalJson, type Json } from '../../domain/canonical-json.ts';
import { chartEntryOf } from '../../domain/chart.ts';
import { dayOf } from '../../domain/time.ts';
import { dayPartition, holdKey, resolutionKey, transferKey, usageSortKey } from '../../store/tables.ts';
import { fingerprintOf } from '../../store/usage.ts';
import { SEPARATOR } from './dynamodb/index.ts';
import { LEDGER, USAGE } from './dynamodb/tables.ts';
import type { Item } from './dynamodb/values.ts';
import { must } from './invariant.ts';
import type { World } from './world.ts';

/** All that callers were told, held against the tables when they were told it and when everything is over. */
export interface Acknowledged {
  transfer(id: string, body?: Readonly<Record<string, unknown>>): void;
  hold(id: string): void;
  resolution(holdId: string, kind: string): void;
  evidence(event: Evidence): void;
  /** Nothing was posted under this id, and nothing is on its way. */
  refused(id: string): void;
  /** Holds everything against the tables once more. */
  check(): void;
}

export interface Evidence {
  readonly requestId: string;
  readonly account: string;
  readonly operation: string;
  readonly units: bigint;
  readonly occurredAt: string;
}

const LOST = 'nothing that was acknowledged is lost';

export function createAcknowledged({ engine, watch }: World): Acknowledged {
  const transfers = new Map<string, string | undefined>();
  const records = new Map<string, { readonly table: string; readonly kind?: string }>();
  const refused = new Set<string>();
  const itemOf = (table: string, key: string): Item | undefined => engine.tables.get(table)?.items.get(key);

  function checkTransfer(id: string, text: string | undefined): void {
    const item = itemOf(LEDGER, transferKey(id));
    must(item !== undefined, LOST, () => `the transfer ${id}`);
    if (text === undefined || watch.edited.has(id)) return;
    const told = JSON.parse(text) as Record<string, unknown>;
    const same = ['debit', 'credit', 'amount', 'effectiveAt', 'recordedAt'].every(
      (name) => (item[name]?.S ?? item[name]?.N) === told[name],
    );
    must(same, 'what was acknowledged stays true', () => `${text} was told, and there is ${JSON.stringify(item)}.`);
  }

  function checkRecord(key: string, { table, kind }: { readonly table: string; readonly kind?: string }): void {
    const item = itemOf(table, key);
    must(item !== undefined, LOST, () => key);
    must(
      kind === undefined || item.kind?.S === kind,
      'holds end once',
      () => `${key} is ${item.kind?.S}, not ${kind}.`,
    );
  }

  function note(key: string, record: { readonly table: string; readonly kind?: string }): void {
    checkRecord(key, record);
    records.set(key, record);
  }

  function checkRefused(id: string): void {
    const item = itemOf(LEDGER, transferKey(id)) ?? itemOf(LEDGER, holdKey(id));
    must(item === undefined, 'a refusal leaves nothing behind', () => `${id} is ${JSON.stringify(item)}.`);
  }

  return {
    transfer(id, body) {
      const text = body && canonicalJson(body as Json);
      checkTransfer(id, text);
      const before = transfers.get(id);
      const isSame = before === undefined || text === undefined || before === text || watch.edited.has(id);
      must(isSame, 'what was acknowledged stays true', () => `${before} was told before ${text}.`);
      transfers.set(id, text ?? before);
      refused.delete(id);
    },
    hold: (id) => note(holdKey(id), { table: LEDGER }),
    resolution: (holdId, kind) => note(resolutionKey(holdId), { table: LEDGER, kind }),
    evidence({ requestId, account, operation, units, occurredAt }) {
      const entry = chartEntryOf(chart, account) ?? { shards: 1 };
      const fingerprint = fingerprintOf({ operation, quantities: { units } });
      const partition = dayPartition(account, dayOf(occurredAt), entry, requestId);
      note(`${partition}${SEPARATOR}${usageSortKey(occurredAt, requestId, fingerprint)}`, { table: USAGE });
    },
    refused(id) {
      checkRefused(id);
      refused.add(id);
    },
    check() {
      for (const [id, text] of transfers) checkTransfer(id, text);
      for (const [key, record] of records) checkRecord(key, record);
      for (const id of refused) checkRefused(id);
    },
  };
}
