import type * as z from 'zod';
import { INVOICES_LISTED } from '../../contract/limits.ts';
import type { invoice as invoiceSchema, invoiceSummary } from '../../contract/schemas/invoices.ts';
import type { AuditEntry } from '../../domain/audit.ts';
import { type Invoice, parseInvoiceId } from '../../domain/invoices/invoice.ts';
import { voided } from '../../domain/invoices/life.ts';
import { changeLine, diffLines, isDue } from '../../domain/invoices/lines.ts';
import { describeTieFault } from '../../domain/invoices/tie-out.ts';
import { inOrder } from '../../domain/reconciliation/in-order.ts';
import type { Instant } from '../../domain/time.ts';
import type { Artifacts } from '../../store/artifacts.ts';
import { appendWith } from '../../store/audit.ts';
import type { BillingRunsStore } from '../../store/billing-runs.ts';
import { linkToPage, pageName } from '../../store/invoice-pages.ts';
import * as invoices from '../../store/invoices.ts';
import { BUCKETS, bucketName } from '../../store/tables.ts';
import { type Answer, invalid, ok, problem } from '../runtime/answers.ts';
import type { ApiRequest, QueryOf } from '../runtime/pipeline.ts';
import { type Caller, maySee, printable } from '../runtime/requests.ts';

export interface InvoiceDeps {
  readonly runs: BillingRunsStore;
  readonly invoices: invoices.InvoicesStore;
  readonly artifacts: Artifacts;
  readonly now: () => Instant;
}

/** A page of a month's invoices, bucket by bucket. */
export async function listInvoices(
  deps: InvoiceDeps,
  { query }: Pick<ApiRequest<undefined, QueryOf<'listInvoices'>>, 'query'>,
): Promise<Answer> {
  const limit = query.limit ?? INVOICES_LISTED;
  const start = query.cursor === undefined ? { bucket: 0 } : readCursor(query.cursor);
  if (start === undefined) return invalid([{ field: 'cursor', rule: 'must be the `next` of the page before' }]);
  const buckets = Array.from({ length: BUCKETS - start.bucket }, (_, index) => start.bucket + index);
  const pages = inOrder(buckets, BUCKETS_AT_ONCE, async (bucket) => {
    const after = bucket === start.bucket ? start.after : undefined;
    return {
      bucket,
      page: await invoices.pageOfInvoices(deps.invoices, query.month, bucketName(bucket), { after, limit }),
    };
  });
  const listed: Invoice[] = [];
  let next: string | undefined;
  for await (const { bucket, page } of pages) {
    const room = limit - listed.length;
    const taken = page.invoices.slice(0, room);
    listed.push(...taken);
    const last = taken.at(-1);
    const isMore = page.invoices.length > room || page.next !== undefined;
    if (isMore) next = writeCursor({ bucket, after: last === undefined ? undefined : invoices.sortKeyOf(last) });
    else if (listed.length === limit && bucket + 1 < BUCKETS) next = writeCursor({ bucket: bucket + 1 });
    if (next !== undefined) break;
  }
  const wanted = listed.filter(({ status }) => query.status === undefined || status === query.status);
  return ok(200, { invoices: wanted.map(renderSummary), ...(next !== undefined && { next }) });
}

/** Buckets asked for side by side: hides the network's latency, and a page is mostly filled by the first of them. */
const BUCKETS_AT_ONCE = 8;

interface Cursor {
  readonly bucket: number;
  readonly after?: string | undefined;
}

function writeCursor({ bucket, after = '' }: Cursor): string {
  return Buffer.from(`${bucketName(bucket)}#${after}`).toString('base64url');
}

function readCursor(cursor: string): Cursor | undefined {
  const [, bucket = '', after = ''] =
    /^(\d{2})#([$-~]{0,140})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (bucket === '' || Number(bucket) >= BUCKETS) return undefined;
  return { bucket: Number(bucket), ...(after !== '' && { after }) };
}

export async function getInvoice(
  deps: InvoiceDeps,
  { params, caller }: Pick<ApiRequest<undefined>, 'params' | 'caller'>,
): Promise<Answer> {
  const found = await named(deps, caller, params.invoiceId);
  if (found === undefined) return unknown(params.invoiceId);
  const [lines, versions, corrections, page] = await Promise.all([
    invoices.readLines(deps.invoices, found),
    invoices.readVersions(deps.invoices, found.id),
    found.kind === 'invoice' ? invoices.correctionsOf(deps.invoices, found) : [],
    linkToPage(deps.artifacts, found),
  ]);
  const body: z.infer<typeof invoiceSchema> = {
    ...renderSummary(found),
    lines: lines.map((line) => ({
      ...line,
      quantity: line.quantity.toString(),
      amount: line.amount.toString(),
      due: isDue(line),
    })),
    versions: versions.map(({ version, digest, due, run, madeAt }) => {
      return { version, digest, due: due.toString(), madeBy: run, madeAt };
    }),
    corrections: corrections.map(({ id }) => id),
    ...(page !== undefined && { artifacts: { [pageName(found)]: page } }),
  };
  return ok(200, body);
}

