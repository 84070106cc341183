/**
 * Why a state failed, as `Retry` and `Catch` see it: an error name (`States.Timeout`, `Lambda.ServiceException`, a
 * function's own `errorType`...) and a text. Either may be missing, as a Fail state may leave them out.
 */
export class StateFailure extends Error {
  override name = 'StateFailure';
  readonly error: string | undefined;
  readonly reason: string | undefined;
  /** The field whose expression failed, `Output/total`; only of a `States.QueryEvaluationError`. */
  readonly location: string | undefined;

  constructor(error: string | undefined, reason: string | undefined, location?: string) {
    super([error, reason].filter((part) => part !== undefined).join(': '));
    this.error = error;
    this.reason = reason;
    this.location = location;
  }
}

/** Why an execution was ended from outside its own states: stopped, out of time, or the whole engine was stopped. */
export class ExecutionInterrupted extends Error {
  override name = 'ExecutionInterrupted';
  readonly status: 'ABORTED' | 'TIMED_OUT';
  readonly error: string | undefined;
  readonly reason: string | undefined;

  constructor(status: 'ABORTED' | 'TIMED_OUT', error?: string, reason?: string) {
    super(`The execution ended as ${status}.`);
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

export const QUERY_ERROR = 'States.QueryEvaluationError';
export const TIMEOUT = 'States.Timeout';
export const HEARTBEAT_TIMEOUT = 'States.HeartbeatTimeout';
export const RUNTIME_ERROR = 'States.Runtime';
export const DATA_LIMIT_EXCEEDED = 'States.DataLimitExceeded';

/**
 * Whether a retrier's or catcher's `ErrorEquals` covers an error, by the rules of AWS's developer guide, "Handling
 * errors in Step Functions workflows": `States.Runtime` always fails the execution, `States.DataLimitExceeded` is
 * covered by its own name only, and `States.TaskFailed` stands for everything but a timeout.
 */
export function covers(errorEquals: readonly string[], error: string | undefined): boolean {
  if (error === RUNTIME_ERROR) return false;
  if (error !== undefined && errorEquals.includes(error)) return true;
  if (error === DATA_LIMIT_EXCEEDED) return false;
  // A missed heartbeat is a timeout too, with a narrower name for those who want to tell the two apart.
  if (error === HEARTBEAT_TIMEOUT && errorEquals.includes(TIMEOUT)) return true;
  if (errorEquals.includes('States.ALL')) return true;
  return errorEquals.includes('States.TaskFailed') && error !== TIMEOUT && error !== HEARTBEAT_TIMEOUT;
}

/** What `$states.errorOutput` holds in a catcher, and what a catcher without `Output` hands on. */
export function errorOutputOf(failure: StateFailure): Record<string, string> {
  return {
    Error: failure.error ?? '',
    ...(failure.reason === undefined ? {} : { Cause: failure.reason }),
  };
}
