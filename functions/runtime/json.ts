/** Prototype names are dropped on the way by some readers, and so must not be there to be dropped. */
export class ForbiddenKeyError extends Error {
  override name = 'ForbiddenKeyError';
}

/**
 * Parses JSON without bending it. A number that is not written as an integer becomes NaN, which no field takes:
 * JSON.parse alone would round 0.99999999999999999 to 1.
 * @throws SyntaxError, ForbiddenKeyError
 */
export function parseUnbent(text: string): unknown {
  return JSON.parse(text, (key: string, value: unknown, context?: { readonly source?: string }) => {
    if (key === '__proto__') throw new ForbiddenKeyError('A JSON object must not have the key "__proto__".');
    return typeof value === 'number' && !/^-?[0-9]+$/.test(context?.source ?? '') ? Number.NaN : value;
  });
}
