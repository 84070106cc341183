import { expect } from 'vitest';
import type { ServiceCall } from '../../../local/states/runtime.ts';
import { type Bench, lambdaAnswer, lambdaError, task } from './harness.ts';

/** A Distributed Map whose children run one state. */
export function distributed(state: object, more: object = {}, type = 'STANDARD'): object {
  return {
    Type: 'Map',
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: type },
      StartAt: 'Item',
      States: { Item: { ...state, End: true } },
    },
    ...more,
  };
}

export const work = task({ Arguments: { FunctionName: 'work', Payload: '{% $states.input %}' } });
export const onlyWork = task({
  Arguments: { FunctionName: 'work', Payload: '{% $states.input %}' },
  Output: '{% $states.result.Payload %}',
});

/** Answers like S3 and like a function that gives its payload back, or fails for the payloads told. */
export function services(objects: Record<string, string> = {}, failingFor: readonly unknown[] = []) {
  return async ({ service, action, input }: ServiceCall): Promise<unknown> => {
    if (service === 'states' || action === 'putObject') return {};
    if (action === 'getObject') return { Body: objects[String(input.Key)] };
    return failingFor.includes(input.Payload) ? lambdaError('Bad') : lambdaAnswer(input.Payload);
  };
}

export async function onlyMapRun({ engine }: Bench, executionArn: string): Promise<Record<string, unknown>> {
  const { mapRuns } = (await engine.handle('ListMapRuns', { executionArn })) as { mapRuns: { mapRunArn: string }[] };
  expect(mapRuns).toHaveLength(1);
  return (await engine.handle('DescribeMapRun', { mapRunArn: mapRuns[0]?.mapRunArn })) as Record<string, unknown>;
}
