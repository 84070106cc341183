/** Something that runs until it is stopped. */
export interface Stoppable {
  stop(): Promise<void> | void;
}

/** Notes that something was started, so that it is stopped in its turn. */
export type Own = <T extends Stoppable>(one: T) => T;

/** Keeps what was started, and stops it all: the last first, once, and the rest also when one of them cannot be stopped. */
export function createOwner(): { readonly own: Own; stop(): Promise<void> } {
  const started: Stoppable[] = [];
  let stopping: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let one = started.pop(); one !== undefined; one = started.pop()) {
      try {
        await one.stop();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  return {
    own(one) {
      started.push(one);
      return one;
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/** Waits for all even when one fails, so that nothing is still starting when what was started is stopped. */
export async function allStarted<T extends readonly unknown[]>(
  starting: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  await Promise.allSettled(starting);
  return (await Promise.all(starting)) as unknown as T;
}
