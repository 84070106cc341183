import type { BillingPolicy } from '../domain/invoices/policy.ts';

/** What stands on invoices beside what the ledger says. Change it here and deploy. */
export const billingPolicy: BillingPolicy = {
  seller: { name: 'Reckoner', address: ['1 Ledger Lane', 'Bookham'], contact: 'billing@reckoner.example' },
  // For example: { description: 'Platform fee', asset: 'USD/6', amount: 49_000_000n }
  fees: [],
  // For example: { description: 'VAT 19 %', asset: 'USD/6', rate: { of: 19n, per: 100n }, on: ['usage', 'correction', 'fee'], rounding: 'half-up' }
  taxes: [],
  series: { invoice: 'INV', creditNote: 'CN', debitAdjustment: 'DA' },
  goodwillPercent: 50n,
};
