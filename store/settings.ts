import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { RateCard } from '../domain/rating.ts';
import type { Instant } from '../domain/time.ts';
import { type Item, integer, MalformedItemError, optionalText, text, toItem, type ValueMap } from './items.ts';
import { retryTransient } from './retry.ts';
import { CONTROL_PREFIX, RATE_CARD_PREFIX, rateCardSortKey, SETTINGS_PARTITION } from './tables.ts';

/** Settings are few and read whole: rate cards in all their versions, and control flags. */
export interface SettingsStore {
  readonly client: DynamoDBClient;
  readonly operationsTable: string;
}

/** Whether new transfers are held back, and why. */
export interface LedgerControl {
  readonly paused: boolean;
  readonly reason: string;
  readonly changedAt?: Instant;
  readonly changedBy?: string;
}

export interface Settings {
  readonly rateCards: readonly RateCard[];
  readonly ledgerControl: LedgerControl;
}

const LEDGER_CONTROL = `${CONTROL_PREFIX}ledger`;

export async function readSettings(store: SettingsStore): Promise<Settings> {
  const rateCards: RateCard[] = [];
  let ledgerControl: LedgerControl = { paused: false, reason: '' };
  let next: Item | undefined;
  do {
    const page = await retryTransient(() =>
      store.client.send(
        new QueryCommand({
          TableName: store.operationsTable,
          KeyConditionExpression: 'pk = :settings',
          ExpressionAttributeValues: toItem({ ':settings': SETTINGS_PARTITION }),
          ExclusiveStartKey: next,
          // A price published or a pause set a moment ago must be seen.
          ConsistentRead: true,
        }),
      ),
    );
    for (const item of page.Items ?? []) {
      const key = text(item, 'sk');
      if (key.startsWith(RATE_CARD_PREFIX)) rateCards.push(rateCardFromItem(item));
      else if (key === LEDGER_CONTROL) ledgerControl = controlFromItem(item);
    }
    next = page.LastEvaluatedKey;
  } while (next !== undefined);
  return { rateCards, ledgerControl };
}

export type PublishResult =
  | { readonly kind: 'created' }
  | { readonly kind: 'replayed' }
  | { readonly kind: 'conflict'; readonly field: string };

/** Publishes a version of a rate card once; a published version never changes. */
export async function publishRateCard(store: SettingsStore, card: RateCard, now: Instant): Promise<PublishResult> {
  const command = new PutItemCommand({
    TableName: store.operationsTable,
    Item: toItem({
      pk: SETTINGS_PARTITION,
      sk: rateCardSortKey(card.name, card.effectiveFrom),
      ...card,
      operations: operationsValue(card),
      publishedAt: now,
    }),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await retryTransient(() => store.client.send(command));
    return { kind: 'created' };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined) throw error;
    const field = firstDifference(rateCardFromItem(error.Item), card);
    return field === undefined ? { kind: 'replayed' } : { kind: 'conflict', field };
  }
}

/** Sets the ledger's control flag; the last word counts. */
export async function putLedgerControl(store: SettingsStore, control: LedgerControl): Promise<void> {
  const command = new PutItemCommand({
    TableName: store.operationsTable,
    Item: toItem({ pk: SETTINGS_PARTITION, sk: LEDGER_CONTROL, ...control }),
  });
  await retryTransient(() => store.client.send(command));
}

function firstDifference(published: RateCard, card: RateCard): string | undefined {
  if (published.asset !== card.asset) return 'asset';
  if (published.revenueAccount !== card.revenueAccount) return 'revenueAccount';
  const [ours, theirs] = [published.operations, card.operations];
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort();
  const ruleOf = (rules: RateCard['operations'], key: string) => (Object.hasOwn(rules, key) ? rules[key] : undefined);
  const name = names.find((key) => canonical(ruleOf(ours, key)) !== canonical(ruleOf(theirs, key)));
  return name === undefined ? undefined : `operations.${name}`;
}

function canonical(rule: RateCard['operations'][string] | undefined): string {
  if (rule === undefined) return '';
  const prices = Object.keys(rule.prices)
    .sort()
    .map((name) => [name, `${rule.prices[name]?.amount}/${rule.prices[name]?.per}`]);
  return JSON.stringify([prices, rule.minimum.toString(), rule.rounding]);
}

function operationsValue(card: RateCard): ValueMap {
  return Object.fromEntries(
    Object.entries(card.operations).map(([name, rule]) => [
      name,
      {
        prices: Object.fromEntries(
          Object.entries(rule.prices).map(([dimension, { amount, per }]) => [dimension, { amount, per }]),
        ),
        minimum: rule.minimum,
        rounding: rule.rounding,
      },
    ]),
  );
}

function rateCardFromItem(item: Item): RateCard {
  const operations = Object.entries(mapOf(item, 'operations')).map(([name, attribute]) => {
    const rule = attribute.M ?? {};
    const prices = Object.entries(mapOf(rule, 'prices')).map(([dimension, price]) => [
      dimension,
      { amount: integer(price.M ?? {}, 'amount'), per: integer(price.M ?? {}, 'per') },
    ]);
    return [
      name,
      { prices: Object.fromEntries(prices), minimum: integer(rule, 'minimum'), rounding: text(rule, 'rounding') },
    ];
  });
  return {
    name: text(item, 'name'),
    effectiveFrom: text(item, 'effectiveFrom'),
    asset: text(item, 'asset'),
    revenueAccount: text(item, 'revenueAccount'),
    operations: Object.fromEntries(operations),
  };
}

function controlFromItem(item: Item): LedgerControl {
  const changedAt = optionalText(item, 'changedAt');
  const changedBy = optionalText(item, 'changedBy');
  return {
    paused: item.paused?.BOOL === true,
    reason: text(item, 'reason'),
    ...(changedAt !== undefined && { changedAt }),
    ...(changedBy !== undefined && { changedBy }),
  };
}

function mapOf(item: Item, name: string): Item {
  const map = item[name]?.M;
  if (map === undefined) throw new MalformedItemError(`The item has no map in "${name}".`);
  return map;
}
