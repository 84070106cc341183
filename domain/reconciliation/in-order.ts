/**
 * Starts something for each item, up to `atOnce` of them before the first is taken, and gives them in the order of the
 * items: waiting overlaps, and the outcome is the same every time.
 */
export function* startedAhead<Item, Started>(
  items: Iterable<Item>,
  atOnce: number,
  start: (item: Item) => Started,
): Generator<Started> {
  const started: Started[] = [];
  for (const item of items) {
    started.push(start(item));
    if (started.length >= atOnce) yield started.shift() as Started;
  }
  yield* started;
}

/** The results of asynchronous work in the order of the items, `atOnce` of them under way at a time. */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const results = startedAhead(items, atOnce, (item) => {
    const result = work(item);
    // A failure is met when its turn comes; until then it must not count as unhandled.
    result.catch(() => undefined);
    return result;
  });
  for (const result of results) yield await result;
}
