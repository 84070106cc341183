import { AwsError } from '../resources.ts';
import { StateFailure } from './failure.ts';

/** The tasks that wait for somebody outside to answer with their token. */
export interface TaskTokens {
  open(): OpenTask;
  /** @throws AwsError `TaskDoesNotExist` for an unknown token, `TaskTimedOut` for one that nobody waits for any more. */
  succeed(token: string, output: unknown): void;
  fail(token: string, error: string | undefined, cause: string | undefined): void;
  heartbeat(token: string): void;
}

export interface OpenTask {
  readonly token: string;
  /** What the task was answered. Rejects with a StateFailure when it was answered that it failed. */
  readonly answer: Promise<unknown>;
  nextHeartbeat(): Promise<void>;
  /** From now on answers come too late. */
  close(): void;
}

interface Pending {
  readonly answer: PromiseWithResolvers<unknown>;
  beat: PromiseWithResolvers<void>;
}

export function createTaskTokens(newId: () => string): TaskTokens {
  const pending = new Map<string, Pending>();
  const closed = new Set<string>();

  function find(token: string): Pending {
    const task = pending.get(token);
    if (task !== undefined) return task;
    if (closed.has(token)) {
      throw new AwsError('TaskTimedOut', 'Task Timed Out: the task was answered, timed out or was stopped before.');
    }
    throw new AwsError('TaskDoesNotExist', 'Task does not exist: no task has this token.');
  }

  function close(token: string): void {
    pending.delete(token);
    closed.add(token);
  }

  return {
    open() {
      const token = newId();
      const task: Pending = { answer: Promise.withResolvers(), beat: Promise.withResolvers() };
      // An answer may come before the task has begun to wait for it.
      task.answer.promise.catch(() => undefined);
      pending.set(token, task);
      return {
        token,
        answer: task.answer.promise,
        nextHeartbeat: () => task.beat.promise,
        close: () => close(token),
      };
    },
    succeed(token, output) {
      find(token).answer.resolve(output);
      close(token);
    },
    fail(token, error, cause) {
      find(token).answer.reject(new StateFailure(error, cause));
      close(token);
    },
    heartbeat(token) {
      const task = find(token);
      task.beat.resolve();
      task.beat = Promise.withResolvers();
    },
  };
}
