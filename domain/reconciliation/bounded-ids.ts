/** A set of ids that is exact up to a size, and beyond it says "at least so many". */
export interface BoundedIds {
  /** In order of text. */
  readonly ids: readonly string[];
  /** There were more; these are the first in order of text, which makes merging associative. */
  readonly more: boolean;
}

/** Ids that are told apart: a few hundred kilobytes in a part of a run. */
export const IDS_MAX = 10_000;

export interface GrowingIds {
  add(id: string): void;
  addAll(other: BoundedIds): void;
  result(): BoundedIds;
}

export function createBoundedIds(max: number = IDS_MAX): GrowingIds {
  let ids = new Set<string>();
  let more = false;

  const shrink = () => {
    if (ids.size <= max) return;
    ids = new Set([...ids].sort().slice(0, max));
    more = true;
  };
  const add = (id: string) => {
    ids.add(id);
    // Sorting at twice the size keeps the cost of a set that runs over proportional to what is added.
    if (ids.size >= 2 * max) shrink();
  };

  return {
    add,
    addAll(other) {
      other.ids.forEach(add);
      more ||= other.more;
    },
    result() {
      shrink();
      return { ids: [...ids].sort(), more };
    },
  };
}
