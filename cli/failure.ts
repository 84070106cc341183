import type { Refused } from '../contract/client.ts';

/** A command could not do what it was asked. The message is for the user: what, why, what to do. */
export class CommandFailedError extends Error {
  override name = 'CommandFailedError';
}

/** The body of a good answer. @throws CommandFailedError when the service refused. */
export function expectOk<A extends Refused | { readonly ok: true; readonly body: unknown }>(
  answer: A,
): Extract<A, { readonly ok: true }>['body'] {
  if (answer.ok) return (answer as Extract<A, { readonly ok: true }>).body;
  throw new CommandFailedError(describeRefusal(answer));
}

/** Why work failed, in a sentence. What a function threw comes wrapped in JSON by the service that called it. */
export function describeError({
  error,
}: {
  readonly error?: { readonly name: string; readonly cause: string } | undefined;
}): string {
  if (error === undefined) return 'no reason was recorded.';
  try {
    const { errorMessage } = JSON.parse(error.cause) as { readonly errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : `${error.name}: ${error.cause}`;
  } catch {
    return `${error.name}: ${error.cause}`;
  }
}

/** A problem document as sentences: what is wrong, then each field with the rule that it broke. */
export function describeRefusal({ problem, status, kind }: Refused): string {
  const errors = problem.errors ?? [];
  const fields = errors.map(({ field, rule }) => `  ${field}: ${rule}`);
  // With fields listed below it, the detail would say the same once more.
  const detail = errors.length > 0 ? '' : sentence(problem.detail);
  const lines = [`${sentence(problem.title)}${detail && detail !== sentence(problem.title) ? ` ${detail}` : ''}`];
  lines.push(...fields);
  if (kind === 'unknown-key') lines.push('Give the key with --key or in RECKONER_KEY.');
  lines.push(`(${kind === 'unrecognised' ? '' : `${kind}, `}status ${status}${requestOf(problem.requestId)})`);
  return lines.join('\n');
}

function requestOf(requestId: string | undefined): string {
  return requestId === undefined ? '' : `, request ${requestId}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
