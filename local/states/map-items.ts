import type { MapState } from './definition.ts';
import { unexpectedType } from './query.ts';
import { evaluateField, type Step } from './step.ts';

/**
 * A Map's `Items`, or its input when it has none.
 *
 * @throws StateFailure `States.QueryEvaluationError` when that is not an array.
 */
export async function mapItems(step: Step<MapState>): Promise<readonly unknown[]> {
  const { state } = step;
  const items = 'Items' in state ? await evaluateField(step, state.Items, 'Items') : step.input;
  if (!Array.isArray(items)) throw unexpectedType('Items', 'array', items);
  return items;
}
