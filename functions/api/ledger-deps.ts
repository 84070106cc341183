import type { Chart } from '../../domain/chart.ts';
import type { Instant } from '../../domain/time.ts';
import type { AuditStore } from '../../store/audit.ts';
import type { LedgerStore } from '../../store/posting.ts';
import type { SettingsCache } from '../runtime/settings.ts';

/** What posting stands on. */
export type PostingDeps = Omit<LedgerDeps, 'audit'>;

/** What the operations of the ledger stand on. */
export interface LedgerDeps {
  readonly store: LedgerStore;
  /** Records who changed an account. */
  readonly audit: AuditStore;
  readonly settings: SettingsCache;
  readonly chart: Chart;
  readonly now: () => Instant;
}
