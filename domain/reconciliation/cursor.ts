import type { Pages } from './rows.ts';

/** A place in a book that is read page by page. Reading on is synchronous until the page is used up. */
export interface Cursor<Row> {
  page: readonly Row[];
  /** The next row of the page. */
  index: number;
  /** No page comes after this one. */
  last: boolean;
  readonly pages: AsyncIterator<readonly Row[]>;
}

/** Opens a book at its first row. */
export async function openCursor<Row>(book: Pages<Row>): Promise<Cursor<Row>> {
  const cursor: Cursor<Row> = { page: [], index: 0, last: false, pages: book[Symbol.asyncIterator]() };
  await refill(cursor);
  return cursor;
}

export function hasRow(cursor: Cursor<unknown>): boolean {
  return cursor.index < cursor.page.length;
}

/** Takes the next page that has rows behind what is left of this one; without any, this one is the last. */
export async function refill<Row>(cursor: Cursor<Row>): Promise<void> {
  const rest = cursor.page.slice(cursor.index);
  let next = await cursor.pages.next();
  while (next.done !== true && next.value.length === 0) next = await cursor.pages.next();
  if (next.done === true) {
    cursor.last = true;
    return;
  }
  cursor.page = rest.length === 0 ? next.value : rest.concat(next.value);
  cursor.index = 0;
}
