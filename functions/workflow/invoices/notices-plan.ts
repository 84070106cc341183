import { type InvoiceName, parseInvoiceId } from '../../../domain/invoices/invoice.ts';
import { type NoticeFigures, type NoticeKind, noticeOf, percentText } from '../../../domain/invoices/notice.ts';
import { fillTemplate, type NoticeTemplates, templateFaults } from '../../../domain/invoices/notice-template.ts';
import { formatAmount } from '../../../domain/money.ts';
import { inOrder } from '../../../domain/reconciliation/in-order.ts';
import { addDays, type Month, periodOfMonth } from '../../../domain/time.ts';
import { billingRunKey, putText, readLines } from '../../../store/artifacts.ts';
import { getBillingRun } from '../../../store/billing-runs.ts';
import { correctionsOf, getInvoice } from '../../../store/invoices.ts';
import { NDJSON_TYPE } from '../reconciliation/parts.ts';
import type { BuildRow } from './build-rows.ts';
import type { BillingDeps, BillingSlice, RunOf } from './job.ts';

/** A customer who is to be told something, and what. Amounts are decimal strings of minor units. */
export interface Candidate {
  readonly account: string;
  readonly invoice: string;
  readonly month: Month;
  readonly kind: NoticeKind;
  readonly asset: string;
  readonly charged: string;
  readonly correct: string;
  readonly difference: string;
  readonly absorbedPercent: string;
  readonly absorbed: string;
  readonly finalAmount: string;
  /** Of the invoice as the figures are of it. */
  readonly digest: string;
  readonly isBlocked: boolean;
  /** The notice, filled in. */
  readonly text: string;
}

/** Customers of a slice: what a worker tells well within its time. */
const CUSTOMERS_OF_SLICE = 500;

/** Invoices looked up side by side: hides the network's latency. */
const LOOKED_UP_AT_ONCE = 16;

/** Templates that cannot be filled in; each fault is named. */
export class NoticeTemplateError extends Error {
  override name = 'NoticeTemplateError';
}

/** The run whose changes are to be told is none that changed anything. */
export class NotARegenerationError extends Error {
  override name = 'NotARegenerationError';
}

/**
 * Finds out whom to tell what, before anybody is told anything: the templates are checked, and every notice is filled in.
 * @throws NoticeTemplateError naming each placeholder that is unknown or missing.
 */
export async function planNotices(deps: BillingDeps, run: RunOf<'notices'>): Promise<BillingSlice[]> {
  const templates = deps.readNoticeTemplates();
  const faults = (Object.keys(templates) as NoticeKind[]).flatMap((kind) => templateFaults(kind, templates[kind]));
  if (faults.length > 0) throw new NoticeTemplateError(faults.join(' '));
  const { of } = run.spec;
  const changed = await getBillingRun(deps.runs, of);
  if (changed?.spec.kind !== 'regenerate' || changed.status !== 'succeeded') {
    throw new NotARegenerationError(
      `The run "${of}" is no regeneration that is complete: there is nothing to tell of.`,
    );
  }
  const slices: BillingSlice[] = [];
  let part: string[] = [];
  const write = async () => {
    const id = slices.length.toString().padStart(4, '0');
    const key = billingRunKey(run.id, `parts/customers-${id}.ndjson`);
    await putText(deps.artifacts, key, NDJSON_TYPE, part.join(''));
    slices.push({ id, buckets: [], key });
    part = [];
  };
  for await (const candidate of candidatesOf(deps, run, templates)) {
    part.push(`${JSON.stringify(candidate)}\n`);
    if (part.length === CUSTOMERS_OF_SLICE) await write();
  }
  if (part.length > 0 || slices.length === 0) await write();
  return slices;
}

