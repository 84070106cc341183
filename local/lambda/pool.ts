import type { Instance, Outcome } from './instance.ts';
import type { FunctionError, WorkerRequest } from './protocol.ts';

/** The instances of one function: reused warm, grown on demand to a limit; events beyond it wait in line. */
export interface Pool {
  /** @param request is called when an instance is free, so that waiting does not count against the function's time */
  run(request: () => WorkerRequest): Promise<Outcome>;
  stop(): Promise<void>;
}

interface Waiting {
  readonly request: () => WorkerRequest;
  readonly settle: (outcome: Outcome) => void;
}

/** @param start starts one instance, or says how its code failed to load */
export function createPool(instancesMax: number, start: () => Promise<Instance | FunctionError>): Pool {
  const instances = new Set<Instance>();
  const idle: Instance[] = [];
  const line: Waiting[] = [];
  let starting = 0;
  let stopped = false;

  /** The most recently used instance comes first: the others' memory can be swapped out. */
  function takeIdle(): Instance | undefined {
    for (let instance = idle.pop(); instance !== undefined; instance = idle.pop()) {
      if (instance.isAlive()) return instance;
      instances.delete(instance);
    }
    return undefined;
  }

  async function serve(instance: Instance, first: Waiting): Promise<void> {
    let next: Waiting | undefined = first;
    while (next !== undefined) {
      next.settle(await instance.handle(next.request()));
      if (!instance.isAlive()) {
        instances.delete(instance);
        growToDemand();
        return;
      }
      next = line.shift();
    }
    idle.push(instance);
  }

  async function grow(): Promise<void> {
    starting += 1;
    const instance = await start();
    starting -= 1;
    if ('errorType' in instance) {
      line.shift()?.settle({ error: instance });
      return growToDemand();
    }
    if (stopped) return instance.stop();
    instances.add(instance);
    const first = line.shift();
    if (first === undefined) idle.push(instance);
    else await serve(instance, first);
  }

  function growToDemand(): void {
    while (!stopped && line.length > starting && instances.size + starting < instancesMax) void grow();
  }

  return {
    run(request) {
      return new Promise((settle) => {
        const instance = takeIdle();
        if (instance !== undefined) return void serve(instance, { request, settle });
        line.push({ request, settle });
        growToDemand();
      });
    },
    async stop() {
      stopped = true;
      const error = { errorType: 'Runtime.ExitError', errorMessage: 'Error: the local cloud was stopped' };
      for (const waiting of line.splice(0)) waiting.settle({ error });
      await Promise.all([...instances].map((instance) => instance.stop()));
    },
  };
}
