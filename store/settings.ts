import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { type AuditEntry, canonical } from '../domain/audit.ts';
import type { RateCard } from '../domain/rating.ts';
import type { Instant } from '../domain/time.ts';
import { appendWith, itemThatRefused, sha256 } from './audit.ts';
import { type Item, MalformedItemError, optionalText, text, toItem, type Value } from './items.ts';
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

/** Publishes a version of a rate card once; a published version never changes. Audited, with a digest of its prices. */
export async function publishRateCard(
  store: SettingsStore,
  card: RateCard,
  now: Instant,
  by: string,
): Promise<PublishResult> {
  const value = rateCardValue(card);
  const entry: AuditEntry = {
    at: now,
    actor: by,
    action: 'rate-card.published',
    target: `rate-card:${card.name}`,
    details: { effectiveFrom: card.effectiveFrom, asset: card.asset, content: sha256(contentOf(value)) },
  };
  const put = {
    TableName: store.operationsTable,
    Item: toItem({
      pk: SETTINGS_PARTITION,
      sk: rateCardSortKey(card.name, card.effectiveFrom),
      ...value,
      publishedAt: now,
      publishedBy: by,
    }),
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const result = await appendWith(store, entry, [{ Put: put }]);
  if (result.kind === 'appended') return { kind: 'created' };
  const published = itemThatRefused(result);
  if (published === undefined)
    throw new MalformedItemError(`The rate card "${card.name}" was refused without an item.`);
  const field = firstDifference(rateCardFromItem(published), card);
  return field === undefined ? { kind: 'replayed' } : { kind: 'conflict', field };
}

/** The prices as text, the same for the same content whatever order its parts came in. */
function contentOf(value: Value): string {
  if (typeof value === 'bigint') return canonical(value.toString());
  if (typeof value === 'string' || typeof value === 'boolean') return canonical(value);
  if (isList(value)) return `[${value.map(contentOf).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${canonical(name)}:${contentOf(member ?? '')}`);
  return `{${members.join(',')}}`;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** A control flag with when it was set and by which key. */
export type LedgerControlChange = LedgerControl & Required<Pick<LedgerControl, 'changedAt' | 'changedBy'>>;

/** Sets the ledger's control flag; the last word counts. Audited. */
export async function putLedgerControl(store: SettingsStore, control: LedgerControlChange): Promise<void> {
  const { paused, reason, changedAt: at, changedBy: actor } = control;
  const action = paused ? 'ledger.paused' : 'ledger.resumed';
  await appendWith(store, { at, actor, action, target: 'ledger', details: { reason } }, [
    {
      Put: {
        TableName: store.operationsTable,
        Item: toItem({ pk: SETTINGS_PARTITION, sk: LEDGER_CONTROL, ...control }),
      },
    },
  ]);
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
