import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { chart } from '../config/chart.ts';
import { type ChartEntry, chartEntryOf } from '../domain/chart.ts';
import type { UsageEvent } from '../domain/evidence.ts';
import { type RateCard, rate } from '../domain/rating.ts';
import { addMilliseconds, type Day } from '../domain/time.ts';
import { openAccount } from '../store/accounts.ts';
import { postTransfer } from '../store/ledger.ts';
import type { LedgerStore } from '../store/posting.ts';
import { systemClock } from '../store/retry.ts';
import { recordEvidence, type UsageStore } from '../store/usage.ts';
import { engineMessage, ratePerSecond, send } from './load.ts';
import { dynamoDbClient, type Setting } from './setting.ts';
import { divertWrites, type Write } from './taps.ts';

/** What an account has of a day. */
export interface AccountShare {
  readonly account: string;
  readonly pairs: number;
}

/** Actions of a transaction (AWS limit). The engine writes to disk once per transaction, so full ones are the fastest. */
const ACTIONS_MAX = 100;
const TRANSACTIONS_AT_ONCE = 4;
const DAY_MS = 24 * 60 * 60 * 1000;
const CREDIT_LIMIT = 10n ** 18n;

/**
 * Fills both books with pairs that agree: the writes that the product would make one by one, gathered into large
 * transactions. A strict account is opened last, with the balance that its charges come to.
 */
export async function fillBooks(
  setting: Setting,
  day: Day,
  shares: readonly AccountShare[],
  cards: readonly RateCard[],
): Promise<void> {
  const client = dynamoDbClient(setting);
  const writes = divertWrites(client);
  const common = { client, clock: systemClock };
  const ledger = {
    ...common,
    ledgerTable: setting.tables.ledger,
    newId: () => 'never sent',
    listed: new Set<string>(),
  };
  const usage = { ...common, usageTable: setting.tables.usage, seenAccounts: new Set<string>() };
  // The engine is busy with one account's while the next one's are made.
  let sending: Promise<unknown> = Promise.resolve();
  for (const share of shares) {
    const entry = entryOf(share.account);
    await writeAccount({ ledger, usage }, share, day, entry, cards);
    const actions = writes.splice(0).flatMap(actionsOf);
    const kept = actions.filter(({ Put }) => Put !== undefined || entry.balance === 'derived');
    const transactions = Array.from({ length: Math.ceil(kept.length / ACTIONS_MAX) }, (_, index) => {
      const input = { TransactItems: kept.slice(index * ACTIONS_MAX, (index + 1) * ACTIONS_MAX) };
      return engineMessage(setting, { operation: 'TransactWriteItems', input });
    });
    await sending;
    sending = ratePerSecond(transactions, TRANSACTIONS_AT_ONCE, send);
  }
  await sending;
  client.destroy();
}

async function writeAccount(
  { ledger, usage }: { readonly ledger: LedgerStore; readonly usage: UsageStore },
  share: AccountShare,
  day: Day,
  entry: ChartEntry,
  cards: readonly RateCard[],
): Promise<void> {
  let debits = 0n;
  for (let index = 0; index < share.pairs; index += 1) {
    const event = eventOf(share, index, day);
    await recordEvidence(usage, event, entry, event.occurredAt);
    debits += await charge(ledger, event, entry, cards);
  }
  const { asset, balance } = entry;
  if (balance === 'derived') return;
  const figures = { credits: 0n, debits, held: 0n, available: CREDIT_LIMIT - debits };
  const terms = { asset, balance, openedOn: day, creditLimit: CREDIT_LIMIT, figures };
  const account = { id: share.account, status: 'open' as const, createdAt: `${day}T00:00:00.000Z`, ...terms };
  await openAccount(ledger, account, {});
}

function eventOf({ account, pairs }: AccountShare, index: number, day: Day): UsageEvent {
  return {
    requestId: `${account.replaceAll(':', '-')}-${index.toString().padStart(7, '0')}`,
    account,
    operation: 'completion',
    // Primes, so that nearly every event is another, as with real prompts.
    quantities: { input_tokens: BigInt((index * 7919) % 8000), output_tokens: BigInt((index * 104_729) % 900) },
    occurredAt: addMilliseconds(`${day}T00:00:00.000Z`, Math.floor((index / pairs) * DAY_MS)),
    source: 'gateway-log',
  };
}

/** @returns the amount */
async function charge(
  store: LedgerStore,
  { requestId, account, operation, quantities, occurredAt }: UsageEvent,
  entry: ChartEntry,
  cards: readonly RateCard[],
): Promise<bigint> {
  const rating = rate(cards, entry.rateCard, { account, operation, quantities, at: occurredAt });
  if (rating.kind === 'unpriced') throw new Error(`The books cannot be filled: ${rating.rule}.`);
  const { card, amount } = rating;
  const what = { kind: 'charge' as const, asset: card.asset, amount, requestId, operation, quantities };
  const transfer = {
    ...what,
    id: requestId,
    debit: account,
    credit: card.revenueAccount,
    effectiveAt: occurredAt,
    recordedAt: occurredAt,
    rateCard: `${card.name}@${card.effectiveFrom}`,
  };
  await postTransfer(store, { transfer, claims: {}, debitEntry: entry, creditEntry: entryOf(card.revenueAccount) });
  return amount;
}

function entryOf(account: string): ChartEntry {
  const entry = chartEntryOf(chart, account);
  if (entry === undefined) throw new Error(`The chart of accounts does not know ${account}.`);
  return entry;
}

function actionsOf({ operation, input }: Write): TransactWriteItem[] {
  return operation === 'PutItem' ? [{ Put: input }] : (input.TransactItems ?? []);
}
