import { billedAccountOf } from '../../../domain/invoices/invoice.ts';
import { BUCKETS, bucketName, bucketOf } from '../../../store/tables.ts';
import type { BillingSlice } from './job.ts';

const ALL_BUCKETS = Array.from({ length: BUCKETS }, (_, index) => bucketName(index));

/** Slices under way at once: they read as fast as they can, and charges must go on. */
export const SLICES_AT_ONCE = 8;

/** Four of 64 buckets make 16 slices: enough to work side by side, few enough that each one's files cost little. */
const BUCKETS_OF_SLICE = 4;

/** Slices of the buckets that the accounts stand in, or of all buckets, in their order. */
export function bucketSlices(accounts?: readonly string[]): BillingSlice[] {
  const buckets = bucketsOf(accounts);
  return Array.from({ length: Math.ceil(buckets.length / BUCKETS_OF_SLICE) }, (_, index) => {
    const own = buckets.slice(index * BUCKETS_OF_SLICE, (index + 1) * BUCKETS_OF_SLICE);
    return { id: own[0] ?? '', buckets: own };
  });
}

/** All buckets in one slice, for what must be done in one order. */
export function oneSlice(accounts?: readonly string[]): BillingSlice[] {
  return [{ id: 'all', buckets: bucketsOf(accounts) }];
}

function bucketsOf(accounts: readonly string[] | undefined): string[] {
  return accounts === undefined ? ALL_BUCKETS : [...new Set(accounts.map(bucketOf))].sort();
}

/** Says of a billed account whether a run comes to it. */
export function accountFilter(accounts: readonly string[] | undefined): (account: string) => boolean {
  const wanted = accounts && new Set(accounts.map(billedAccountOf));
  return (account) => wanted === undefined || wanted.has(account);
}