async function* candidatesOf(
  deps: BillingDeps,
  run: RunOf<'notices'>,
  templates: NoticeTemplates,
): AsyncGenerator<Candidate> {
  const goodwill = BigInt(run.spec.goodwillPercent ?? deps.policy.goodwillPercent);
  let group: Documented[] = [];
  const lookUp = async function* () {
    const found = inOrder(group, LOOKED_UP_AT_ONCE, (document) => candidateOf(deps, document, goodwill, templates));
    for await (const candidate of found) if (candidate !== undefined) yield candidate;
  };
  for await (const line of readLines(deps.artifacts, billingRunKey(run.spec.of, 'documents.ndjson'))) {
    group.push(JSON.parse(line) as Documented);
    if (group.length < LOOKED_UP_AT_ONCE) continue;
    yield* lookUp();
    group = [];
  }
  yield* lookUp();
}

/** A line of what the regeneration built. */
type Documented = Pick<BuildRow, 'invoice'> & NonNullable<BuildRow['built']>;

async function candidateOf(
  deps: BillingDeps,
  document: Documented,
  goodwill: bigint,
  templates: NoticeTemplates,
): Promise<Candidate | undefined> {
  const { invoice, account, asset, digest, blocked } = document;
  const name = parseInvoiceId(invoice);
  if (name === undefined) return undefined;
  const amounts = await amountsOf(deps, name, document);
  const figures = amounts && noticeOf(amounts.charged, amounts.correct, goodwill);
  if (figures === undefined) return undefined;
  const said = { account, invoice, month: name.month, asset, number: amounts?.number };
  return {
    ...{ account, invoice, month: name.month, kind: figures.kind, asset },
    charged: figures.charged.toString(),
    correct: figures.correct.toString(),
    difference: figures.difference.toString(),
    absorbedPercent: figures.kind === 'under-charged' ? goodwill.toString() : '0',
    absorbed: figures.absorbed.toString(),
    finalAmount: figures.finalAmount.toString(),
    ...{ digest, isBlocked: blocked.length > 0 },
    text: fill(deps, templates[figures.kind], figures, goodwill, said),
  };
}

interface Amounts {
  readonly charged: bigint;
  readonly correct: bigint;
  /** Of the invoice that was final. */
  readonly number?: string | undefined;
}

/**
 * What the customer was asked for, and is now. A correction is told by what was sent of the month before it; an invoice
 * that was only made by the run is no change to anybody.
 */
async function amountsOf(
  { invoices }: BillingDeps,
  name: InvoiceName,
  { kind, due, dueBefore, version }: Documented,
): Promise<Amounts | undefined> {
  if (kind === 'invoice') {
    return version === 1 ? undefined : { charged: BigInt(dueBefore), correct: BigInt(due) };
  }
  const original = await getInvoice(invoices, { ...name, sequence: 0 });
  if (original === undefined) return undefined;
  const before = (await correctionsOf(invoices, name)).filter(
    ({ id, status }) => status === 'final' && (parseInvoiceId(id)?.sequence ?? 0) < name.sequence,
  );
  const charged = before.reduce((sum, correction) => sum + correction.due, original.due);
  return { charged, correct: charged + BigInt(due), number: original.number };
}

function fill(
  { policy }: BillingDeps,
  template: string,
  figures: NoticeFigures,
  goodwill: bigint,
  said: Pick<Candidate, 'account' | 'invoice' | 'month' | 'asset'> & Pick<Amounts, 'number'>,
): string {
  const { account, invoice, month, asset, number = invoice } = said;
  const { start, end } = periodOfMonth(month);
  const { percentHundredths } = figures;
  const amount = (minorUnits: bigint) => formatAmount(minorUnits, asset);
  return fillTemplate(template, {
    ...{ account, invoice, number, month, periodStart: start, periodEnd: addDays(end, -1) },
    charged: amount(figures.charged),
    correct: amount(figures.correct),
    difference: amount(figures.difference),
    // Nothing is no part of nothing.
    percent: percentHundredths === undefined ? 'all of it' : `${percentText(percentHundredths)} %`,
    absorbedPercent: `${goodwill} %`,
    absorbed: amount(figures.absorbed),
    finalAmount: amount(figures.finalAmount),
    ...{ seller: policy.seller.name, contact: policy.seller.contact },
  }).text;
}
