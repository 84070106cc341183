import type { Chart } from '../../domain/chart.ts';
import type { Instant } from '../../domain/time.ts';
import type { LedgerStore } from '../../store/posting.ts';
import type { SettingsCache } from '../runtime/settings.ts';

/** What the operations of the ledger stand on. */
export interface LedgerDeps {
  readonly store: LedgerStore;
  readonly settings: SettingsCache;
  readonly chart: Chart;
  readonly now: () => Instant;
}
