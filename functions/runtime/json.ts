/** Prototype names are dropped on the way by some readers, and so must not be there to be dropped. */
export class ForbiddenKeyError extends Error {
  override name = 'ForbiddenKeyError';
}

/** Deeper than anything that is read here by far, and flat enough for whatever walks through a document by recursion. */
const NESTING_MAX = 64;

export const TOO_DEEP_RULE = `must not be nested more than ${NESTING_MAX} deep`;

/** A document is nested more deeply than any that means something. */
export class TooDeepError extends Error {
  override name = 'TooDeepError';
}

/**
 * Parses JSON without bending it. A number that is not written as an integer becomes NaN, which no field takes:
 * JSON.parse alone would round 0.99999999999999999 to 1.
 * @throws SyntaxError, ForbiddenKeyError, TooDeepError
 */
export function parseUnbent(text: string): unknown {
  if (isTooDeep(text)) throw new TooDeepError(`JSON ${TOO_DEEP_RULE}.`);
  return JSON.parse(text, (key: string, value: unknown, context?: { readonly source?: string }) => {
    if (key === '__proto__') throw new ForbiddenKeyError('A JSON object must not have the key "__proto__".');
    return typeof value === 'number' && !/^-?[0-9]+$/.test(context?.source ?? '') ? Number.NaN : value;
  });
}

/** Counts brackets outside texts; what is no JSON, the parser finds. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > NESTING_MAX) return true;
  }
  return false;
}

/** A text, as far as it goes, or a bracket. */
const TOKENS = /"(?:[^"\\]|\\.)*"?|[[\]{}]/gs;
