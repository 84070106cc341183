import type { Chart } from '../domain/chart.ts';

/**
 * The chart of accounts: edit this for your business. The first pattern that fits an id holds. Never change the asset
 * or the kind of balance of a pattern that has living accounts: what is stored was stored by the old ones.
 *
 * Shards of living accounts are raised by a day to come (UTC), `{ first: 1, later: [{ from: '2026-12-01', shards: 4 }] }`:
 * tomorrow or later, and deployed an hour before that day begins, because functions that run by the old chart may write
 * for a quarter of an hour more. Never change what holds for a day that has begun: what is stored for it lies where the
 * count of that day put it. For the same reason a new pattern for ids that already have evidence starts with one shard.
 */
export const chart: Chart = [
  // Prepaid customers: a strict balance that cannot be overspent. What a call costs beyond its hold is charged if it is there.
  {
    pattern: 'customer:*',
    asset: 'TOKEN',
    balance: 'strict',
    party: 'customer',
    shards: 1,
    rateCard: 'standard',
    overCapture: 'charge',
    breakage: 'platform:breakage',
  },
  // What is below a customer, such as customer:acme:team-1: accounts like any other, listed and summed with it.
  {
    pattern: 'customer:*:**',
    asset: 'TOKEN',
    balance: 'strict',
    party: 'customer',
    shards: 1,
    rateCard: 'standard',
    overCapture: 'charge',
    breakage: 'platform:breakage',
  },
  // Postpaid customers, in millionths of a dollar: no balance item, so no limit but the partitions' own.
  { pattern: 'postpaid:*', asset: 'USD/6', balance: 'derived', party: 'customer', shards: 4, rateCard: 'postpaid' },
  { pattern: 'merchant:*', asset: 'USD/2', balance: 'derived', party: 'customer', shards: 1 },
  // The company's own side of every transfer.
  { pattern: 'platform:usage:**', asset: 'USD/6', balance: 'derived', party: 'platform', shards: 8 },
  { pattern: 'platform:cash:**', asset: 'USD/2', balance: 'derived', party: 'platform', shards: 8 },
  { pattern: 'platform:**', asset: 'TOKEN', balance: 'derived', party: 'platform', shards: 8 },
];
