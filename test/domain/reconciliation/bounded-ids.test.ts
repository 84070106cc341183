import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBoundedIds } from '../../../domain/reconciliation/bounded-ids.ts';

it('is the first so many ids in order, however they came together', () => {
  const ids = fc.array(fc.string({ maxLength: 2 }), { maxLength: 30 });
  fc.assert(
    fc.property(ids, ids, fc.integer({ min: 1, max: 8 }), (left, right, max) => {
      const boundedOf = (list: readonly string[]) => {
        const bounded = createBoundedIds(max);
        list.forEach(bounded.add);
        return bounded;
      };
      const all = [...new Set([...left, ...right])].sort();
      const merged = boundedOf(left);
      merged.addAll(boundedOf(right).result());
      expect(merged.result()).toEqual({ ids: all.slice(0, max), more: all.length > max });
    }),
  );
});
