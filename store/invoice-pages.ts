import { canonicalJson } from '../domain/canonical-json.ts';
import { fileNameOf, type Invoice } from '../domain/invoices/invoice.ts';
import { type Artifacts, getMetadata, invoicesKey, linkTo, putText, type Written } from './artifacts.ts';
import { sha256 } from './audit.ts';

/**
 * Pages of invoices, as the last export wrote them. Each notes how the invoice stood, so that nobody is given the page
 * of an invoice that says something else by now.
 */

/** The name of an invoice's page in the month's folder. */
export function pageName({ id }: Pick<Invoice, 'id'>): string {
  return `pages/${fileNameOf(id)}.html`;
}

/** Writes the page of an invoice as it stands. */
export function putPage(artifacts: Artifacts, invoice: Invoice, page: string): Promise<Written> {
  const key = invoicesKey(invoice.month, pageName(invoice));
  return putText(artifacts, key, 'text/html; charset=utf-8', page, { standing: standingOf(invoice) });
}

/** A link to the page of an invoice; undefined where none was written since the invoice stands as it does. */
export async function linkToPage(artifacts: Artifacts, invoice: Invoice): Promise<string | undefined> {
  const key = invoicesKey(invoice.month, pageName(invoice));
  const noted = await getMetadata(artifacts, key);
  return noted?.standing === standingOf(invoice) ? linkTo(artifacts, key) : undefined;
}

/** A digest of everything that a page shows. */
function standingOf({ digest, version, status, number = '', faults }: Invoice): string {
  return sha256(canonicalJson({ digest, version: version.toString(), status, number, faults: JSON.stringify(faults) }));
}
