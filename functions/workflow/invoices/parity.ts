import { type InvoiceLine, inLineOrder, isForeignLine } from '../../../domain/invoices/lines.ts';
import { createRepricing, type Repriced } from '../../../domain/invoices/parity.ts';
import { policyLines } from '../../../domain/invoices/policy.ts';
import { type RateCard, versionName } from '../../../domain/rating.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { type Month, periodOfMonth } from '../../../domain/time.ts';
import { getItems } from '../../../store/batch-get.ts';
import { getInvoice, readLines } from '../../../store/invoices.ts';
import { transferFromItem } from '../../../store/ledger.ts';
import { type AccountDays, eachTransfer } from '../../../store/statements.ts';
import { transferKey } from '../../../store/tables.ts';
import { closeParity } from './close-parity.ts';
import { familiesOfBucket, withUnits } from './families.ts';
import type { BillingDeps, BillingJob, BillingSlice, RunOf } from './job.ts';
import { type BilledFamily, daysToInvoice, entryOf } from './ledger-lines.ts';
import { assertInvoiceable } from './named-accounts.ts';
import { compareFileSlice, planFile } from './parity-file.ts';
import { type ParityRow, parityRow } from './parity-rows.ts';
import { accountFilter, bucketSlices, SLICES_AT_ONCE } from './slices.ts';

/** Customers of a slice compared side by side: hides the network's latency. */
const FAMILIES_AT_ONCE = 8;

/** Says of every line of a month what it would have been by another version of its rate card, or is in a file. Changes nothing. */
export const parityJob: BillingJob<'parity', ParityRow> = {
  passes: ['compare'],
  concurrency: SLICES_AT_ONCE,
  plan: planParity,
  work: (deps, run, slice) =>
    run.spec.sha256 === undefined ? compareBuckets(deps, run, slice.buckets) : compareFileSlice(deps, run.spec, slice),
  close: closeParity,
};

/** The version that a run names is not published. */
export class UnknownRateCardError extends Error {
  override name = 'UnknownRateCardError';
}

/** @throws UnknownRateCardError, NothingToInvoiceError, LinesFileError before anything is compared */
async function planParity(deps: BillingDeps, { id, spec }: RunOf<'parity'>): Promise<readonly BillingSlice[]> {
  if (spec.sha256 !== undefined) return planFile(deps, { id, sha256: spec.sha256, ...spec });
  await cardOf(deps, spec.rateCard);
  if (spec.accounts !== undefined) await assertInvoiceable(deps, spec.month, spec.accounts);
  return bucketSlices(spec.accounts);
}

async function cardOf({ readRateCards }: BillingDeps, named: string | undefined): Promise<RateCard> {
  const cards = await readRateCards();
  const card = cards.find((each) => versionName(each) === named);
  if (card !== undefined) return card;
  const known = cards.map(versionName).sort().join(', ');
  throw new UnknownRateCardError(
    `There is no version "${named}" of a rate card; published are ${known || 'none'}. Publish it, or name one of these.`,
  );
}

async function* compareBuckets(
  deps: BillingDeps,
  { spec }: RunOf<'parity'>,
  buckets: readonly string[],
): AsyncGenerator<ParityRow> {
  const card = await cardOf(deps, spec.rateCard);
  const isWanted = accountFilter(spec.accounts);
  for (const bucket of buckets) {
    const families = await familiesOfBucket(deps, bucket, isWanted);
    const rows = inOrder(families, FAMILIES_AT_ONCE, async (family) =>
      compareFamily(deps, card, spec.month, await withUnits(deps.ledger, family)),
    );
    for await (const row of rows) if (row !== undefined) yield row;
  }
}

/**
 * Both sides come from one reading of the ledger, with what was imported and what configuration adds: nothing but prices
 * can differ.
 * @returns undefined where nothing of the customer is charged by the card.
 */
async function compareFamily(
  deps: BillingDeps,
  card: RateCard,
  month: Month,
  family: BilledFamily,
): Promise<ParityRow | undefined> {
  const { account, asset } = family;
  const isOfCard = family.units.some((unit) => entryOf(deps.chart, unit.account.id).rateCard === card.name);
  if (!isOfCard) return undefined;
  const { billed, other, unpriced } = await reprice(deps, card, month, family);
  if (billed.length === 0) return undefined;
  const name = { month, account, sequence: 0 };
  const invoice = await getInvoice(deps.invoices, name);
  const foreign = invoice === undefined ? [] : (await readLines(deps.invoices, invoice)).filter(isForeignLine);
  const all = (lines: readonly InvoiceLine[]) => {
    const own = [...lines, ...foreign];
    return inLineOrder([...own, ...policyLines(deps.policy, account, asset, own)]);
  };
  return parityRow(name, asset, all(billed), all(other), unpriced);
}

async function reprice(deps: BillingDeps, card: RateCard, month: Month, { units }: BilledFamily): Promise<Repriced> {
  const period = periodOfMonth(month);
  const repricing = createRepricing(card, period);
  const reads = units.map((history): AccountDays => {
    const { id } = history.account;
    return { account: id, entry: entryOf(deps.chart, id), days: daysToInvoice(history, period) };
  });
  const ofCard = new Set(
    reads.map(({ account }) => account).filter((id) => entryOf(deps.chart, id).rateCard === card.name),
  );
  await eachTransfer(deps.ledger, reads, ({ transfer, side }, account) => {
    repricing.add(transfer, side, account, ofCard.has(account));
  });
  const originals = await getItems(deps.ledger, repricing.corrected().map(transferKey));
  for (const item of originals.values()) repricing.correct(transferFromItem(item));
  return repricing.result();
}
