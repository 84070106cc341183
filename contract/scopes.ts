/** What an API key may do. A key carries any number of these. */
export const scopes = [
  'usage:write',
  'ledger:write',
  'ledger:read',
  'operations',
  'approve',
  'billing',
  'admin',
] as const;

export type Scope = (typeof scopes)[number];
