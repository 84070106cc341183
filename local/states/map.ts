import { isDistributed, type MapState } from './definition.ts';
import { performDistributedMap } from './distributed-map.ts';
import { runInnerFlows } from './inner-flows.ts';
import { mapItems } from './map-items.ts';
import type { Frame } from './runtime.ts';
import { evaluateField, evaluateNumber, type Outcome, type Step } from './step.ts';

/** How many items of an inline Map AWS runs at once at most. */
const INLINE_CONCURRENCY = 40;

/** Runs a flow for every item; the result is the array of its outputs. */
export async function performMap(step: Step<MapState>): Promise<Outcome> {
  const result = await (isDistributed(step.state) ? performDistributedMap(step) : performInlineMap(step));
  return { leaving: step.state, fallback: result, seen: { result }, next: step.state.Next };
}

async function performInlineMap(step: Step<MapState>): Promise<unknown[]> {
  const { state, frame } = step;
  const items = await mapItems(step);
  const wanted = await evaluateNumber(step, state.MaxConcurrency, 'MaxConcurrency');
  const limit = Math.min(wanted || INLINE_CONCURRENCY, INLINE_CONCURRENCY, frame.runtime.concurrencyCeiling);
  frame.trail.record('MapStateStarted', { length: items.length });
  const outputs = await runInnerFlows(frame, 'Map', { count: items.length, limit }, (index, inner) =>
    runIteration(step, { Index: index, Value: items[index] }, inner),
  );
  frame.trail.record('MapStateSucceeded');
  return outputs;
}

async function runIteration(
  step: Step<MapState>,
  mapItem: { readonly Index: number; readonly Value: unknown },
  inner: Frame,
): Promise<unknown> {
  const about = { name: step.name, index: mapItem.Index };
  inner.trail.record('MapIterationStarted', about);
  try {
    const { ItemSelector: selector } = step.state;
    const input =
      selector === undefined ? mapItem.Value : await evaluateField(step, selector, 'ItemSelector', { mapItem });
    const output = await inner.runtime.runFlow(step.state.ItemProcessor, input, { ...inner, mapItem });
    inner.trail.record('MapIterationSucceeded', about);
    return output;
  } catch (error) {
    inner.trail.record(inner.signal.aborted ? 'MapIterationAborted' : 'MapIterationFailed', about);
    throw error;
  }
}
