import type { ItemBatcher, MapState } from './definition.ts';
import { DATA_LIMIT_EXCEEDED, StateFailure } from './failure.ts';
import { PAYLOAD_LIMIT_BYTES } from './json.ts';
import { evaluateField, evaluateNumber, type Step } from './step.ts';

/** The input of one child execution, and how many items are in it. */
export interface ChildInput {
  readonly input: unknown;
  readonly itemCount: number;
}

/** What the children of a Distributed Map get: each item its own child, or batches as ItemBatcher says. */
export async function childInputs(step: Step<MapState>, items: readonly unknown[]): Promise<ChildInput[]> {
  const { ItemSelector: selector, ItemBatcher: batcher } = step.state;
  const selected: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const mapItem = { Index: index, Value: item };
    selected.push(selector === undefined ? item : await evaluateField(step, selector, 'ItemSelector', { mapItem }));
  }
  if (batcher === undefined) return selected.map((input) => ({ input, itemCount: 1 }));
  return batches(selected, await batchLimits(step, batcher));
}

interface BatchLimits {
  /** What every batch has beside its Items. */
  readonly shared: { readonly BatchInput?: unknown };
  readonly maxItems: number;
  readonly maxBytes: number;
}

async function batchLimits(step: Step<MapState>, batcher: ItemBatcher): Promise<BatchLimits> {
  const field = (name: string) => `ItemBatcher/${name}`;
  const maxItems = await evaluateNumber(step, batcher.MaxItemsPerBatch, field('MaxItemsPerBatch'));
  const maxBytes = await evaluateNumber(step, batcher.MaxInputBytesPerBatch, field('MaxInputBytesPerBatch'));
  const shared =
    'BatchInput' in batcher ? { BatchInput: await evaluateField(step, batcher.BatchInput, field('BatchInput')) } : {};
  // Both take 0 for "as many as fit".
  return { shared, maxItems: maxItems || Number.POSITIVE_INFINITY, maxBytes: maxBytes || PAYLOAD_LIMIT_BYTES };
}

function batches(items: readonly unknown[], { shared, maxItems, maxBytes }: BatchLimits): ChildInput[] {
  const emptyBytes = jsonBytes({ ...shared, Items: [] });
  const inputs: ChildInput[] = [];
  let batch: unknown[] = [];
  let bytes = emptyBytes;
  const close = () => {
    if (batch.length > 0) inputs.push({ input: { ...shared, Items: batch }, itemCount: batch.length });
    batch = [];
    bytes = emptyBytes;
  };
  for (const item of items) {
    const itemBytes = jsonBytes(item) + 1; // and its comma
    if (batch.length >= maxItems || bytes + itemBytes > maxBytes) close();
    if (bytes + itemBytes > maxBytes) {
      throw new StateFailure(
        DATA_LIMIT_EXCEEDED,
        `An item of ${itemBytes} bytes does not fit into a batch of ${maxBytes}.`,
      );
    }
    batch.push(item);
    bytes += itemBytes;
  }
  close();
  return inputs;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
