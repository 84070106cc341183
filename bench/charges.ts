import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { chart } from '../config/chart.ts';
import { CUSTOMERS } from '../demo/traffic.ts';
import { makeHandler } from '../functions/api/ledger.ts';
import { createSettingsCache } from '../functions/runtime/settings.ts';
import { systemClock } from '../store/retry.ts';
import { call } from '../test/support/api.ts';
import type { Setting } from './setting.ts';

/** The body of a charge request. */
export interface Charge {
  readonly id: string;
  readonly account: string;
  readonly operation: string;
  readonly quantities: Readonly<Record<string, string>>;
  readonly effectiveAt: string;
}

/** Accounts with a strict balance, open and funded, and one whose balance is derived. */
export const STRICT_ACCOUNTS = CUSTOMERS;
export const DERIVED_ACCOUNT = 'postpaid:bench';

/** The i-th of a series of charges that is spread over the strict accounts; each series has ids of its own. */
export function chargeOf(setting: Setting, series: string, index: number, account?: string): Charge {
  return {
    id: `${series}-${index}`,
    account: account ?? STRICT_ACCOUNTS[index % STRICT_ACCOUNTS.length] ?? '',
    operation: 'completion',
    quantities: { input_tokens: String(400 + (index % 100)), output_tokens: '120' },
    effectiveAt: `${setting.day}T12:00:00.000Z`,
  };
}

export function chargesOf(setting: Setting, series: string, count: number, account?: string): Charge[] {
  return Array.from({ length: count }, (_, index) => chargeOf(setting, series, index, account));
}

/** The charge function in this process, without HTTP around it. @returns the status that it answers */
export function chargeFunction(setting: Setting, client: DynamoDBClient): (charge: Charge) => Promise<number> {
  const handler = ledgerHandler(setting, client);
  return async (charge) => (await call(handler, 'POST /v1/charges', { body: charge })).status;
}

/** The same for a batch. @returns how many elements came to each result. */
export function batchFunction(
  setting: Setting,
  client: DynamoDBClient,
): (charges: readonly Charge[]) => Promise<unknown> {
  const handler = ledgerHandler(setting, client);
  return async (charges) => (await call(handler, 'POST /v1/batches', { body: batchOf(charges) })).body.counts;
}

export function batchOf(charges: readonly Charge[]) {
  return { elements: charges.map((charge) => ({ type: 'charge', ...charge })) };
}

function ledgerHandler(setting: Setting, client: DynamoDBClient) {
  return makeHandler({
    store: {
      client,
      ledgerTable: setting.tables.ledger,
      clock: systemClock,
      newId: randomUUID,
      listed: new Set(),
    },
    audit: { client, operationsTable: setting.tables.operations },
    // For this clock no time passes: settings are read at the first charge, and not again beside a later one.
    settings: createSettingsCache({ client, operationsTable: setting.tables.operations }, () => 0),
    chart,
    now: () => new Date().toISOString(),
  });
}
