/**
 * A handler that is built at its first event, so that importing a function's file needs no environment: tests import
 * `makeHandler` and give it their own dependencies.
 */
export function lazily<Arguments extends unknown[], Result>(
  build: () => (...parameters: Arguments) => Result,
): (...parameters: Arguments) => Result {
  let handler: ((...parameters: Arguments) => Result) | undefined;
  return (...parameters) => {
    handler ??= build();
    return handler(...parameters);
  };
}
