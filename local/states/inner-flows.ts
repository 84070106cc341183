import type { Frame } from './runtime.ts';
import { forEachIndex } from './waiting.ts';

/**
 * Runs flows inside a state, each in a frame of its own, and gives their outputs in order. When one fails the others
 * are stopped and awaited, and its error is thrown.
 */
export async function runInnerFlows(
  frame: Frame,
  kind: 'Parallel' | 'Map',
  { count, limit }: { readonly count: number; readonly limit: number },
  run: (index: number, inner: Frame) => Promise<unknown>,
): Promise<unknown[]> {
  const halt = new AbortController();
  const signal = AbortSignal.any([frame.signal, halt.signal]);
  const outputs: unknown[] = new Array(count).fill(null);
  const settling: Promise<unknown>[] = [];
  try {
    await forEachIndex(count, limit, (index) => {
      const inner: Frame = { ...frame, trail: frame.trail.fork(), signal, topLevel: false };
      const running = run(index, inner).then((output) => {
        outputs[index] = output;
      });
      settling.push(running);
      return running;
    });
    return outputs;
  } catch (error) {
    halt.abort(error);
    await Promise.allSettled(settling);
    if (!frame.signal.aborted) frame.trail.record(`${kind}StateFailed`);
    throw error;
  }
}
