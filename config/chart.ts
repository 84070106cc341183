import type { Chart } from '../domain/chart.ts';

/**
 * The chart of accounts: edit this for your business. The first pattern that fits an id holds. Never change the asset,
 * the kind of balance or the shards of a pattern that has living accounts: what is stored was stored by the old ones.
 * For the same reason a new pattern for ids that already have evidence starts with one shard.
 */
export const chart: Chart = [
  // Prepaid customers: a strict balance that cannot be overspent.
  { pattern: 'customer:*', asset: 'TOKEN', balance: 'strict', party: 'customer', shards: 1, rateCard: 'standard' },
  // Postpaid customers, in millionths of a dollar: no balance item, so no limit but the partitions' own.
  { pattern: 'postpaid:*', asset: 'USD/6', balance: 'derived', party: 'customer', shards: 4, rateCard: 'postpaid' },
  { pattern: 'merchant:*', asset: 'USD/2', balance: 'derived', party: 'customer', shards: 1 },
  // The company's own side of every transfer.
  { pattern: 'platform:usage:**', asset: 'USD/6', balance: 'derived', party: 'platform', shards: 8 },
  { pattern: 'platform:cash:**', asset: 'USD/2', balance: 'derived', party: 'platform', shards: 8 },
  { pattern: 'platform:**', asset: 'TOKEN', balance: 'derived', party: 'platform', shards: 8 },
];