/** Compares two versions; without more said, the last one with the one before it. */
export async function diffInvoice(
  deps: InvoiceDeps,
  { params, caller, query }: Pick<ApiRequest<undefined, QueryOf<'diffInvoice'>>, 'params' | 'caller' | 'query'>,
): Promise<Answer> {
  const found = await named(deps, caller, params.invoiceId);
  if (found === undefined) return unknown(params.invoiceId);
  const to = query.to ?? found.version;
  const from = query.from ?? to - 1;
  const versions = new Map((await invoices.readVersions(deps.invoices, found.id)).map((each) => [each.version, each]));
  const missing = (['from', 'to'] as const).find((name) => {
    const version = { from, to }[name];
    return version !== 0 && !versions.has(version);
  });
  if (missing !== undefined) {
    return invalid([{ field: missing, rule: `must be a version of the invoice, which has ${found.version}` }]);
  }
  const linesOf = async (version: number) => {
    const kept = versions.get(version);
    return kept === undefined ? [] : invoices.readLines(deps.invoices, { id: found.id, digest: kept.digest });
  };
  const [before, after] = await Promise.all([linesOf(from), linesOf(to)]);
  const changes = diffLines(before, after).map(changeLine);
  return ok(200, { id: found.id, asset: found.asset, from, to, changes });
}

/** In order: 404, 409 it is final, 200. Saying it again changes nothing. */
export async function voidInvoice(
  deps: InvoiceDeps,
  { params, caller }: Pick<ApiRequest<undefined>, 'params' | 'caller'>,
): Promise<Answer> {
  for (let attempt = 1; attempt <= VOID_ATTEMPTS_MAX; attempt += 1) {
    const found = await named(deps, caller, params.invoiceId);
    if (found === undefined) return unknown(params.invoiceId);
    const at = deps.now();
    const moved = voided(found, { run: `key:${caller.keyId}`, at });
    if (moved.kind === 'refused') {
      const detail = `"${found.id}" is final as ${found.number}. What is wrong with it goes into a credit note: regenerate its month.`;
      return problem('billing-state', detail);
    }
    if (moved.invoice === found) return ok(200, renderSummary(found));
    const entry: AuditEntry = {
      at,
      actor: caller.keyId,
      action: 'invoice.voided',
      target: `invoice:${found.id}`,
      details: { version: `${found.version}`, digest: found.digest },
    };
    const result = await appendWith(deps.runs, entry, [invoices.replaceInvoice(deps.invoices, found, moved.invoice)]);
    if (result.kind === 'appended') return ok(200, renderSummary(moved.invoice));
  }
  return problem('unavailable', 'Others change this invoice all the time. Try again in a moment.');
}

/** Attempts at a change that runs come between. */
const VOID_ATTEMPTS_MAX = 5;

async function named({ invoices: store }: InvoiceDeps, caller: Caller, id = ''): Promise<Invoice | undefined> {
  const name = id.length <= 200 ? parseInvoiceId(id) : undefined;
  if (name === undefined || !maySee(caller, name.account)) return undefined;
  return invoices.getInvoice(store, name);
}

function unknown(id = ''): Answer {
  return problem('not-found', `There is no invoice "${printable(id)}".`);
}

function renderSummary(invoice: Invoice): z.infer<typeof invoiceSummary> {
  const { id, kind, month, account, original, status, version, digest, asset, number, madeBy, madeAt } = invoice;
  const { faults, review, finalizedAt } = invoice;
  return {
    ...{ id, kind, month, account, status, version, digest, asset, madeBy, madeAt },
    ...(original !== undefined && { original }),
    opening: invoice.opening.toString(),
    closing: invoice.closing.toString(),
    due: invoice.due.toString(),
    ...(number !== undefined && { number }),
    blocked: faults.map((fault) => describeTieFault(fault, asset)),
    ...(review !== undefined && { review }),
    ...(finalizedAt !== undefined && { finalizedAt }),
  };
}
