import { AwsError } from '../resources.ts';

const DEFAULT_PAGE_SIZE = 100;
/** The most that the Step Functions API gives at once. */
const MAX_PAGE_SIZE = 1_000;

/**
 * One page of a list. The token holds the number of the page's last entry, so that a list that grows at its beginning
 * or its end between two pages neither repeats nor loses any.
 *
 * @param entries in the order in which they are listed
 * @param numberOf an entry's own number, rising or falling along the list
 */
export function pageOf<T>(
  entries: readonly T[],
  numberOf: (entry: T) => number,
  { maxResults, nextToken }: { readonly maxResults?: unknown; readonly nextToken?: unknown },
): { readonly page: readonly T[]; readonly nextToken?: string } {
  const start = nextToken === undefined ? 0 : startAfter(entries, numberOf, nextToken);
  const size =
    typeof maxResults === 'number' && maxResults > 0 ? Math.min(maxResults, MAX_PAGE_SIZE) : DEFAULT_PAGE_SIZE;
  const page = entries.slice(start, start + size);
  const last = page.at(-1);
  const more = last !== undefined && start + size < entries.length;
  return more ? { page, nextToken: Buffer.from(String(numberOf(last))).toString('base64url') } : { page };
}

function startAfter<T>(entries: readonly T[], numberOf: (entry: T) => number, token: unknown): number {
  const number = typeof token === 'string' ? Number(Buffer.from(token, 'base64url').toString()) : Number.NaN;
  const index = entries.findIndex((entry) => numberOf(entry) === number);
  if (index === -1) throw new AwsError('InvalidToken', `Invalid Token: '${String(token)}'`);
  return index + 1;
}
