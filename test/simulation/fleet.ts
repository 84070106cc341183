import { createInstance, type Instance } from './instances.ts';
import type { World } from './world.ts';

/** The environments of one function: each does one thing at a time, is used again, and may die. */
export interface Fleet<Handler> {
  invoke<Answer>(run: (handler: Handler) => Promise<Answer>): Promise<Invoked<Answer>>;
}

export type Invoked<Answer> =
  /** @param isAmbiguous a call of it may have done something that it does not know of. */
  | { readonly kind: 'answered'; readonly answer: Answer; readonly isAmbiguous: boolean }
  | { readonly kind: 'failed'; readonly error: Error; readonly isAmbiguous: boolean }
  | { readonly kind: 'died' };

/** Milliseconds after which an environment that nobody used is gone, and all that it remembers. */
const IDLE_MS = 20 * 60_000;

export function createFleet<Handler>(
  world: World,
  name: string,
  make: (instance: Instance) => Handler,
): Fleet<Handler> {
  const idle: { readonly instance: Instance; readonly handler: Handler; readonly since: number }[] = [];
  let made = 0;

  function take() {
    const now = world.scheduler.now();
    while (idle[0] !== undefined && now - idle[0].since > IDLE_MS) idle.shift();
    while (idle.length > 0) {
      const [free] = idle.splice(world.random.below(idle.length), 1);
      // What goes on beside requests may have killed it since.
      if (free !== undefined && !free.instance.isDead) return free;
    }
    made += 1;
    const instance = createInstance(world, `${name}-${made}`);
    return { instance, handler: make(instance) };
  }

  return {
    invoke: (run) =>
      new Promise((resolve) => {
        const { instance, handler } = take();
        instance.isAmbiguous = false;
        instance.onDeath = () => resolve({ kind: 'died' });
        const end = <Ended>(ended: Ended) => {
          idle.push({ instance, handler, since: world.scheduler.now() });
          return { ...ended, isAmbiguous: instance.isAmbiguous };
        };
        run(handler).then(
          (answer) => resolve(end({ kind: 'answered', answer })),
          (error: Error) => resolve(end({ kind: 'failed', error })),
        );
      }),
  };
}
