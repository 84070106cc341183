import type { ApprovalPolicy } from '../domain/approvals.ts';

/** What takes a second person, and for how long it can be asked. Change it here and deploy. */
export const approvalPolicy: ApprovalPolicy = {
  // Three days: whoever is asked on a Friday can answer on Monday.
  lifetimeHours: 72,
  // What one person may move alone with one action, in minor units. Assets that are not named always take two.
  thresholds: {
    TOKEN: 1_000n,
    'USD/2': 100_00n,
  },
};
