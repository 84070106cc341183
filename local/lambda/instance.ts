import { Worker } from 'node:worker_threads';
import type { FunctionError, WorkerMessage, WorkerRequest, WorkerStart } from './protocol.ts';

/** One running environment of a function: a worker thread that handles one event at a time. */
export interface Instance {
  /** Runs one event. Callers wait for the outcome before they give it another. Never rejects. */
  handle(request: WorkerRequest): Promise<Outcome>;
  /** False once the worker has ended or is about to: it must not be given another event. */
  isAlive(): boolean;
  stop(): Promise<void>;
}

/** JSON text on success. */
export type Outcome = { readonly payload: string } | { readonly error: FunctionError };

export interface InstanceOptions {
  readonly start: WorkerStart;
  /** The whole environment of the function: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly onOutput: (text: string) => void;
}

/** Lambda gives the code outside the handler ten seconds. */
const INIT_SECONDS_MAX = 10;

/**
 * Starts an instance and waits until its handler is loaded.
 *
 * @returns how loading failed, when it did; the worker has then ended
 */
export async function startInstance(options: InstanceOptions): Promise<Instance | FunctionError> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: options.start,
    env: { ...options.environment },
    argv: [],
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: options.memoryMegabytes },
  });
  let alive = true;
  let crash: string | undefined;
  let settle: ((outcome: Outcome) => void) | undefined;
  const finish = (outcome: Outcome) => {
    settle?.(outcome);
    settle = undefined;
  };

  worker.on('message', (message: WorkerMessage) => {
    if (message.output !== '') options.onOutput(message.output);
    if (message.kind === 'output') return;
    if (message.kind === 'ready') return finish({ payload: '' });
    if (message.kind === 'result') return finish({ payload: message.payload });
    if (message.fatal) alive = false;
    finish({ error: message.error });
  });
  worker.on('error', (error) => {
    crash = error.message;
  });
  worker.on('exit', (code) => {
    alive = false;
    finish({ error: exited(crash ?? `exit status ${code}`) });
  });

  /** Waits for the worker's next answer; a worker that is too late is ended. */
  function answer(secondsMax: number, tooLate: FunctionError): Promise<Outcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        alive = false;
        finish({ error: tooLate });
        void worker.terminate();
      }, secondsMax * 1000);
      settle = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
    });
  }

  const loaded = await answer(INIT_SECONDS_MAX, timedOut('INIT', INIT_SECONDS_MAX));
  if ('error' in loaded) return loaded.error;

  return {
    async handle(request) {
      if (!alive) return { error: exited(crash ?? 'exit status 1') };
      const answered = answer(options.timeoutSeconds, timedOut(request.requestId, options.timeoutSeconds));
      worker.postMessage(request);
      return answered;
    },
    isAlive: () => alive,
    async stop() {
      alive = false;
      await worker.terminate();
    },
  };
}

function timedOut(requestId: string, seconds: number): FunctionError {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`;
  return { errorType: 'Sandbox.Timedout', errorMessage };
}

function exited(why: string): FunctionError {
  return { errorType: 'Runtime.ExitError', errorMessage: `Error: Runtime exited with error: ${why}` };
}
