import type { MapState } from './definition.ts';
import type { StateFailure } from './failure.ts';
import type { JsonObject } from './json.ts';
import { serviceFailure } from './service-failure.ts';
import type { Step } from './step.ts';
import { unlessAborted } from './waiting.ts';

/**
 * Makes a call that a Distributed Map needs for itself: for its items, its permission or its results.
 *
 * @throws StateFailure as `failure` words what the service said.
 */
export async function callForMap(
  step: Step<MapState>,
  [service, action]: readonly [service: 's3' | 'states', action: string],
  input: JsonObject,
  failure: (serviceSaid: StateFailure) => StateFailure,
): Promise<unknown> {
  const { runtime, execution, signal } = step.frame;
  const call = { roleArn: execution.roleArn, service, action, input, state: step.name };
  return unlessAborted(runtime.callService(call), signal).catch((error: unknown) => {
    throw failure(serviceFailure({ service, integration: 'optimized' }, error));
  });
}
