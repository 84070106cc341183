import type { BillingKind } from '../../../store/billing-runs.ts';
import { generateJob, regenerateJob } from './build.ts';
import { exportJob } from './export.ts';
import { finalizeJob } from './finalize.ts';
import { importJob } from './import-lines.ts';
import type { BillingJob, Row } from './job.ts';
import { noticesJob } from './notices.ts';
import { parityJob } from './parity.ts';
import { reviewJob } from './review.ts';
import { rollbackJob } from './rollback-lines.ts';

/** What each kind of run does. A run and its kind always come together, which the types of single jobs hold. */
const jobs: Readonly<Partial<Record<BillingKind, unknown>>> = {
  generate: generateJob,
  regenerate: regenerateJob,
  review: reviewJob,
  finalize: finalizeJob,
  parity: parityJob,
  import: importJob,
  rollback: rollbackJob,
  export: exportJob,
  notices: noticesJob,
};

/** A run asks for something that this version does not do. */
export class UnknownBillingKindError extends Error {
  override name = 'UnknownBillingKindError';
}

/** The job of a kind; its parameters are whatever the run's record says. @throws UnknownBillingKindError */
export function jobOf(kind: BillingKind): BillingJob<BillingKind, Row> {
  const job = jobs[kind];
  if (job === undefined) throw new UnknownBillingKindError(`There is no billing run of the kind "${kind}".`);
  return job as BillingJob<BillingKind, Row>;
}
