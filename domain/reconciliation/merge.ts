import { hasRow, openCursor, refill } from './cursor.ts';
import type { Pages } from './rows.ts';

/**
 * Merges books that are each in order of their keys into one that is: the shards of a day, or the two sides of an
 * account. Of equal keys, the row of the earlier book comes first, wherever pages end.
 */
export function mergePages<Row extends { readonly key: string }>(books: readonly Pages<Row>[]): Pages<Row> {
  const [first, second] = books;
  if (first === undefined) return emptyBook();
  if (second === undefined) return first;
  const middle = Math.ceil(books.length / 2);
  return mergeTwo(mergePages(books.slice(0, middle)), mergePages(books.slice(middle)));
}

async function* mergeTwo<Row extends { readonly key: string }>(
  left: Pages<Row>,
  right: Pages<Row>,
): AsyncGenerator<readonly Row[]> {
  const [a, b] = await Promise.all([openCursor(left), openCursor(right)]);
  while (hasRow(a) && hasRow(b)) {
    const merged: Row[] = [];
    let [i, j] = [a.index, b.index];
    for (let x = a.page[i], y = b.page[j]; x !== undefined && y !== undefined; ) {
      if (x.key <= y.key) {
        merged.push(x);
        x = a.page[++i];
      } else {
        merged.push(y);
        y = b.page[++j];
      }
    }
    a.index = i;
    b.index = j;
    yield merged;
    if (!hasRow(a)) await refill(a);
    if (!hasRow(b)) await refill(b);
  }
  for (const rest of [a, b]) {
    for (; hasRow(rest); await refill(rest)) {
      yield rest.index === 0 ? rest.page : rest.page.slice(rest.index);
      rest.index = rest.page.length;
    }
  }
}

async function* emptyBook(): AsyncGenerator<never> {}
