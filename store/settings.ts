import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import type { RateCard } from '../domain/rating.ts';
import type { Instant } from '../domain/time.ts';
import { type Item, optionalText, text, toItem } from './items.ts';
import { firstDifference, rateCardFromItem, rateCardValue } from './rate-card-items.ts';
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
      ...rateCardValue(card),
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
